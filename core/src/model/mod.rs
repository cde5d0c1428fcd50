//! JSON shapes: the envelope and every resource.
//!
//! | file | idea |
//! |---|---|
//! | `envelope`  | what every answer is wrapped in, read in the same pass as its content |
//! | `resource`  | one declaration per resource: what is read, what can be written, what is unknown |
//! | `field`     | one value: null is empty, scalars as they come |
//! | `text`, `words`, `status`, `time`, `setting`, `reference`, `list` | values with a meaning of their own |
//! | `operation`, `progress` | work that goes on after the answer |
//! | `server` | the server itself |
//! | `instance` | containers and virtual machines |

mod envelope;
mod field;
mod instance;
mod list;
mod operation;
mod progress;
mod reference;
mod resource;
mod server;
mod setting;
mod status;
mod text;
mod time;
mod words;

pub use envelope::{Answer, Empty};
pub use instance::{Config, Devices, Instance};
pub use list::List;
pub use operation::{Metadata, Operation, OperationClass, OperationList, OperationReferences};
pub use progress::Progress;
pub use reference::Reference;
pub use resource::Extra;
pub use server::{Auth, Server, ServerEnvironment, StorageDriver};
pub use setting::Setting;
pub use status::Status;
pub use text::{BadOperationId, Fingerprint, Name, OperationId};
pub use time::{BadTime, Time};
pub use words::InstanceKind;
