use std::time::Duration;

use super::scope::{Scope, scoped};
use crate::call::{self, Call, CallError, Request, Target};
use crate::flow::{Ended, Settle};
use crate::model::{Operation, OperationId, OperationList, OperationReferences};

/// The operations of the client's project.
#[must_use]
pub fn operations() -> OperationsHandle {
    OperationsHandle::default()
}

/// The operation of that id, path or URL.
#[must_use]
pub fn operation(id: impl AsRef<str>) -> OperationHandle {
    OperationHandle { id: OperationId::parse(id.as_ref()).map_err(|bad| bad.to_string()) }
}

/// What the server is at. An operation that ended is listed for another five seconds.
#[derive(Debug, Clone, Default)]
pub struct OperationsHandle {
    scope: Scope,
    all_projects: bool,
}

scoped!(OperationsHandle);

impl OperationsHandle {
    /// Of all projects at once, not only of one. API extension `operations_get_query_all_projects`.
    #[must_use]
    pub const fn all_projects(mut self) -> Self {
        self.all_projects = true;
        self
    }

    fn list(&self, depth: &str) -> Request {
        let target = Target::at("/1.0/operations").query("recursion", depth);
        if self.all_projects {
            Request::get(target.query("all-projects", "true")).needs("operations_get_query_all_projects")
        } else {
            Request::get(self.scope.on(target))
        }
    }

    /// `GET /1.0/operations`: where they are.
    #[must_use]
    pub fn names(&self) -> Call<OperationReferences> {
        self.list("0").answered(call::value)
    }

    /// `GET /1.0/operations?recursion=1`: the operations.
    #[must_use]
    pub fn all(&self) -> Call<OperationList> {
        self.list("1").answered(call::value)
    }
}

/// One operation, by id.
#[derive(Debug, Clone)]
pub struct OperationHandle {
    id: Result<OperationId, String>,
}

impl OperationHandle {
    fn target(&self) -> Target {
        match &self.id {
            Ok(id) => Target::at("/1.0/operations").name("operation", id),
            Err(bad) => {
                let mut target = Target::at("/1.0/operations");
                target.refuse(CallError::BadArgument { what: bad.clone() });
                target
            }
        }
    }

    /// `GET /1.0/operations/ID`. One that ended more than five seconds ago is not found.
    #[must_use]
    pub fn get(&self) -> Call<Operation> {
        Request::get(self.target()).answered(call::value)
    }

    /// `GET /1.0/operations/ID/wait`: waits on the server, at most for `time` if that is given, in whole
    /// seconds, rounded up.
    ///
    /// Servers differ in how they answer when the operation failed and when time is up, and some say the same
    /// for both: for a clear end use [`settle`](Self::settle).
    #[must_use]
    pub fn wait(&self, time: Option<Duration>) -> Call<Operation> {
        let seconds = time.map(|time| time.as_secs() + u64::from(time.subsec_nanos() > 0));
        let target = self.target().then("wait");
        let target = match seconds {
            Some(seconds) => target.query("timeout", &seconds.to_string()),
            None => target,
        };
        Request::get(target).long_poll(time).answered(call::value)
    }

    /// Follows it to its end: looks at it, waits, looks again.
    #[must_use]
    pub fn settle(&self) -> Settle<Operation> {
        let bad = self.target();
        match &self.id {
            Ok(id) => Settle::following(Operation::of(id.clone()), |ended| match ended {
                Ended::Operation(operation) => Ok(*operation),
                Ended::AtOnce(_) => Err(CallError::Malformed { status: 0, why: "it is no operation".into() }),
            }),
            Err(_) => Settle::new(Request::get(bad), |_| Ok(Operation::default())),
        }
    }

    /// `DELETE /1.0/operations/ID`: cancels it, if it can be
    /// ([`may_cancel`](Operation::may_cancel)). A command cannot: send it a signal.
    #[must_use]
    pub fn cancel(&self) -> Call<()> {
        Request::delete(self.target()).answered(call::nothing)
    }
}
