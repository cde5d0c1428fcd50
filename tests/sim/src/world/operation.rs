use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use lxio_core::bytes::Moment;
use serde_json::{Map, Value, json};

use super::{Channel, Step, World};
use crate::http::{Answer, Answered, Refusal};

/// How long a finished operation is remembered.
const REMEMBERED: Duration = Duration::from_secs(5);

/// The id of an operation.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct OperationId(pub(crate) String);

impl OperationId {
    pub(crate) fn path(&self) -> String {
        format!("/1.0/operations/{}", self.0)
    }
}

/// What kind of thing it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// It works by itself.
    Task,
    /// A client is connected to it.
    Websocket,
    /// It stands for a secret until that is used.
    Token,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Pending,
    Running,
    Cancelling,
    Success,
    Failure,
    Cancelled,
}

impl Status {
    pub(crate) const fn code(self) -> u16 {
        match self {
            Self::Pending => 105,
            Self::Running => 103,
            Self::Cancelling => 104,
            Self::Success => 200,
            Self::Failure => 400,
            Self::Cancelled => 401,
        }
    }

    pub(crate) const fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Running | Self::Cancelling)
    }
}

/// How work of an operation ends: what is added to its metadata, or why it failed.
pub(crate) type Outcome = Result<Map<String, Value>, Ending>;

/// Why an operation failed. The code is what a wait says on Incus, which keeps the reason's own.
#[derive(Debug, Clone)]
pub(crate) struct Ending {
    pub(crate) code: u16,
    pub(crate) err: String,
    /// Added to the metadata all the same.
    pub(crate) metadata: Map<String, Value>,
}

impl Ending {
    pub(crate) fn new(err: impl Into<String>) -> Self {
        Self { code: 500, err: err.into(), metadata: Map::new() }
    }

    pub(crate) fn code(mut self, code: u16) -> Self {
        self.code = code;
        self
    }
}

impl From<Refusal> for Ending {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.text).code(refusal.code)
    }
}

/// An operation that is to begin.
#[derive(Debug)]
pub(crate) struct Begin {
    pub(crate) class: Class,
    pub(crate) description: &'static str,
    pub(crate) project: String,
    pub(crate) resources: Value,
    pub(crate) metadata: Value,
    pub(crate) may_cancel: bool,
    /// The websockets of it, by name.
    pub(crate) channels: BTreeMap<String, Channel>,
    /// They are pinged.
    pub(crate) pings: bool,
}

impl Begin {
    /// Work on `resources`, a map of lists of URLs.
    pub(crate) fn task(description: &'static str, project: &str, resources: Value) -> Self {
        Self {
            class: Class::Task,
            description,
            project: project.to_owned(),
            resources,
            metadata: Value::Null,
            may_cancel: false,
            channels: BTreeMap::new(),
            pings: true,
        }
    }
}

/// An operation.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) id: OperationId,
    pub(crate) class: Class,
    description: &'static str,
    pub(crate) project: String,
    created: Timestamp,
    updated: Timestamp,
    pub(crate) status: Status,
    pub(crate) resources: Value,
    pub(crate) metadata: Value,
    pub(crate) may_cancel: bool,
    pub(crate) err: String,
    pub(crate) err_code: u16,
    pub(crate) channels: BTreeMap<String, Channel>,
    pub(crate) pings: bool,
}

impl Operation {
    /// Its object.
    pub(crate) fn value(&self) -> Value {
        let status = match self.status {
            Status::Pending => "Pending",
            Status::Running => "Running",
            Status::Cancelling => "Cancelling",
            Status::Success => "Success",
            Status::Failure => "Failure",
            Status::Cancelled => "Cancelled",
        };
        let class = match self.class {
            Class::Task => "task",
            Class::Websocket => "websocket",
            Class::Token => "token",
        };
        json!({
            "id": self.id.0,
            "class": class,
            "description": self.description,
            "created_at": self.created.to_string(),
            "updated_at": self.updated.to_string(),
            "status": status,
            "status_code": self.status.code(),
            "resources": self.resources,
            "metadata": self.metadata,
            "may_cancel": self.may_cancel,
            "err": self.err,
            "location": "none",
        })
    }
}

