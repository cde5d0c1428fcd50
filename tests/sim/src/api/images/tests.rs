use std::io::Write;

use bytes::Bytes;
use serde_json::{Value, json};

use super::publish::fingerprint;
use crate::api::probe::{Probe, each};

/// A small image.
fn image(mark: &str) -> Bytes {
    let metadata = json!({
        "architecture": "x86_64", "creation_date": 1, "properties": { "mark": mark, "os": "lxio" },
    });
    let mut files = crate::machine::files::Files::default();
    let now = jiff::Timestamp::UNIX_EPOCH;
    let owner = crate::machine::files::Owner { uid: 1, gid: 2, mode: 0o640 };
    let content = crate::machine::files::Content::from(Bytes::from(mark.to_owned()));
    files.create(b"/etc", crate::machine::files::Kind::Directory(Default::default()), owner, now).unwrap();
    files.create(b"/etc/mark", crate::machine::files::Kind::File(content), owner, now).unwrap();
    super::publish::pack(metadata.as_object().unwrap(), &files, 1).unwrap().into()
}

/// Posts bytes with fields: how the operation ended.
fn post(probe: &mut Probe, fields: &str, bytes: &[u8]) -> Value {
    let conn = probe.connect();
    let head =
        format!("POST /1.0/images HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n{fields}\r\n", bytes.len());
    probe.send(conn, &[head.as_bytes(), bytes].concat());
    let answer = String::from_utf8(probe.take(conn)).unwrap();
    assert!(answer.starts_with("HTTP/1.1 202"), "{answer}");
    let envelope: Value = serde_json::from_str(answer.split("\r\n\r\n").nth(1).unwrap()).unwrap();
    probe.pass(100);
    probe.operation(&envelope["metadata"])
}

/// The bytes of a body, of one that comes in chunks too.
fn body(answer: &[u8]) -> Vec<u8> {
    let end = answer.windows(4).position(|it| it == b"\r\n\r\n").unwrap() + 4;
    let (head, mut rest) = (String::from_utf8_lossy(&answer[..end]), &answer[end..]);
    if !head.contains("chunked") {
        return rest.to_vec();
    }
    let mut all = Vec::new();
    loop {
        let line = rest.windows(2).position(|it| it == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).unwrap(), 16).unwrap();
        if size == 0 {
            return all;
        }
        all.extend_from_slice(&rest[line + 2..line + 2 + size]);
        rest = &rest[line + 2 + size + 2..];
    }
}

#[test]
fn up_and_down() {
    each(|mut probe, is_lxd| {
        let bytes = image("a");
        let hash = fingerprint(&[&bytes]);
        let prefix = if is_lxd { "X-LXD" } else { "X-Incus" };
        let fields = format!(
            "{prefix}-filename: x y\r\n{prefix}-public: true\r\n{prefix}-properties: b=c%26d&os=e+f\r\n\
             {prefix}-aliases: alias=one&alias=two%2Fb\r\n{prefix}-fingerprint: {hash}\r\n"
        );
        let ended = post(&mut probe, &fields, &bytes);
        assert_eq!(
            ended["metadata"],
            json!({ "fingerprint": hash, "size": bytes.len().to_string() }),
            "{ended}"
        );
        let got = probe.get(&format!("/1.0/images/{}", &hash[..9]))["metadata"].clone();
        assert_eq!((&got["filename"], &got["public"]), (&json!("x y"), &json!(true)));
        assert_eq!(got["properties"], json!({ "b": "c&d", "mark": "a", "os": "e f" }));
        // Only Incus looks at aliases there.
        let aliases: Vec<&Value> = got["aliases"].as_array().unwrap().iter().map(|it| &it["name"]).collect();
        assert_eq!(aliases, if is_lxd { vec![] } else { vec!["one", "two/b"] });
        assert_eq!(body(&probe.raw(&format!("GET /1.0/images/{hash}/export"), b"")), bytes);
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&image("b")).unwrap();
        let gzip = gzip.finish().unwrap();
        assert_eq!(post(&mut probe, "", &gzip)["metadata"]["fingerprint"], fingerprint(&[&gzip]));
    });
}

#[test]
fn what_is_no_image() {
    each(|mut probe, is_lxd| {
        let bytes = image("a");
        let other = format!("X-{}-fingerprint: {}\r\n", if is_lxd { "LXD" } else { "Incus" }, "f".repeat(64));
        let hash = fingerprint(&[&bytes]);
        let expected = format!("fingerprints don't match, got {hash} expected {}", "f".repeat(64));
        for (fields, bytes, err) in [
            (other.as_str(), &bytes[..], expected.as_str()),
            ("", b"", "EOF"),
            ("", b"no tarball", "Unsupported compression"),
            ("", &[0; 10240], "Unsupported compression"),
            ("", b"\x1f\x8bno", "unexpected EOF"),
            ("", &bytes[..512], "unexpected EOF"),
            ("Content-Type: multipart/form-data; boundary=b\r\n", b"x", "multipart: NextPart: EOF"),
        ] {
            let ended = post(&mut probe, fields, bytes);
            assert_eq!((&ended["status"], ended["err"].as_str().unwrap()), (&json!("Failure"), err));
        }
        assert_eq!(post(&mut probe, "", &bytes)["status"], "Success");
        let again = post(&mut probe, "", &bytes);
        assert_eq!(again["err"], "Image with same fingerprint already exists");
        assert_eq!(again["metadata"]["fingerprint"], hash);
        // Both fail at a source that is not there: the connection ends without an answer.
        let conn = probe.connect();
        probe.send(conn, b"POST /1.0/images HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}");
        assert!(probe.take(conn).is_empty());
        assert!(probe.daemon.closing(conn).is_some());
    });
}

