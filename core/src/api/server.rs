use serde::Serialize;

use crate::call::{Call, ETag, Request, Tagged, Target, tagged};
use crate::flow::{Edit, Settle};
use crate::model::Server;

/// The server itself.
#[must_use]
pub const fn server() -> ServerHandle {
    ServerHandle(())
}

/// The server's own configuration, and what it says of itself.
#[derive(Debug, Clone, Copy)]
pub struct ServerHandle(());

impl ServerHandle {
    fn target() -> Target {
        Target::at("/1.0")
    }

    /// `GET /1.0`.
    #[must_use]
    pub fn get(&self) -> Call<Tagged<Server>> {
        Request::get(Self::target()).answered(tagged)
    }

    /// `PUT /1.0`: the configuration as `server` has it, all of it. With `etag`, only if nobody changed it since.
    ///
    /// A key that is left out is unset. Not so the `user.*` keys (LXD 5.0.2, Incus 6.0.4): an empty text unsets
    /// those, too.
    #[must_use]
    pub fn replace(&self, server: &Server, etag: Option<&ETag>) -> Settle<()> {
        Settle::plain(Request::put(Self::target()).json(&server.writable()).if_match(etag))
    }

    /// `PATCH /1.0`: only the keys that `change` names, such as `{"config": {"user.x": "1"}}`; an empty text
    /// unsets a key.
    ///
    /// A patch that Incus 6.0.4 refuses has unset the keys of the member all the same, `core.https_address`
    /// among them; [`edit`](Self::edit) has no such trap.
    #[must_use]
    pub fn patch(&self, change: &impl Serialize) -> Settle<()> {
        Settle::plain(Request::patch(Self::target()).json(change))
    }

    /// Get, change, put, and again if somebody else changed it meanwhile. A `user.*` key is unset by
    /// an empty text, not by its removal: see [`replace`](Self::replace).
    #[must_use]
    pub fn edit<F: FnMut(&mut Server)>(&self, change: F) -> Edit<Server, F> {
        Edit::new(Self::target(), change)
    }
}
