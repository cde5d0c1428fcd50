//! What a server has, as handles: constructors of calls and conversations, with no behaviour.
//!
//! A handle is a plain value without a client in it: a name, and the project that it is in if that is not
//! the client's.
//!
//! | file | functions | what they name |
//! |---|---|---|
//! | `server`     | [`server`] | the server's own configuration |
//! | `certificates` | [`certificates`], [`certificate`] | whom the server trusts |
//! | `instances`  | [`instances`] | the instances of a project or of all |
//! | `instance`   | [`instance`] | one instance: state, commands, snapshots, files |
//! | `snapshots`  | [`InstanceHandle::snapshot`] | its snapshots |
//! | `files`      | [`InstanceHandle::file`] | its files |
//! | `images`     | [`images`], [`image`] | images |
//! | `publish`    | [`InstanceHandle::publish`] | images made of instances |
//! | `aliases`    | [`image_alias`] | names for them |
//! | `profiles`   | [`profiles`], [`profile`] | profiles |
//! | `operations` | [`operations`], [`operation`] | what the server is at |
//! | `events`     | [`events`] | what happens on it |
//! | `login`      | [`login`], [`refresh`] | who one is, to a server that trusts an identity provider |
//! | `raw`        | [`raw`] | everything else |

mod aliases;
mod certificates;
mod events;
mod files;
mod images;
mod instance;
mod instances;
mod listing;
mod login;
mod naming;
mod operations;
mod profiles;
mod publish;
pub mod raw;
mod scope;
mod server;
mod snapshots;

pub use aliases::{AliasHandle, AliasesHandle, image_alias, image_aliases};
pub use certificates::{CertificateHandle, CertificatesHandle, IssuedToken, certificate, certificates};
pub use events::{EventsHandle, events};
pub use files::{FileContent, FileHandle};
pub use images::{ImageExport, ImageHandle, ImageImport, ImagesHandle, image, images};
pub use instance::{InstanceHandle, Transition, instance};
pub use instances::{InstancesHandle, instances};
pub use login::{login, refresh};
pub use operations::{OperationHandle, OperationsHandle, operation, operations};
pub use profiles::{ProfileHandle, ProfilesHandle, profile, profiles};
pub use publish::Publication;
pub use server::{ServerHandle, server};
pub use snapshots::{SnapshotCreation, SnapshotHandle, SnapshotsHandle};
