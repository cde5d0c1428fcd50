use serde::Serialize;

use super::listing::{Listing, listed};
use super::naming::{self, checked};
use super::scope::{Scope, scoped};
use crate::call::{self, Call, ETag, Request, Tagged, Target};
use crate::flow::{Edit, Settle};
use crate::model::{Name, Profile, ProfileCreate, Reference};

/// The profiles of the client's project.
#[must_use]
pub fn profiles() -> ProfilesHandle {
    ProfilesHandle::default()
}

/// The profile of that name.
#[must_use]
pub fn profile(name: impl Into<String>) -> ProfileHandle {
    ProfileHandle { name: name.into(), scope: Scope::default() }
}

/// The profiles of a project, or of all.
#[derive(Debug, Clone, Default)]
pub struct ProfilesHandle {
    scope: Scope,
    listing: Listing,
}

/// One profile, by name.
#[derive(Debug, Clone)]
pub struct ProfileHandle {
    name: String,
    scope: Scope,
}

scoped!(ProfilesHandle, ProfileHandle);
listed!(ProfilesHandle);

impl ProfilesHandle {
    /// `GET /1.0/profiles`: where they are, which holds their names.
    #[must_use]
    pub fn names(&self) -> Call<Vec<Reference>> {
        self.listing.names(Target::at("/1.0/profiles"), &self.scope, "profiles_all_projects")
    }

    /// `GET /1.0/profiles?recursion=1`: the profiles.
    #[must_use]
    pub fn all(&self) -> Call<Vec<Profile>> {
        self.listing.call(Target::at("/1.0/profiles"), &self.scope, 1, "profiles_all_projects")
    }

    /// `POST /1.0/profiles`: makes a profile.
    #[must_use]
    pub fn create(&self, create: &ProfileCreate) -> Settle<()> {
        let request = Request::post(self.scope.on(Target::at("/1.0/profiles"))).json(create);
        Settle::plain(checked(request, "profile", &create.name))
    }
}

impl ProfileHandle {
    fn here(&self) -> Target {
        self.scope.on(Target::at("/1.0/profiles").name("profile", &self.name))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// `GET /1.0/profiles/NAME`.
    #[must_use]
    pub fn get(&self) -> Call<Tagged<Profile>> {
        Request::get(self.here()).answered(call::tagged)
    }

    /// `GET /1.0/profiles/NAME`: whether it exists.
    #[must_use]
    pub fn exists(&self) -> Call<bool> {
        Request::get(self.here()).answered(call::exists)
    }

    /// `PUT /1.0/profiles/NAME`: all that can be set, as `profile` has it. With `etag`, only if nobody changed
    /// it since.
    #[must_use]
    pub fn replace(&self, profile: &Profile, etag: Option<&ETag>) -> Settle<()> {
        Settle::plain(Request::put(self.here()).json(&profile.writable()).if_match(etag))
    }

    /// `PATCH /1.0/profiles/NAME`: only what `change` names, such as `{"config": {"limits.cpu": "2"}}`; an
    /// empty text unsets a key.
    #[must_use]
    pub fn patch(&self, change: &impl Serialize) -> Settle<()> {
        Settle::plain(Request::patch(self.here()).json(change))
    }

    /// Get, change, put, and again if somebody else changed it meanwhile.
    #[must_use]
    pub fn edit<F: FnMut(&mut Profile)>(&self, change: F) -> Edit<Profile, F> {
        Edit::new(self.here(), change)
    }

    /// `POST /1.0/profiles/NAME`: gives it another name.
    #[must_use]
    pub fn rename(&self, name: impl Into<String>) -> Settle<Name> {
        naming::rename(self.here(), "profile", name.into())
    }

    /// `DELETE /1.0/profiles/NAME`. The default profile, and one that is in use, cannot be.
    #[must_use]
    pub fn delete(&self) -> Settle<()> {
        Settle::plain(Request::delete(self.here()))
    }
}
