//! The server itself: `GET /1.0`.

use std::collections::BTreeMap;

use super::resource::resource;
use super::setting::Setting;
use super::words::words;

words! {
    /// Whether the server knows us.
    pub enum Auth {
        /// It does: every call that our rights cover is answered.
        Trusted = "trusted",
        /// It does not: only what is public is shown.
        Untrusted = "untrusted",
        /// Only public images are served here.
        Guest = "guest",
    }
}

resource! {
    /// The server: what it can do and how it is set up.
    ///
    /// A server that does not trust the client leaves out the environment and the configuration.
    pub struct Server {
        read {
            /// Names of the API extensions that this server has; what a version number cannot tell.
            api_extensions: Vec<String>,
            /// How mature the API is: `stable`.
            api_status: String,
            /// The version of the API: `1.0`.
            api_version: String,
            /// Whether the server trusts this client.
            auth: Auth,
            /// How clients may prove who they are: `tls`, `oidc`.
            auth_methods: Vec<String>,
            /// How this client proved who it is: `unix`, `tls`, `oidc`. API extension `auth_user`.
            auth_user_method: String,
            /// As whom the server knows this client. API extension `auth_user`.
            auth_user_name: String,
            /// What the server runs on; all empty if it does not trust this client.
            environment: ServerEnvironment,
            /// What this client may do with the server; only if asked for. LXD.
            access_entitlements: Vec<String>,
        }
        copy {
            /// Whether the server only serves public images.
            public: bool,
            /// Whether the client showed a certificate. LXD, API extension `client_cert_presence`.
            client_certificate: bool,
        }
        write {
            /// The configuration of the server. Passwords in it are shown as `true`.
            config: BTreeMap<String, Setting>,
        }
    }
}

impl Server {
    /// Whether the server trusts this client.
    #[must_use]
    pub fn is_trusted(&self) -> bool {
        self.auth == Auth::Trusted
    }

    /// Whether the server has that API extension.
    #[must_use]
    pub fn has_extension(&self, name: &str) -> bool {
        self.api_extensions.iter().any(|it| it == name)
    }
}

resource! {
    /// What a server runs on.
    pub struct ServerEnvironment {
        read {
            /// Where it listens for other hosts: `host:port`.
            addresses: Vec<String>,
            /// Architectures whose instances it can run, its own first.
            architectures: Vec<String>,
            /// Its certificate, PEM.
            certificate: String,
            /// SHA-256 of its certificate, lower-case hex.
            certificate_fingerprint: String,
            /// The programs that run instances: `lxc`, `qemu`, both with ` | ` between.
            driver: String,
            /// Their versions, in the same order.
            driver_version: String,
            /// What filters packets: `xtables`, `nftables`. API extension `firewall_driver`.
            firewall: String,
            /// Kinds of instances it can run. LXD, API extension `server_instance_type_info`.
            instance_types: Vec<String>,
            /// The kernel: `Linux`.
            kernel: String,
            /// The architecture of the kernel.
            kernel_architecture: String,
            /// What the kernel can do, `true` or `false` by name. API extension `kernel_features`.
            kernel_features: BTreeMap<String, String>,
            /// The version of the kernel.
            kernel_version: String,
            /// What LXC can do, `true` or `false` by name. API extension `lxc_features`.
            lxc_features: BTreeMap<String, String>,
            /// The distribution. API extension `api_os`.
            os_name: String,
            /// The version of the distribution. API extension `api_os`.
            os_version: String,
            /// The project that the answer is about. API extension `projects`.
            project: String,
            /// The program: `lxd` or `incus`.
            server: String,
            /// The role in the exchange of events between cluster members: `full-mesh`, `hub-server`,
            /// `hub-client`. API extension `event_hub`.
            server_event_mode: String,
            /// The name of this cluster member, or of the host. API extension `clustering`.
            server_name: String,
            /// The version of the program. What it can do is told by the API extensions, not by this.
            server_version: String,
            /// The storage drivers in use, with ` | ` between.
            storage: String,
            /// Their versions, in the same order.
            storage_version: String,
            /// The storage drivers that could be used. API extension `server_supported_storage_drivers`.
            storage_supported_drivers: Vec<StorageDriver>,
        }
        copy {
            /// Whether it is part of a cluster. API extension `clustering`.
            server_clustered: bool,
            /// Whether it is a version with long-term support. LXD.
            server_lts: bool,
            /// The process id of the server on its host.
            server_pid: i64,
        }
    }
}

resource! {
    /// A storage driver that a server could use.
    pub struct StorageDriver {
        read {
            /// Its name: `dir`, `zfs`.
            name: String = "Name",
            /// Its version.
            version: String = "Version",
        }
        copy {
            /// Whether it keeps its data on other hosts.
            remote: bool = "Remote",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Answer;
    use serde_json::{Value, from_str, json, to_value};

    const LXD: &str = include_str!("samples/server.lxd.json");
    const INCUS: &str = include_str!("samples/server.incus.json");

    fn server(body: &str) -> Server {
        match Answer::parse(body.as_bytes()) {
            Ok(Answer::Sync(server)) => server,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn everything_is_read() {
        for (body, name, version) in [(LXD, "lxd", "5.0.2"), (INCUS, "incus", "6.0.4")] {
            let server = server(body);
            assert_eq!(
                (server.environment().server().as_str(), server.environment().server_version().as_str()),
                (name, version)
            );
            assert!(
                server.is_trusted() && !server.public() && server.has_extension("container_stop_priority")
            );
            assert!(!server.has_extension("container_stop"));
            assert_eq!(server.environment().storage_supported_drivers()[0].name(), "dir");
            assert!(server.extra().is_empty() && server.environment().extra().is_empty());
            assert_eq!(to_value(&server).unwrap(), from_str::<Value>(body).unwrap()["metadata"]);
        }
        assert_eq!(
            (server(LXD).auth_user_name().as_str(), server(INCUS).auth_user_name().as_str()),
            ("", "root")
        );
    }

    #[test]
    fn a_masked_password_goes_back_as_it_is() {
        let mut server = server(LXD);
        assert!(server.config["core.trust_password"].is_masked());
        server.config.insert("core.https_address".into(), "hunter2".into());
        let body = to_value(server.writable()).unwrap();
        assert_eq!(body, json!({"config": {"core.https_address": "hunter2", "core.trust_password": true}}));
        assert!(!format!("{server:?}").contains("hunter2"));
    }

    #[test]
    fn a_server_that_does_not_trust_us_tells_less() {
        let server = server(
            r#"{"type":"sync","metadata":{"api_extensions":["etag"],"api_status":"stable","api_version":"1.0","auth":"untrusted","public":false,"auth_methods":["tls"]}}"#,
        );
        assert!(!server.is_trusted() && server.environment().server().is_empty() && server.config.is_empty());
        assert_eq!(to_value(server.writable()).unwrap(), json!({}));
    }
}
