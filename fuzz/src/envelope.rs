//! An answer of any content is read or refused; what was read, written and read again is the same, also of
//! another order of fields, and takes memory in proportion to its bytes.

use std::fmt::Debug;

use lxio_core::model::{
    Answer, Empty, Image, ImageAlias, Instance, InstanceBackup, InstanceFull, InstanceSnapshot,
    InstanceState, List, Name, Operation, OperationList, OperationReferences, Profile, Reference, Server,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

/// The bytes are a whole body.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let ((), held) = crate::memory::peak(|| {
        let _ = Answer::<InstanceFull>::parse(bytes);
        let _ = Answer::<List<InstanceFull>>::parse(bytes);
    });
    // A known name of two bytes can stand for a whole element of a list, though not for more than one.
    assert!(held < 4096 * (bytes.len() + 4), "{held} bytes held for {}", bytes.len());

    stable::<Value>(bytes);
    stable::<Instance>(bytes);
    stable::<InstanceFull>(bytes);
    stable::<InstanceState>(bytes);
    stable::<InstanceSnapshot>(bytes);
    stable::<InstanceBackup>(bytes);
    stable::<Operation>(bytes);
    stable::<Server>(bytes);
    stable::<Profile>(bytes);
    stable::<Image>(bytes);
    stable::<ImageAlias>(bytes);
    stable::<List<Instance>>(bytes);
    stable::<List<Reference>>(bytes);
    stable::<List<Name>>(bytes);
    any_order::<Empty>(bytes);
    any_order::<OperationList>(bytes);
    any_order::<OperationReferences>(bytes);
}

/// Parse, serialize, parse.
fn stable<T: DeserializeOwned + Serialize + PartialEq + Debug>(bytes: &[u8]) {
    any_order::<T>(bytes);
    match Answer::<T>::parse(bytes) {
        Ok(Answer::Sync(value)) => again(&value, "sync"),
        Ok(Answer::Async(operation)) => {
            assert!(!operation.id().is_empty(), "an operation has an id");
            again(&*operation, "sync");
        }
        Ok(Answer::Refused { .. }) | Err(_) => {}
    }
}

fn again<T: DeserializeOwned + Serialize + PartialEq + Debug>(value: &T, kind: &str) {
    let written = serde_json::to_string(value).expect("what was read can be written");
    let body = format!(r#"{{"type":"{kind}","metadata":{written}}}"#);
    let Ok(Answer::Sync(second)) = Answer::<T>::parse(body.as_bytes()) else {
        panic!("what was written cannot be read: {body}");
    };
    assert_eq!(&second, value, "{written}");
    assert_eq!(serde_json::to_string(&second).unwrap(), written);
    // A Debug that fails would fail a log.
    assert!(!format!("{value:?}").is_empty());
}

/// The same fields in alphabetical order are the same answer.
fn any_order<T: DeserializeOwned + PartialEq + Debug>(bytes: &[u8]) {
    let Ok(answer) = Answer::<T>::parse(bytes) else { return };
    // What is skipped is not looked into: it may be no JSON all the same.
    let Ok(sorted) = serde_json::from_slice::<Value>(bytes) else { return };
    let sorted = sorted.to_string();
    match Answer::<T>::parse(sorted.as_bytes()) {
        Ok(other) => assert_eq!(other, answer, "{sorted}"),
        Err(error) => panic!("{error}: {sorted}"),
    }
}
