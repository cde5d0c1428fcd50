use serde_json::Value;

/// What is done with a member that is naturally different.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    /// It says `{any}`; null, the empty text, list and map stay what they are.
    Any,
    /// A number says `{n}`, unless it is zero.
    Number,
    /// It says `{any}`, whatever it is.
    Chance,
}

/// A member, by the end of its path (list indices left out, `*` for any name), what is done with it, and why.
const RULES: &[(&str, Rule, &str)] = &[
    ("environment/architectures", Rule::Any, "the host's"),
    ("environment/certificate", Rule::Any, "made by the daemon at its first start"),
    ("environment/certificate_fingerprint", Rule::Any, "made by the daemon at its first start"),
    ("environment/driver", Rule::Any, "the host's programs"),
    ("environment/driver_version", Rule::Any, "the host's programs"),
    ("environment/firewall", Rule::Any, "the host's programs"),
    ("environment/kernel", Rule::Any, "the host's"),
    ("environment/kernel_architecture", Rule::Any, "the host's"),
    ("environment/kernel_features", Rule::Any, "the host's"),
    ("environment/kernel_version", Rule::Any, "the host's"),
    ("environment/lxc_features", Rule::Any, "the host's libraries"),
    ("environment/os_name", Rule::Any, "the host's"),
    ("environment/os_version", Rule::Any, "the host's"),
    ("environment/server_name", Rule::Any, "the host's"),
    ("environment/server_pid", Rule::Number, "a process id"),
    ("environment/storage", Rule::Any, "the host's programs"),
    ("environment/storage_version", Rule::Any, "the host's programs"),
    ("environment/storage_supported_drivers", Rule::Any, "the host's programs"),
    ("volatile.idmap.base", Rule::Any, "the range of ids that the host gives"),
    ("volatile.idmap.current", Rule::Any, "the range of ids that the host gives"),
    ("volatile.idmap.next", Rule::Any, "the range of ids that the host gives"),
    ("volatile.last_state.idmap", Rule::Any, "the range of ids that the host gives"),
    ("pid", Rule::Number, "a process id"),
    ("processes", Rule::Number, "a usage"),
    ("cpu/usage", Rule::Chance, "a usage that is zero or less for a moment after a start"),
    ("memory/usage_peak", Rule::Chance, "a usage that is zero for a moment after a start"),
    ("cpu/allocated_time", Rule::Number, "the host's"),
    ("memory/swap_usage", Rule::Chance, "a usage that is sometimes zero and sometimes not"),
    ("memory/swap_usage_peak", Rule::Chance, "a usage that is sometimes zero and sometimes not"),
    ("memory/*", Rule::Number, "a usage"),
    ("disk/*/usage", Rule::Number, "a usage"),
    ("counters/*", Rule::Chance, "a usage that is sometimes zero and sometimes not"),
    ("network/*/addresses", Rule::Chance, "an interface comes up some time after its instance"),
    ("network/*/state", Rule::Chance, "an interface comes up some time after its instance"),
    ("last_used_at", Rule::Any, "other scenarios use the image, too"),
];

/// The same for the members of one scenario only, in its requests as well.
const OWN_RULES: &[(&str, &str, Rule, &str)] = &[
    ("edit_race", "user.sum", Rule::Chance, "who comes first wins"),
    ("certificate_life", "certificate", Rule::Any, "made for the occasion"),
    ("certificate_refused", "certificate", Rule::Any, "made for the occasion"),
    ("trust_token", "expiresAt", Rule::Any, "a time"),
    ("snapshot_publish", "size", Rule::Chance, "times are in what is compressed"),
    ("instance_publish", "size", Rule::Chance, "times are in what is compressed"),
];

/// The scenarios that do several things at a time: the order of their requests, and of the answers to the
/// same request, is chance.
const UNORDERED: &[&str] = &["edit_race", "many_operations", "many_calls", "many_execs"];

/// The sources of events that a watcher may leave before.
const LAST: &[(&str, &str)] = &[("watch_idle", "lifecycle /1.0/projects/~project0")];

/// Whether a watcher may not be told of this source.
pub(super) fn is_last(scenario: &str, source: &str) -> bool {
    LAST.contains(&(scenario, source))
}

/// Whether the order in a scenario is chance.
pub(super) fn is_unordered(scenario: &str) -> bool {
    UNORDERED.contains(&scenario)
}

/// Applies the tables to a member of an answer.
pub(super) fn apply(scenario: &str, path: &[String], value: &mut Value) {
    let all = RULES.iter().find(|(pattern, ..)| fits(path, pattern));
    match all {
        Some((_, rule, _)) => rule.change(value),
        None => apply_own(scenario, path, value),
    }
}

/// Applies the table of one scenario, also to a member of a request.
pub(super) fn apply_own(scenario: &str, path: &[String], value: &mut Value) {
    let own = OWN_RULES.iter().find(|(of, pattern, ..)| *of == scenario && fits(path, pattern));
    if let Some((_, _, rule, _)) = own {
        rule.change(value);
    }
}

fn fits(path: &[String], pattern: &str) -> bool {
    let wanted = pattern.split('/').count();
    path.len() >= wanted
        && pattern.split('/').zip(&path[path.len() - wanted..]).all(|(want, got)| want == "*" || want == got)
}

impl Rule {
    fn change(self, value: &mut Value) {
        match (self, &*value) {
            (Rule::Chance, _) => *value = "{any}".into(),
            (_, Value::Null) => {}
            (Rule::Any, Value::String(text)) if text.is_empty() => {}
            (Rule::Any, Value::Array(list)) if list.is_empty() => {}
            (Rule::Any, Value::Object(map)) if map.is_empty() => {}
            (Rule::Any, _) => *value = "{any}".into(),
            (Rule::Number, Value::Number(number)) => {
                if number.as_f64() != Some(0.0) {
                    *value = "{n}".into();
                }
            }
            (Rule::Number, _) => {}
        }
    }
}
