use tar::{Builder, EntryType, Header};

/// A unified image that can be imported into a simulated daemon: containers made of it have a shell.
///
/// The bytes are always the same.
#[must_use]
pub fn image() -> Vec<u8> {
    let metadata = "architecture: x86_64\ncreation_date: 1767225600\nproperties:\n  description: simulated\n  os: busybox\n";
    let mut tarball = Builder::new(Vec::new());
    let mut head = Header::new_gnu();
    head.set_entry_type(EntryType::Regular);
    head.set_mode(0o644);
    head.set_size(metadata.len() as u64);
    // Writing to memory cannot fail.
    let _ = tarball.append_data(&mut head, "metadata.yaml", metadata.as_bytes());
    tarball.into_inner().unwrap_or_default()
}
