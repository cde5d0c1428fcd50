//! What a server writes as a time, a mode, an id, a URL, a line of progress or a header of a file is read as another
//! reading of the same text says, or refused.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lxio_core::model::{FileInfo, FileKind, Mode, Operation, OperationId, Reference, Status, Time};
use serde_json::json;

use crate::input::Input;

/// The first byte chooses what it is; the rest is text, read loosely.
///
/// # Panics
/// Where the invariant does not hold.
pub fn check(bytes: &[u8]) {
    let mut input = Input::new(bytes);
    let which = input.byte() % 7;
    let text = String::from_utf8_lossy(input.rest());
    match which {
        0 => time(&text),
        1 => mode(&text),
        2 => operation(&text),
        3 => reference(&text),
        4 => line(&text),
        5 => progress(&text),
        _ => file(&text),
    }
}

/// Against jiff, which knows more forms and fewer mistakes.
fn time(text: &str) {
    let Ok(time) = Time::parse(text) else {
        // What is plainly a time is one.
        let plain = text.len() == 20 && text.ends_with('Z') && text.as_bytes()[10] == b'T';
        assert!(!plain || text.parse::<Timestamp>().is_err(), "{text} is refused");
        return;
    };
    let written = serde_json::to_value(&time).expect("a time can be written");
    let again: Time = serde_json::from_value(written.clone()).expect("what was written can be read");
    assert_eq!(again, time, "{written}");
    assert_eq!(serde_json::to_value(&again).unwrap(), written);
    match (text.parse::<Timestamp>(), time.get()) {
        // Unset in one of the ways in which servers say so.
        (_, None) => assert!(
            text.is_empty() || instant(text).is_none_or(|at| at == Timestamp::UNIX_EPOCH || at < year_2()),
            "{text} is unset"
        ),
        (Ok(other), Some(at)) => assert_eq!(at, other, "{text}"),
        // It is beyond what jiff holds, or in the form that files have it.
        (Err(_), Some(at)) => {
            assert!(at == Timestamp::MAX || instant(text) == Some(at), "{text} is read as {at}");
        }
    }
}

fn year_2() -> Timestamp {
    "0002-01-01T00:00:00Z".parse().expect("a time")
}

/// In the form that jiff takes: `T`, a point, an offset with a colon, and nothing behind it.
fn instant(text: &str) -> Option<Timestamp> {
    let (clock, rest) = text.split_at_checked(19)?;
    let clock = clock.replacen([' ', 't'], "T", 1);
    let digits = rest.len()
        - rest.trim_start_matches([',', '.']).trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (fraction, zone) = rest.split_at(digits);
    let zone = zone.trim_start().split(' ').next()?;
    let zone = match zone.as_bytes() {
        [sign, a, b, c, d] if *c != b':' => {
            format!("{}{}{}:{}{}", *sign as char, *a as char, *b as char, *c as char, *d as char)
        }
        _ => zone.to_owned(),
    };
    format!("{clock}{}{zone}", fraction.replace(',', ".")).parse().ok()
}

fn mode(text: &str) {
    let digits = !text.is_empty() && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    let bits = text.bytes().try_fold(0_u32, |sum, byte| {
        sum.checked_mul(8).and_then(|sum| sum.checked_add(u32::from(byte.wrapping_sub(b'0'))))
    });
    match (Mode::parse(text), bits.filter(|_| digits)) {
        (Ok(mode), Some(bits)) => {
            assert_eq!(mode.bits(), bits & 0o7777, "{text}");
            assert_eq!(Mode::parse(&mode.to_string()), Ok(mode));
            assert!(mode.to_string().starts_with('0') && mode.to_string().len() >= 4);
        }
        (Err(error), None) => assert!(!error.to_string().is_empty()),
        (read, bits) => panic!("{text} is read as {read:?} and as {bits:?}"),
    }
}

