use super::scope::{Scope, scoped};
use crate::call::{Request, Target};
use crate::flow::{IntoFlow, Watch};

/// What happens in the client's project: all types of events, unless some are chosen.
#[must_use]
pub fn events() -> EventsHandle {
    EventsHandle::default()
}

/// What happens on a server, to be started: `client.start(events().lifecycle())`.
///
/// Choose the types: without a choice the server sends its debug log too, several lines for every call.
#[derive(Debug, Clone, Default)]
pub struct EventsHandle {
    scope: Scope,
    types: Vec<String>,
    all_projects: bool,
}

scoped!(EventsHandle);

impl EventsHandle {
    /// What was made, changed or used.
    #[must_use]
    pub fn lifecycle(self) -> Self {
        self.kind("lifecycle")
    }

    /// Operations, at every change of theirs.
    #[must_use]
    pub fn operations(self) -> Self {
        self.kind("operation")
    }

    /// The server's log. It logs every call, also those of who reads it.
    #[must_use]
    pub fn logging(self) -> Self {
        self.kind("logging")
    }

    /// A type by its name, for those that this library does not know.
    #[must_use]
    pub fn kind(mut self, name: impl Into<String>) -> Self {
        self.types.push(name.into());
        self
    }

    /// Of all projects at once, not only of one.
    #[must_use]
    pub const fn all_projects(mut self) -> Self {
        self.all_projects = true;
        self
    }
}

impl IntoFlow for EventsHandle {
    type Flow = Watch;

    fn into_flow(self) -> Watch {
        let mut target = Target::at("/1.0/events");
        if !self.types.is_empty() {
            target = target.query("type", &self.types.join(","));
        }
        target = if self.all_projects { target.query("all-projects", "true") } else { self.scope.on(target) };
        Watch::new(Request::get(target))
    }
}
