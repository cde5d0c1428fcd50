//! Answers as a daemon gives them.

/// `GET /1.0/instances/c1`, recorded.
pub const INSTANCE: &str = include_str!("../../core/src/model/samples/instance.lxd.json");
/// `GET /1.0`, recorded.
pub const SERVER: &str = include_str!("../../core/src/model/samples/server.lxd.json");
/// One instance with its state and snapshots, as in `GET /1.0/instances?recursion=2`, recorded.
const FULL: &str = include_str!("../../core/src/model/samples/instance_full.incus.json");

/// `GET /1.0/instances?recursion=2` of a server with so many instances.
#[must_use]
pub fn list(instances: usize) -> String {
    let body = FULL.trim_end();
    let (head, rest) = body.split_once('[').unwrap_or((body, ""));
    let one = rest.strip_suffix("]}").unwrap_or(rest);
    let all: Vec<_> = (0..instances).map(|at| one.replace("\"c1\"", &format!("\"c{at}\""))).collect();
    format!("{head}[{}]}}\n", all.join(","))
}

/// `body` as the answer of a daemon, head and all.
#[must_use]
pub fn response(body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\
         Etag: 7a58a7e4a2ee3d5d4b7d2a7bb2f5b5a8e5b1a7c59b1f1b1e0b8c2ad0e3b0f7d1\r\n\
         Date: Sun, 22 Nov 2026 06:10:00 GMT\r\nContent-Length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;
    use lxio_core::model::{Answer, InstanceFull, List};

    #[test]
    fn the_list_has_all_its_instances() {
        let Ok(Answer::Sync(list)) = Answer::<List<InstanceFull>>::parse(list(3).as_bytes()) else {
            panic!("no list")
        };
        assert_eq!(list.len(), 3);
    }
}
