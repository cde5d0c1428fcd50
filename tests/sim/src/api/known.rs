use lxio_core::call::Flavour;

/// Whether the released version of a flavour answers at this path, by whatever method.
pub(crate) fn is_known(flavour: Flavour, path: &[&str]) -> bool {
    let other = if flavour == Flavour::Lxd { "incus" } else { "lxd" };
    let known = include_str!("known.txt").lines().filter_map(|it| it.split_once(' '));
    known.into_iter().any(|(who, known)| who != other && fits(known, path))
}

fn fits(known: &str, path: &[&str]) -> bool {
    let mut path = path.iter();
    for segment in known.split('/') {
        match path.next() {
            Some(_) if segment == "**" => return true,
            Some(it) if segment == "*" && !it.is_empty() || *it == segment => {}
            _ => return false,
        }
    }
    path.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths() {
        let is = |flavour, path: &str| is_known(flavour, &path.split('/').collect::<Vec<_>>());
        for path in ["", "1.0", "1.0/images/x", "1.0/images/aliases/a/b", "1.0/instances/x/state"] {
            assert!(is(Flavour::Lxd, path) && is(Flavour::Incus, path), "{path}");
        }
        for path in ["1.0/", "2.0", "1.0/images/x/nope", "1.0/images//", "1.0/instances/x/nope", "/1.0"] {
            assert!(!is(Flavour::Lxd, path) && !is(Flavour::Incus, path), "{path}");
        }
        assert!(is(Flavour::Incus, "1.0/metadata/configuration"));
        assert!(!is(Flavour::Lxd, "1.0/metadata/configuration"));
    }
}
