use serde::de::DeserializeOwned;

use super::scope::Scope;
use crate::call::{Call, CallError, Request, Target, value};
use crate::model::{List, Reference};
use crate::wire::Reply;

/// What a list is to hold.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Listing {
    pub(super) filter: Option<String>,
    pub(super) all_projects: bool,
}

impl Listing {
    /// The call for a list: of references for depth 0, of objects for 1, of objects with all below them for 2.
    pub(super) fn call<T: DeserializeOwned>(
        &self,
        target: Target,
        scope: &Scope,
        depth: u8,
        extension: &'static str,
    ) -> Call<Vec<T>> {
        let target = if self.all_projects { target.query("all-projects", "true") } else { scope.on(target) };
        let target = match depth {
            0 => target,
            depth => target.query("recursion", &depth.to_string()),
        };
        let mut request = Request::get(target).query("filter", self.filter.as_deref());
        if self.filter.is_some() {
            request = request.needs("api_filtering");
        }
        if self.all_projects {
            request = request.needs(extension);
        }
        request.answered(list::<T>)
    }

    /// The call for a list of references.
    pub(super) fn names(
        &self,
        target: Target,
        scope: &Scope,
        extension: &'static str,
    ) -> Call<Vec<Reference>> {
        self.call(target, scope, 0, extension)
    }
}

pub(super) fn list<T: DeserializeOwned>(reply: &Reply<'_>) -> Result<Vec<T>, CallError> {
    value::<List<T>>(reply).map(|list| list.0)
}

/// Gives handles of lists their options.
macro_rules! listed {
    ($handle:ty) => {
        impl $handle {
            /// Of all projects at once, not only of one.
            #[must_use]
            pub fn all_projects(mut self) -> Self {
                self.listing.all_projects = true;
                self
            }

            /// Only what fits this filter, in the server's own language: `status eq Running and
            /// config.user.role eq web`. API extension `api_filtering`.
            #[must_use]
            pub fn filter(mut self, filter: impl Into<String>) -> Self {
                self.listing.filter = Some(filter.into());
                self
            }
        }
    };
}

pub(super) use listed;