impl World {
    /// Begins an operation that others see through: by its channels, or by cancelling it.
    pub(crate) fn open(&mut self, begin: Begin) -> OperationId {
        let id = OperationId(self.uuid());
        let now = self.time_of_day();
        let operation = Operation {
            id: id.clone(),
            class: begin.class,
            description: begin.description,
            project: begin.project,
            created: now,
            updated: now,
            status: Status::Pending,
            resources: begin.resources,
            metadata: begin.metadata,
            may_cancel: begin.may_cancel,
            err: String::new(),
            err_code: 0,
            channels: begin.channels,
            pings: begin.pings,
        };
        self.operations.insert(id.clone(), operation);
        self.tell_operation(&id);
        if let Some(operation) = self.operations.get_mut(&id) {
            operation.status = Status::Running;
        }
        self.tell_operation(&id);
        id
    }

    /// Begins an operation whose work is done `after` a while, and answers with it.
    pub(crate) fn work(
        &mut self,
        begin: Begin,
        after: Duration,
        work: impl FnOnce(&mut Self, &OperationId) -> Outcome + Send + 'static,
    ) -> Answered {
        let id = self.open(begin);
        let done = id.clone();
        self.later(after, move |world| {
            if world.operations.get(&done).is_some_and(|it| !it.status.is_final()) {
                let outcome = work(world, &done);
                world.end(&done, outcome);
            }
            Step::Done
        });
        Ok(Answer::Async(id))
    }

    /// Changes the metadata of a running operation, and tells of it.
    pub(crate) fn progress(&mut self, id: &OperationId, added: Map<String, Value>) {
        let now = self.time_of_day();
        let Some(operation) = self.operations.get_mut(id) else { return };
        merge(&mut operation.metadata, added);
        operation.updated = now;
        self.tell_operation(id);
    }

    /// Ends an operation. One that has ended stays as it is.
    pub(crate) fn end(&mut self, id: &OperationId, outcome: Outcome) {
        let now = self.time_of_day();
        let Some(operation) = self.operations.get_mut(id).filter(|it| !it.status.is_final()) else { return };
        match outcome {
            Ok(added) => {
                if !added.is_empty() {
                    operation.updated = now;
                }
                merge(&mut operation.metadata, added);
                operation.status = Status::Success;
            }
            Err(ending) => {
                merge(&mut operation.metadata, ending.metadata);
                operation.status = Status::Failure;
                operation.err = ending.err;
                operation.err_code = ending.code;
            }
        }
        self.ended(id);
    }

    /// Cancels an operation.
    pub(crate) fn cancel(&mut self, id: &OperationId) {
        let Some(operation) = self.operations.get_mut(id).filter(|it| !it.status.is_final()) else { return };
        operation.status = Status::Cancelling;
        self.tell_operation(id);
        if let Some(operation) = self.operations.get_mut(id) {
            operation.status = Status::Cancelled;
        }
        self.ended(id);
    }

    /// What follows from the end of an operation: it is told, and forgotten a while later.
    fn ended(&mut self, id: &OperationId) {
        let Some(operation) = self.operations.get_mut(id) else { return };
        for channel in operation.channels.values_mut() {
            channel.over = true;
        }
        self.ended.push(id.clone());
        self.tell_operation(id);
        let id = id.clone();
        self.later(REMEMBERED, move |world| {
            world.operations.remove(&id);
            Step::Done
        });
    }

    fn tell_operation(&mut self, id: &OperationId) {
        if self.listeners == 0 {
            return;
        }
        let Some(operation) = self.operations.get(id) else { return };
        let (value, project) = (operation.value(), operation.project.clone());
        self.emit("operation", Some(&project), &value);
    }

    /// When the operation's answer to a wait is due at the latest.
    pub(crate) fn until(&self, seconds: Option<u64>) -> Option<Moment> {
        seconds.map(|it| self.now.plus(Duration::from_secs(it)))
    }
}

fn merge(metadata: &mut Value, added: Map<String, Value>) {
    if added.is_empty() {
        return;
    }
    match metadata {
        Value::Object(metadata) => metadata.extend(added),
        other => *other = Value::Object(added),
    }
}
