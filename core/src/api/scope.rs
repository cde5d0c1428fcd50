use crate::call::Target;

/// Which project a handle is in, if not the client's.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Scope(pub(super) Option<String>);

impl Scope {
    /// The target within the scope. Nothing but queries can follow.
    pub(super) fn on(&self, target: Target) -> Target {
        match &self.0 {
            Some(project) => target.query("project", project),
            None => target,
        }
    }
}

/// Gives handles their `in_project`.
macro_rules! scoped {
    ($($handle:ty),+ $(,)?) => {$(
        impl $handle {
            /// In this project, whatever the client's.
            #[must_use]
            pub fn in_project(mut self, project: impl Into<String>) -> Self {
                self.scope = $crate::api::scope::Scope(Some(project.into()));
                self
            }
        }
    )+};
}

pub(super) use scoped;
