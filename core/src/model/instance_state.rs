//! What an instance is doing right now.

use std::collections::BTreeMap;

use super::resource::resource;
use super::status::{Status, StatusText};
use super::time::Time;

resource! {
    /// What an instance is doing right now, as `GET /1.0/instances/NAME/state` shows it.
    ///
    /// Counters are -1 where the kernel does not tell. Nothing is reported for a stopped instance.
    pub struct InstanceState {
        read {
            /// Processor use.
            cpu: CpuState,
            /// Disks, by the name of the device. Only such whose storage driver tells.
            disk: BTreeMap<String, DiskState>,
            /// Memory use.
            memory: MemoryState,
            /// Network interfaces, by their name inside. Empty while stopped.
            network: BTreeMap<String, NetworkInterfaceState>,
            /// What runs inside. Incus, API extension `instances_state_os_info`.
            os_info: Option<OsInfo>,
            /// When it was started; unset while stopped. Incus, API extension `instance_state_started_at`.
            started_at: Time,
        }
        copy {
            /// The process id of its first process as the host sees it; 0 or -1 while stopped.
            pid: i64,
            /// How many processes run in it.
            processes: i64,
            /// Its state, by the numeric code.
            status: Status = "status_code",
        }
        keep {
            status_text: StatusText = "status",
        }
    }
}

impl InstanceState {
    /// The server's word for the state.
    #[must_use]
    pub fn status_text(&self) -> &str {
        self.status_text.as_str()
    }

    /// The addresses that other hosts can reach it at, of all interfaces: neither loopback nor link-local.
    pub fn addresses(&self) -> impl Iterator<Item = &InstanceAddress> {
        self.network
            .values()
            .flat_map(|interface| &interface.addresses)
            .filter(|address| address.scope == "global")
    }
}

resource! {
    /// Processor use of an instance.
    pub struct CpuState {
        copy {
            /// Processor time that was used, in nanoseconds.
            usage: i64,
            /// Processor time that could have been used in a second of real time, in nanoseconds.
            /// Incus, API extension `instance_state_cpu_time`.
            allocated_time: i64,
        }
    }
}

resource! {
    /// Use of one disk of an instance.
    pub struct DiskState {
        copy {
            /// Bytes in use.
            usage: i64,
            /// Bytes that it can hold; 0 if unlimited. API extension `instances_state_total`.
            total: i64,
        }
    }
}

resource! {
    /// Memory use of an instance.
    pub struct MemoryState {
        copy {
            /// Bytes in use.
            usage: i64,
            /// The most bytes that were ever in use.
            usage_peak: i64,
            /// Bytes that it may use. API extension `instances_state_total`.
            total: i64,
            /// Bytes swapped out.
            swap_usage: i64,
            /// The most bytes that were ever swapped out.
            swap_usage_peak: i64,
        }
    }
}

resource! {
    /// One network interface of an instance.
    pub struct NetworkInterfaceState {
        read {
            /// Its addresses.
            addresses: Vec<InstanceAddress>,
            /// What went through it.
            counters: NetworkCounters,
            /// The name of its other end on the host; empty if it has none.
            host_name: String,
            /// Its hardware address.
            hwaddr: String,
            /// `up` or `down`.
            state: String,
            /// What it is: `broadcast`, `loopback`, `point-to-point`.
            kind: String = "type",
        }
        copy {
            /// The largest packet, in bytes.
            mtu: i64,
        }
    }
}

resource! {
    /// One address of a network interface.
    pub struct InstanceAddress {
        read {
            /// The address.
            address: String,
            /// `inet` or `inet6`.
            family: String,
            /// The length of the network's prefix, in bits.
            netmask: String,
            /// How far it reaches: `local`, `link`, `global`.
            scope: String,
        }
    }
}

resource! {
    /// What went through a network interface since it was set up.
    pub struct NetworkCounters {
        copy {
            /// Bytes in.
            bytes_received: u64,
            /// Bytes out.
            bytes_sent: u64,
            /// Packets in.
            packets_received: u64,
            /// Packets out.
            packets_sent: u64,
            /// Errors on the way in.
            errors_received: u64,
            /// Errors on the way out.
            errors_sent: u64,
            /// Packets dropped on the way in.
            packets_dropped_inbound: u64,
            /// Packets dropped on the way out.
            packets_dropped_outbound: u64,
        }
    }
}

resource! {
    /// What runs inside an instance, as its agent tells. Incus, API extension `instances_state_os_info`.
    pub struct OsInfo {
        read {
            /// The operating system.
            os: String,
            /// Its version.
            os_version: String,
            /// The version of its kernel.
            kernel_version: String,
            /// Its host name.
            hostname: String,
            /// Its host name with the domain.
            fqdn: String,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{from_str, from_value, json};

    #[test]
    fn a_running_instance() {
        let state: InstanceState = from_value(json!({
            "status": "Running", "status_code": 103, "disk": {"root": {"usage": 737_280}}, "memory": {"usage": 1_000_000, "swap_usage": 0},
            "network": {
                "eth0": {
                    "addresses": [
                        {"family": "inet", "address": "10.0.0.2", "netmask": "24", "scope": "global"},
                        {"family": "inet6", "address": "fe80::1", "netmask": "64", "scope": "link"}
                    ],
                    "counters": {"bytes_received": 18_446_744_073_709_551_615_u64, "bytes_sent": 7},
                    "hwaddr": "00:16:3e:00:00:01", "host_name": "veth1", "mtu": 1500, "state": "up", "type": "broadcast"
                },
                "lo": {"addresses": null, "counters": null}
            },
            "pid": 4711, "processes": 3, "cpu": {"usage": -1, "allocated_time": 2_000_000_000}, "os_info": null,
            "started_at": "2026-11-22T03:32:21.5Z"
        }))
        .unwrap();
        assert_eq!(state.status(), Status::Running);
        assert_eq!((state.pid(), state.processes(), state.cpu().usage()), (4711, 3, -1));
        assert_eq!(state.disk()["root"].usage(), 737_280);
        assert_eq!(state.network()["eth0"].counters().bytes_received(), u64::MAX);
        assert_eq!(state.addresses().map(|it| it.address().as_str()).collect::<Vec<_>>(), ["10.0.0.2"]);
        assert!(state.network()["lo"].addresses().is_empty());
        assert!(state.os_info().is_none() && state.started_at().get().is_some());
    }

    #[test]
    fn a_stopped_one() {
        let body = r#"{"status":"Stopped","status_code":102,"disk":null,"memory":{"usage":0,"usage_peak":0,"swap_usage":0,"swap_usage_peak":0},"network":null,"pid":0,"processes":0,"cpu":{"usage":0}}"#;
        let state: InstanceState = from_str(body).unwrap();
        assert_eq!((state.status(), state.status_text()), (Status::Stopped, "Stopped"));
        assert!(state.network().is_empty() && state.disk().is_empty() && state.started_at().get().is_none());
    }
}
