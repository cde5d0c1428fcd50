//! Names for images.

use super::resource::resource;
use super::text::{Fingerprint, Name};
use super::words::InstanceKind;

resource! {
    /// A name for an image.
    pub struct ImageAlias {
        read {
            /// The alias. May hold any character, also `/`.
            name: Name,
            /// What instances are made of the image. Two images of different kind can have one alias. API
            /// extension `image_types`.
            kind: InstanceKind = "type",
            /// What this client may do with it; only if asked for. LXD.
            access_entitlements: Vec<String>,
        }
        write {
            /// A text for people.
            description: String,
            /// The image.
            target: Fingerprint,
        }
    }
}

resource! {
    /// A name to be given to an image.
    pub struct ImageAliasCreate {
        write {
            /// The alias.
            name: Name,
            /// A text for people.
            description: String,
            /// The image.
            target: Fingerprint,
            /// What instances are made of the image; a container if `None`. API extension `image_types`.
            kind: Option<InstanceKind> = "type",
        }
    }
}

impl ImageAliasCreate {
    /// The name `name` for the image `target`.
    pub fn new(name: impl Into<Name>, target: impl Into<Fingerprint>) -> Self {
        Self { name: name.into(), target: target.into(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_value, json, to_value};

    #[test]
    fn an_alias_can_point_elsewhere() {
        let mut alias: ImageAlias = from_value(
            json!({"description": "", "target": "566b5b29", "name": "rec/a b", "type": "container"}),
        )
        .unwrap();
        assert_eq!(alias.name(), &"rec/a b");
        alias.target = "aaaa".into();
        assert_eq!(to_value(alias.writable()).unwrap(), json!({"description": "", "target": "aaaa"}));
        assert_eq!(
            to_value(ImageAliasCreate::new("x", "aaaa")).unwrap(),
            json!({"name": "x", "target": "aaaa"})
        );
    }
}
