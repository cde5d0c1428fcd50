//! Images: what instances are made from.

use std::collections::BTreeMap;

use super::resource::resource;
use super::text::{Fingerprint, Name};
use super::time::Time;
use super::words::InstanceKind;

resource! {
    /// An image.
    pub struct Image {
        read {
            /// The SHA-256 of its file, or of its two files one after the other.
            fingerprint: Fingerprint,
            /// The names that it can be found by.
            aliases: Vec<AliasOfImage>,
            /// The architecture of its programs.
            architecture: String,
            /// The name of its file where it came from.
            filename: String,
            /// What instances are made of it. API extension `image_types`.
            kind: InstanceKind = "type",
            /// The project it is in. API extension `images_all_projects`.
            project: Name,
            /// Where it came from and is updated from; nothing if it was uploaded.
            update_source: Option<ImageOrigin>,
            /// When its maker made it.
            created_at: Time,
            /// When an instance was last made of it; unset if never.
            last_used_at: Time,
            /// When it came to this server.
            uploaded_at: Time,
            /// The cluster members that have it. Incus, API extension `image_locations`.
            locations: Vec<Name>,
            /// The code name of the release in it. LXD, API extension `image_extended_metadata`.
            release_codename: String,
            /// The release in it. LXD, API extension `image_extended_metadata`.
            release_title: String,
            /// What this client may do with it; only if asked for. LXD.
            access_entitlements: Vec<String>,
        }
        copy {
            /// Whether it was fetched to make an instance, and goes when it is no longer used.
            cached: bool,
            /// The size of its file or files, in bytes.
            size: u64,
        }
        write {
            /// Whether the server fetches newer versions of it.
            auto_update: bool,
            /// What it says about itself: `os`, `release`, `description` and the like.
            properties: BTreeMap<String, String>,
            /// Whether clients that the server does not trust can see it.
            public: bool,
            /// When it ends; a text for people, nothing happens then. API extension `images_expiry`.
            expires_at: Time,
            /// Profiles of instances that are made of it without any of their own. API extension
            /// `image_profiles`.
            profiles: Vec<Name>,
        }
    }
}

resource! {
    /// An alias, as its image shows it.
    pub struct AliasOfImage {
        read {
            /// The alias. May hold any character, also `/`.
            name: Name,
            /// A text for people.
            description: String,
        }
    }
}

resource! {
    /// Where an image came from.
    pub struct ImageOrigin {
        read {
            /// Its alias there.
            alias: String,
            /// The certificate of the server, PEM.
            certificate: String,
            /// How the server was spoken to: `simplestreams`, `lxd`, `incus`.
            protocol: String,
            /// The URL of the server.
            server: String,
            /// What instances are made of it. API extension `image_types`.
            kind: InstanceKind = "image_type",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Answer;
    use serde_json::{Value, from_str, json, to_value};

    /// As Incus 6.0.4 answered.
    const IMAGE: &str = r#"{"type":"sync","status":"Success","status_code":200,"operation":"","error_code":0,"error":"","metadata":{"auto_update":false,"properties":{"description":"a b\u0026c","os":"rec"},"public":false,"expires_at":"0001-01-01T00:00:00Z","profiles":["default"],"aliases":[],"architecture":"x86_64","cached":false,"filename":"root.tar.gz","fingerprint":"566b5b29528b217241742a678e3c9fc572a0658405f698e345c70a8555e2a06e","size":320,"type":"container","created_at":"2023-11-14T22:13:20Z","last_used_at":"0001-01-01T00:00:00Z","uploaded_at":"2026-11-22T03:32:44.076244896Z","project":"default"}}"#;

    #[test]
    fn incus() {
        let Ok(Answer::Sync(image)) = Answer::<Image>::parse(IMAGE.as_bytes()) else { panic!("no image") };
        assert!(image.fingerprint().starts_with("566b5b29"));
        assert_eq!((image.size(), image.kind()), (320, &InstanceKind::Container));
        assert_eq!(image.last_used_at().get(), None);
        assert!(image.extra().is_empty());
        assert_eq!(
            to_value(image.writable()).unwrap(),
            json!({"auto_update": false, "properties": {"description": "a b&c", "os": "rec"}, "public": false, "expires_at": "0001-01-01T00:00:00Z", "profiles": ["default"]})
        );
        let sent: Value = from_str(IMAGE).unwrap();
        assert_eq!(to_value(&image).unwrap(), sent["metadata"]);
    }

    #[test]
    fn lxd_says_never_in_another_way() {
        let lxd = IMAGE
            .replace(r#""expires_at":"0001-01-01T00:00:00Z""#, r#""expires_at":"1970-01-01T00:00:00Z""#)
            .replace(r#","project":"default""#, "");
        let Ok(Answer::Sync(mut image)) = Answer::<Image>::parse(lxd.as_bytes()) else { panic!("no image") };
        assert_eq!(image.expires_at.get(), None);
        image.public = true;
        let body = to_value(image.writable()).unwrap();
        assert_eq!((&body["expires_at"], &body["public"]), (&json!("1970-01-01T00:00:00Z"), &json!(true)));
    }
}
