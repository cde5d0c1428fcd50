use lxio_core::api::{
    image, image_alias, image_aliases, images, instance, instances, operation, operations, profile, profiles,
    server,
};
use lxio_core::call::{self, Call, CallError};
use lxio_core::wire::Reply;
use serde_json::Value;

/// Reads an answer as the call does that asks so, and says of what type it was. What a program asked by
/// other means is read as an envelope, or as bytes.
///
/// # Errors
/// Those of the call.
pub(super) fn read(method: &str, target: &str, reply: &Reply<'_>) -> Result<String, CallError> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let depth = query.split('&').find_map(|pair| pair.strip_prefix("recursion=")).unwrap_or("0");
    let segments: Vec<_> = path.trim_start_matches("/1.0").split('/').skip(1).collect();
    let json = reply.media_type() == Some("application/json");
    match (method, segments.as_slice(), depth) {
        ("GET", [], _) => by(&server().get(), reply),
        ("GET", ["instances" | "containers" | "virtual-machines"], "0") => by(&instances().names(), reply),
        ("GET", ["instances" | "containers" | "virtual-machines"], "1") => by(&instances().all(), reply),
        ("GET", ["instances" | "containers" | "virtual-machines"], _) => by(&instances().full(), reply),
        ("GET", ["instances", _], "0") => by(&instance("x").get(), reply),
        ("GET", ["instances", _], _) => by(&instance("x").full(), reply),
        ("GET", ["instances", _, "state"], _) => by(&instance("x").state(), reply),
        ("GET", ["instances", _, "snapshots"], "0") => by(&instance("x").snapshots().names(), reply),
        ("GET", ["instances", _, "snapshots"], _) => by(&instance("x").snapshots().all(), reply),
        ("GET", ["instances", _, "snapshots", _], _) => by(&instance("x").snapshot("y").get(), reply),
        ("GET", ["instances", _, "files"], _) => by(&instance("x").file("/").get(), reply),
        ("HEAD", ["instances", _, "files"], _) => by(&instance("x").file("/").stat(), reply),
        ("GET", ["images"], "0") => by(&images().names(), reply),
        ("GET", ["images"], _) => by(&images().all(), reply),
        ("GET", ["images", "aliases"], "0") => by(&image_aliases().names(), reply),
        ("GET", ["images", "aliases"], _) => by(&image_aliases().all(), reply),
        ("GET", ["images", "aliases", _], _) => by(&image_alias("x").get(), reply),
        ("GET", ["images", _], _) => by(&image("x").get(), reply),
        ("GET", ["profiles"], "0") => by(&profiles().names(), reply),
        ("GET", ["profiles"], _) => by(&profiles().all(), reply),
        ("GET", ["profiles", _], _) => by(&profile("x").get(), reply),
        ("GET", ["operations"], "0") => by(&operations().names(), reply),
        ("GET", ["operations"], _) => by(&operations().all(), reply),
        ("GET", ["operations", _] | ["operations", _, "wait"], _) => by(&operation("x").get(), reply),
        ("GET" | "HEAD", _, _) if json => call::value::<Value>(reply).map(|_| "JSON".to_owned()),
        ("GET" | "HEAD", _, _) => call::plain(reply).map(|bytes| format!("{} bytes", bytes.len())),
        _ => call::change(reply).map(|change| match change {
            call::Change::Done => "done".to_owned(),
            call::Change::Operation(_) => "an operation".to_owned(),
        }),
    }
}

fn by<T>(call: &Call<T>, reply: &Reply<'_>) -> Result<String, CallError> {
    call.decode(reply).map(|_| short(std::any::type_name::<T>()))
}

/// The name of a type without the modules it is in.
fn short(name: &str) -> String {
    let mut short = String::new();
    for part in name.split_inclusive(|byte: char| !byte.is_alphanumeric() && byte != ':' && byte != '_') {
        short.push_str(part.rsplit("::").next().unwrap_or(part));
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short() {
        assert_eq!(short("alloc::vec::Vec<a::b::C<(d::E, f::G)>>"), "Vec<C<(E, G)>>");
    }
}
