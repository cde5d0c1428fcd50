use lxio_core::call::Flavour;

/// Which keys there are: lines of who has it, the key, its kind.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Keys(&'static str);

/// Of instances and profiles.
pub(crate) const INSTANCE: Keys = Keys(include_str!("instance.txt"));
/// Of networks: the kind of network stands before the key.
pub(crate) const NETWORK: Keys = Keys(include_str!("network.txt"));
/// Of projects.
pub(crate) const PROJECT: Keys = Keys(include_str!("project.txt"));
/// Of the server.
pub(crate) const SERVER: Keys = Keys(include_str!("server.txt"));

/// Why a key or its value is refused.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Bad {
    /// There is no such key.
    Key,
    /// The value is not of its kind; why.
    Value(String),
}

impl Keys {
    /// All keys that Incus has.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        let lines = self.0.lines().map(|it| it.split(' '));
        lines.filter_map(|mut it| it.next().filter(|who| ["both", "incus"].contains(who)).and(it.next()))
    }

    /// Checks a key and its value. An empty value unsets.
    pub(crate) fn check(self, flavour: Flavour, key: &str, value: &str) -> Result<(), Bad> {
        let other = if flavour == Flavour::Lxd { "incus" } else { "lxd" };
        for line in self.0.lines() {
            let mut words = line.split(' ');
            let who = words.next();
            if words.next() == Some(key) && who != Some(other) {
                let kind = words.next().unwrap_or_default();
                return if value.is_empty() {
                    Ok(())
                } else {
                    fits(flavour, kind, value).map_err(Bad::Value)
                };
            }
        }
        Err(Bad::Key)
    }
}

fn fits(flavour: Flavour, kind: &str, value: &str) -> Result<(), String> {
    const TRUTHS: [&str; 8] = ["true", "1", "yes", "on", "false", "0", "no", "off"];
    let is_truth = TRUTHS.contains(&value.to_lowercase().as_str());
    let number = value.parse::<i64>();
    let refused = |holds: bool, text: String| if holds { Ok(()) } else { Err(text) };
    match kind {
        "any" => Ok(()),
        "bool" => refused(is_truth, format!("Invalid value for a boolean \"{value}\"")),
        "truth" => refused(is_truth, "invalid boolean".into()),
        "integer" => refused(number.is_ok(), format!("Invalid value for an integer \"{value}\"")),
        "number" => refused(number.is_ok(), "invalid integer".into()),
        "threshold" => match number {
            Err(_) => Err("invalid integer".into()),
            Ok(number) => refused(number > 10, "Value must be greater than '10'".into()),
        },
        "natural" => refused(value.parse::<u32>().is_ok(), {
            let wide = value.bytes().all(|it| it.is_ascii_digit());
            let why = if wide { "value out of range" } else { "invalid syntax" };
            format!("Invalid value for uint32 \"{value}\": strconv.ParseUint: parsing \"{value}\": {why}")
        }),
        "priority" => match number {
            Err(_) => Err(format!("Invalid value for an integer \"{value}\"")),
            Ok(it) => refused((0..=10).contains(&it), {
                format!("Invalid value for a limit \"{value}\". Must be between 0 and 10")
            }),
        },
        "expiry" => {
            let is_expiry = crate::api::joining::after(jiff::Timestamp::UNIX_EPOCH, value).is_some();
            refused(is_expiry, "Invalid expiry expression".into())
        }
        "size" => refused(is_size(value), format!("Invalid value: {value}")),
        "cpus" => refused(is_cpus(value), "Invalid CPU limit syntax".into()),
        "address" => refused(is_address(value), format!("Couldn't resolve \"{value}\"")),
        "compression" => {
            let word = value.split(' ').next().unwrap_or_default();
            let known =
                ["bzip2", "gzip", "lz4", "lzma", "none", "pigz", "squashfs", "tar2sqfs", "xz", "zstd"];
            refused(
                known.contains(&word),
                match flavour {
                    Flavour::Lxd => format!("Invalid compression algorithm \"{word}\""),
                    _ => format!("Compression algorithm \"{word}\" isn't currently supported"),
                },
            )
        }
        choice => {
            let choice: Vec<&str> = choice.split('|').collect();
            refused(
                choice.contains(&value),
                format!("Invalid value \"{value}\" (not one of [{}])", choice.join(" ")),
            )
        }
    }
}

/// Digits, and then a unit; of a size also a share.
fn is_size(value: &str) -> bool {
    let unit = value.trim_start_matches(|it: char| it.is_ascii_digit());
    let units = ["", "B", "kB", "MB", "GB", "TB", "PB", "EB", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "%"];
    unit.len() < value.len() && units.contains(&unit.trim_start())
}

/// A number, or ranges between commas.
fn is_cpus(value: &str) -> bool {
    let is_number = |it: &str| it.parse::<u32>().is_ok();
    value
        .split(',')
        .all(|range| range.split_once('-').map_or(is_number(range), |(a, b)| is_number(a) && is_number(b)))
}

/// An address with or without a port: no more than one colon, or brackets.
fn is_address(value: &str) -> bool {
    let (host, port) = match value.strip_prefix('[') {
        Some(rest) => {
            rest.split_once(']').map_or((rest, "x"), |(host, port)| (host, port.trim_start_matches(':')))
        }
        None => value.split_once(':').unwrap_or((value, "")),
    };
    let is_host = host.is_empty() || host == "localhost" || host.parse::<std::net::IpAddr>().is_ok();
    is_host && (port.is_empty() || port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_values() {
        let check = |keys: Keys, key, value| keys.check(Flavour::Incus, key, value);
        for (key, value) in [
            ("limits.memory", "64MiB"),
            ("limits.memory", "50%"),
            ("limits.cpu", "0-1,3"),
            ("boot.autostart", "true"),
            ("limits.processes", ""),
            ("cluster.evacuate", "auto"),
        ] {
            assert_eq!(check(INSTANCE, key, value), Ok(()), "{key} {value}");
        }
        for (key, value, why) in [
            ("limits.memory", "x", "Invalid value: x"),
            ("boot.autostart", "maybe", "Invalid value for a boolean \"maybe\""),
            ("limits.cpu", "many", "Invalid CPU limit syntax"),
            ("limits.memory.enforce", "x", "Invalid value \"x\" (not one of [soft hard])"),
        ] {
            assert_eq!(check(INSTANCE, key, value), Err(Bad::Value(why.into())), "{key} {value}");
        }
        assert_eq!(check(INSTANCE, "nope", "1"), Err(Bad::Key));
        assert_eq!(SERVER.check(Flavour::Lxd, "oidc.issuer", "1"), Err(Bad::Key));
        assert_eq!(check(SERVER, "core.https_address", "127.0.0.1:8443"), Ok(()));
        assert_eq!(check(SERVER, "core.https_address", "[::]:8443"), Ok(()));
        let bad = check(SERVER, "core.https_address", "x:y:z");
        assert_eq!(bad, Err(Bad::Value("Couldn't resolve \"x:y:z\"".into())));
        let bad = check(PROJECT, "limits.containers", "x");
        let why = "Invalid value for uint32 \"x\": strconv.ParseUint: parsing \"x\": invalid syntax";
        assert_eq!(bad, Err(Bad::Value(why.into())));
    }
}
