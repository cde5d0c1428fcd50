//! Backups of instances: archives that the server keeps until they are fetched or expire.

use super::resource::resource;
use super::text::Name;
use super::time::Time;

resource! {
    /// A backup of an instance.
    pub struct InstanceBackup {
        read {
            /// Its name, without that of the instance.
            name: Name,
            /// When it was made.
            created_at: Time,
            /// When the server deletes it; never if unset.
            expires_at: Time,
        }
        copy {
            /// Whether it is without the snapshots.
            instance_only: bool,
            /// The same by its former name. LXD.
            container_only: bool,
            /// Whether it is in the storage driver's own format, so that only pools of that driver can
            /// take it.
            optimized_storage: bool,
        }
    }
}

resource! {
    /// A backup to be made.
    pub struct BackupCreate {
        write {
            /// Its name; the server chooses one if empty.
            name: Name,
            /// When the server deletes it. `None`: when the server sees fit.
            expires_at: Option<Time>,
            /// Whether to leave out the snapshots.
            instance_only: bool,
            /// Whether to use the storage driver's own format.
            optimized_storage: bool,
            /// How to compress: `gzip`, `none` and what else the server has installed; the server's
            /// choice if empty. API extension `backup_compression_algorithm`.
            compression_algorithm: String,
        }
    }
}

impl BackupCreate {
    /// A backup of that name, with the snapshots.
    pub fn new(name: impl Into<Name>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }
}
