//! Names that would leave their place are refused before a byte is sent.

use lxio_core::api::{image, image_alias, images, instance, instances, operation, profile, profiles, raw};
use lxio_core::call::Call;
use lxio_core::flow::{IntoFlow, Unattended};
use lxio_core::model::{InstanceCreate, InstanceSource, ProfileCreate};
use lxio_core::session::{Error, ErrorKind};
use lxio_tests::actor::{Actor, Connect};
use lxio_tests::{daemon, on_all_adapters};

use super::client;

on_all_adapters!(bad_names_are_never_sent, bad_arguments_are_never_sent, odd_but_good_names_are_sent_escaped);

const BAD: &[&str] =
    &["", ".", "..", "a/b", "/", "a?b", "a#b", "a%2fb", "a\0b", "a\rb", "a\nb", "a\r\nX: y", "../b"];

/// Makes the call, and says how it went under that name.
fn call<A: Actor, T: std::fmt::Debug>(actor: &mut A, what: &str, call: Call<T>) {
    refused(what, actor.call(call).map(drop));
}

fn run<A: Actor, C: IntoFlow>(actor: &mut A, what: &str, conversation: C)
where
    C::Flow: Unattended,
{
    refused(what, actor.run(conversation).map(drop));
}

fn refused(what: &str, result: Result<(), Error>) {
    let error = result.expect_err(what);
    assert_eq!(error.kind(), ErrorKind::Misuse, "{what}: {error}");
    assert!(!error.to_string().contains(['\r', '\n', '\0']), "{what}: {error:?}");
}

fn bad_names_are_never_sent<A: Connect>() {
    let server = daemon::start().unwrap();
    let mut actor: A = client(&server);
    let (bytes, accepted) = (server.bytes(), server.accepted());
    for name in BAD {
        let a = &mut actor;
        let web = instance("web");
        call(a, &format!("instance {name:?}"), instance(*name).get());
        call(a, &format!("state of {name:?}"), instance(*name).state());
        call(a, &format!("file in {name:?}"), instance(*name).file("/x").get());
        call(a, &format!("profile {name:?}"), profile(*name).get());
        call(a, &format!("image {name:?}"), image(*name).get());
        call(a, &format!("snapshot {name:?}"), web.snapshot(*name).get());
        call(a, &format!("segment {name:?}"), raw::get("/1.0").then(name).json());
        run(a, &format!("start of {name:?}"), instance(*name).start());
        run(a, &format!("command in {name:?}"), instance(*name).exec(["true"]));
        run(a, &format!("recorded command in {name:?}"), instance(*name).exec(["true"]).recorded());
        run(a, &format!("edit of {name:?}"), instance(*name).edit(|_| {}));
        run(a, &format!("rename to {name:?}"), web.rename(*name));
        run(a, &format!("profile rename to {name:?}"), profile("p").rename(*name));
        run(a, &format!("operation {name:?}"), operation(name).settle());
        if !name.is_empty() {
            // An empty one lets the server choose.
            run(a, &format!("snapshot of {name:?}"), web.snapshots().create(*name));
            let create = InstanceCreate::new(*name, InstanceSource::copy_of("web"));
            run(a, &format!("instance {name:?}"), instances().create(&create));
        }
        run(a, &format!("new profile {name:?}"), profiles().create(&ProfileCreate::new(*name)));
        if *name != "a/b" {
            // Aliases have slashes, between names that are none of these.
            call(a, &format!("alias {name:?}"), image_alias(*name).get());
        }
        let pulled = a.pull(instance(*name).file("/x").pull(), std::io::sink());
        refused(&format!("pull from {name:?}"), pulled.map(drop));
        let pushed = a.push(instance(*name).file("/x").push(1), &b"x"[..]);
        refused(&format!("push to {name:?}"), pushed);
    }
    assert_eq!((server.bytes(), server.accepted()), (bytes, accepted), "{:?}", server.lines());
    assert_eq!(super::get(&mut actor, "/1.0/x").unwrap(), daemon::own("/1.0/x"));
}

fn bad_arguments_are_never_sent<A: Connect>() {
    let server = daemon::start().unwrap();
    let mut actor: A = client(&server);
    let (bytes, accepted) = (server.bytes(), server.accepted());
    let a = &mut actor;
    call(a, "an empty path", instance("web").file("").get());
    call(a, "a path with NUL", instance("web").file("/a\0b").get());
    for path in ["", "1.0", "//evil/1.0", "/1.0/../x", "/1.0/%2e%2e/x", "/a b", "/a\r\nX: y", "/a#b"] {
        call(a, &format!("raw {path:?}"), raw::get(path).json());
    }
    call(a, "a field that ends its line", raw::get("/1.0/x").field("X-A", "b\r\nX-C: d").json());
    run(a, "a file name that ends its line", images().import().filename("a\r\nX: y").bytes(&b"x"[..]));
    run(a, "an id that is none", operation("../instances/web").settle());
    assert_eq!((server.bytes(), server.accepted()), (bytes, accepted), "{:?}", server.lines());
}

fn odd_but_good_names_are_sent_escaped<A: Connect>() {
    let server = daemon::start().unwrap();
    let mut actor: A = client(&server);
    for (name, path) in
        [("a b", "a%20b"), ("é", "%C3%A9"), ("...", "..."), ("a+b;c=d&e", "a%2Bb%3Bc%3Dd%26e")]
    {
        let asked = super::get(&mut actor, &format!("/1.0/instances/{path}")).unwrap();
        let typed = actor.call(raw::get("/1.0/instances").name(name).json()).unwrap();
        assert_eq!(typed.value, asked);
    }
    let path = b"/tmp/a b+c&d=\xff";
    let _ = actor.call(instance("web").file(path).get()).unwrap();
    let last = server.lines().pop().unwrap();
    assert_eq!(last, "GET /1.0/instances/web/files?path=/tmp/a%20b%2Bc%26d%3D%FF");
}