#[test]
fn an_image_in_two_parts() {
    each(|mut probe, _| {
        let part = |name: &str, content: &[u8]| {
            let head =
                format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"f\"\r\n\r\n");
            [head.as_bytes(), content, b"\r\n"].concat()
        };
        let (metadata, rootfs) = (image("a"), &b"hsqs and what not"[..]);
        let whole = [part("metadata", &metadata), part("rootfs", rootfs), b"--b--\r\n".to_vec()].concat();
        let kind = "Content-Type: multipart/form-data; boundary=b\r\n";
        let hash = fingerprint(&[&metadata, rootfs]);
        assert_eq!(post(&mut probe, kind, &whole)["metadata"]["fingerprint"], hash);
        let answer = probe.raw(&format!("GET /1.0/images/{hash}/export"), b"");
        let text = String::from_utf8_lossy(&answer);
        let boundary = text.split("boundary=").nth(1).unwrap().lines().next().unwrap().to_owned();
        let came = body(&answer);
        let parts = super::multipart::parts(&came.clone().into(), &boundary).unwrap();
        assert_eq!((&parts.metadata[..], &parts.rootfs[..]), (&metadata[..], rootfs));
        assert!(String::from_utf8_lossy(&came).contains(&format!("filename=\"{hash}.squashfs\"")));
        // The last boundary is there twice.
        assert!(came.ends_with(format!("--{boundary}--\r\n\r\n--{boundary}--\r\n").as_bytes()));
        let swapped = [part("rootfs", rootfs), part("metadata", &metadata), b"--b--\r\n".to_vec()].concat();
        assert_eq!(post(&mut probe, kind, &swapped)["err"], "Invalid multipart image");
    });
}

#[test]
fn published_and_used_again() {
    each(|mut probe, _| {
        for (algorithm, ending) in [("none", ".tar"), ("gzip", ".tar.gz")] {
            let wanted = json!({
                "source": { "type": "instance", "name": "s1" },
                "aliases": [{ "name": algorithm, "description": "d" }],
                "compression_algorithm": algorithm,
                "properties": { "own": algorithm },
            });
            let begun = probe.begin("POST", "/1.0/images", &wanted);
            probe.pass(500);
            let ended = probe.operation(&begun);
            let hash = ended["metadata"]["fingerprint"].as_str().unwrap().to_owned();
            let answer = probe.raw(&format!("GET /1.0/images/{hash}/export"), b"");
            assert!(String::from_utf8_lossy(&answer).contains(&format!("filename={hash}{ending}\r\n")));
            assert_eq!(fingerprint(&[&body(&answer)]), hash);
            let source = json!({ "type": "image", "alias": algorithm });
            let begun =
                probe.begin("POST", "/1.0/instances", &json!({ "name": algorithm, "source": source }));
            probe.pass(2000);
            assert_eq!(probe.operation(&begun)["status"], "Success");
            let file = probe.raw(&format!("GET /1.0/instances/{algorithm}/files?path=/etc/passwd"), b"");
            assert!(String::from_utf8_lossy(&file).contains("root:"));
        }
        let running = json!({ "source": { "type": "instance", "name": "c1" } });
        let begun = probe.begin("POST", "/1.0/images", &running);
        probe.pass(500);
        assert_eq!(probe.operation(&begun)["err"], "Cannot export a running instance as an image");
    });
}

#[test]
fn a_secret_is_used_up() {
    each(|mut probe, is_lxd| {
        let path = probe.get("/1.0/images")["metadata"][0].as_str().unwrap().to_owned();
        let token = probe.begin("POST", &format!("{path}/secret"), &Value::Null);
        assert_eq!((&token["class"], &token["status"]), (&json!("token"), &json!("Running")));
        let secret = token["metadata"]["secret"].as_str().unwrap();
        probe.raw(&format!("GET {path}/export?secret={secret}"), b"");
        assert_eq!(probe.operation(&token)["status"], "Cancelled");
        // One for an image that is to come makes what comes the way that was asked for.
        let bytes = image("pushed");
        let hash = fingerprint(&[&bytes]);
        let asked = json!({
            "source": { "mode": "push", "fingerprint": hash },
            "public": true, "properties": { "own": "1" }, "aliases": [{ "name": "pushed", "description": "" }],
        });
        let token = probe.begin("POST", "/1.0/images", &asked);
        let prefix = if is_lxd { "X-LXD" } else { "X-Incus" };
        let secret = token["metadata"]["secret"].as_str().unwrap();
        let ended = post(
            &mut probe,
            &format!("{prefix}-fingerprint: {hash}\r\n{prefix}-secret: {secret}\r\n"),
            &bytes,
        );
        assert!(ended["metadata"]["secret"].is_string(), "{ended}");
        let got = probe.get(&format!("/1.0/images/{hash}"))["metadata"].clone();
        assert_eq!((&got["public"], &got["properties"]["own"]), (&json!(true), &json!("1")));
        assert_eq!(got["aliases"][0]["name"], "pushed");
    });
}

#[test]
fn incus_dies_of_an_image_that_it_does_not_have() {
    each(|mut probe, is_lxd| {
        let conn = probe.connect();
        let begun =
            probe.begin("POST", "/1.0/images", &json!({ "source": { "type": "image", "alias": "none" } }));
        probe.pass(100);
        assert_eq!(probe.daemon.closing(conn).is_none(), is_lxd);
        if is_lxd {
            assert!(probe.operation(&begun)["err"].as_str().unwrap().starts_with("Failed to connect"));
        }
    });
}
