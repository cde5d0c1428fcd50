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
//! | `certificate`, `trust_token` | whom it trusts, and how others join |
//! | `instance`, `instance_state`, `instance_full` | containers and virtual machines |
//! | `snapshot`, `backup` | what is kept of them |
//! | `instance_create`, `state_change`, `exec` | what they are asked to be and to do |
//! | `image`, `image_alias`, `profile` | what they are made from |
//! | `file` | what is said about a file inside one |
//! | `event` | what happens on a server |

mod backup;
mod certificate;
mod envelope;
mod event;
mod exec;
mod field;
mod file;
mod image;
mod image_alias;
mod instance;
mod instance_create;
mod instance_full;
mod instance_state;
mod list;
mod operation;
mod profile;
mod progress;
mod reference;
mod resource;
mod server;
mod setting;
mod snapshot;
mod state_change;
mod status;
mod text;
mod time;
mod trust_token;
mod words;

pub use backup::{BackupCreate, InstanceBackup};
pub use certificate::{BadCertificate, Certificate, CertificateCreate, CertificateKind};
pub use envelope::{Answer, Empty};
pub use event::{Action, Event, EventBody, EventKind, Lifecycle, Logging, Requestor};
pub use exec::{Environment, ExecRequest};
pub use file::{BadFileInfo, FileInfo, FileKind, Mode};
pub use image::{AliasOfImage, Image, ImageOrigin};
pub use image_alias::{ImageAlias, ImageAliasCreate};
pub use instance::{Config, Devices, Instance};
pub use instance_create::{InstanceCreate, InstanceSource, SourceKind};
pub use instance_full::InstanceFull;
pub use instance_state::{
    CpuState, DiskState, InstanceAddress, InstanceState, MemoryState, NetworkCounters, NetworkInterfaceState,
    OsInfo,
};
pub use list::List;
pub use operation::{Metadata, Operation, OperationClass, OperationList, OperationReferences};
pub use profile::{Profile, ProfileCreate};
pub use progress::Progress;
pub use reference::Reference;
pub use resource::Extra;
pub use server::{Auth, Server, ServerEnvironment, StorageDriver};
pub use setting::Setting;
pub use snapshot::{InstanceRestore, InstanceSnapshot, SnapshotCreate};
pub use state_change::{StateAction, StateChange};
pub use status::Status;
pub use text::{BadOperationId, Fingerprint, Name, OperationId};
pub use time::{BadTime, Time};
pub use trust_token::{BadTrustToken, TrustToken};
pub use words::InstanceKind;