fn operation(text: &str) {
    match OperationId::parse(text) {
        Ok(id) => {
            let groups: Vec<_> = id.split('-').map(str::len).collect();
            assert_eq!(groups, [8, 4, 4, 4, 12], "{id}");
            assert!(id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f' | b'-')));
            assert_eq!(OperationId::parse(&id), Ok(id.clone()));
            // It stands in the text, but for case and escapes.
            assert!(text.contains('%') || text.to_ascii_lowercase().contains(id.as_str()));
        }
        Err(error) => {
            assert!(error.text.chars().count() <= 200);
            // A query may hold a secret.
            assert!(!error.to_string().contains('?'), "{error}");
        }
    }
}

/// No text panics, names are what stands between the slashes, and query values are found by their names.
fn reference(text: &str) {
    let reference = Reference::from(text);
    let path = reference.path();
    assert!(text.contains(path) && !path.contains(['?', '#']));
    let names = reference.names();
    let words = reference.collection();
    assert!(names.len() + words.len() <= 2 + path.matches('/').count());
    let plain = !path.contains('%');
    for segment in reference.segments() {
        assert!(!plain || !segment.contains('/') && path.contains(segment.as_ref()), "{segment}");
    }
    assert!(!plain || path.ends_with(reference.name().as_ref()) || reference.name() == reference.name_once());
    if let Some(project) = reference.project() {
        assert!(text.contains("project"));
        assert_eq!(reference.query("project"), Some(project));
    }
    let status = Status::from_text(text);
    assert!(status == Status::Unknown(0) || Status::from_code(status.code()) == status);
}

/// Any text as a line of progress.
fn line(text: &str) {
    let operation: Operation =
        serde_json::from_value(json!({ "metadata": { "x_progress": text } })).expect("an operation");
    let Some(progress) = operation.progress() else {
        assert!(text.is_empty());
        return;
    };
    assert_eq!((progress.text.as_str(), progress.stage.as_str()), (text, "x"));
    assert!(progress.percent.is_none_or(|percent| percent <= 100));
    assert!(progress.percent.is_none() || text.contains('%'));
    assert!(progress.speed.is_none() || text.contains("/s"));
}

/// What a line is made of is what it says.
fn progress(text: &str) {
    let mut input = Input::new(text.as_bytes());
    let (percent, whole, part) = (input.byte() % 101, input.number(), input.byte() % 100);
    let (unit, factor) = [("B", 1.0), ("kB", 1e3), ("MB", 1e6), ("GB", 1e9), ("MiB", 1_048_576.0)]
        [usize::from(input.byte()) % 5];
    let amount = (format!("{whole}.{part:02}").parse::<f64>().expect("a number") * factor).round() as u64;
    let told = |line: String| {
        let value = json!({ "metadata": { "unpack_progress": line, "progress": { "stage": "unpack" } } });
        let operation: Operation = serde_json::from_value(value).expect("an operation");
        let told = operation.progress().expect("progress");
        (told.percent, told.processed, told.speed)
    };
    assert_eq!(
        told(format!("Unpack: {percent}% ({whole}.{part:02}{unit}/s)")),
        (Some(percent), None, Some(amount))
    );
    assert_eq!(told(format!("rootfs: {whole}.{part:02}{unit} (7B/s)")), (None, Some(amount), Some(7)));
}

/// Headers of a file, one a line.
fn file(text: &str) {
    let headers: BTreeMap<&str, &str> = text.lines().filter_map(|line| line.split_once(": ")).collect();
    let header = |name: &str| headers.get(name).copied();
    let id = |name: &str| header(name).map(|text| text.trim().parse::<i64>().ok());
    match FileInfo::read(header) {
        Ok(info) => {
            assert_eq!(info.kind, header("type").map(FileKind::from).unwrap_or_default());
            for (name, got) in [("uid", info.uid), ("gid", info.gid)] {
                // Ids that the server could not map come as negative numbers.
                let wanted = id(name).map(|id| id.expect("an id that was read is a number") as u32);
                assert_eq!(got, wanted, "{name}");
            }
            assert_eq!(info.mode, header("mode").map(|text| Mode::parse(text).expect("a mode")));
            let modified = header("modified").map(|text| Time::parse(text).expect("a time"));
            assert_eq!(info.modified, modified.unwrap_or_default());
            assert_eq!(info.size, None);
        }
        Err(error) => {
            let odd = |name| {
                id(name).is_some_and(|id| {
                    id.is_none_or(|id| u32::try_from(id).is_err() && i32::try_from(id).is_err())
                })
            };
            let mode = header("mode").is_some_and(|text| Mode::parse(text).is_err());
            let modified = header("modified").is_some_and(|text| Time::parse(text).is_err());
            assert!(odd("uid") || odd("gid") || mode || modified, "{error}");
        }
    }
}
