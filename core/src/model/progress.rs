//! How far an operation is.

use serde_json::{Map, Value};

/// How far an operation is, as far as the server tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done, for example `create_instance_from_image_unpack`; the servers' own names.
    pub stage: String,
    /// How much of it is done, in percent: 0 to 100.
    pub percent: Option<u8>,
    /// How much of it is done, in bytes.
    pub processed: Option<u64>,
    /// How fast it goes, in bytes per second.
    pub speed: Option<u64>,
    /// The server's line for people, such as `Unpacking image: 100% (42.63MB/s)`.
    pub text: String,
}

impl Progress {
    /// Reads the `progress` object, whose numbers are texts, and the line beside it; from the line alone
    /// where there is no object.
    pub(crate) fn of(metadata: &Map<String, Value>) -> Option<Self> {
        let object = metadata.get("progress").and_then(Value::as_object);
        let word = |name: &str| object.and_then(|object| object.get(name));
        let stage = word("stage").and_then(Value::as_str).unwrap_or_default();
        let lines = || {
            metadata
                .iter()
                .filter_map(|(name, value)| Some((name.strip_suffix("_progress")?, value.as_str()?)))
        };
        let line =
            lines().find(|(name, _)| *name == stage).or_else(|| lines().find(|(_, text)| !text.is_empty()));
        if object.is_none() && line.is_none() {
            return None;
        }
        let (name, text) = line.unwrap_or_default();
        let told = Told::read(text);
        Some(Self {
            stage: if stage.is_empty() { name } else { stage }.to_owned(),
            percent: word("percent").and_then(number).map(percent).or(told.percent),
            processed: word("processed").and_then(number).or(told.processed),
            speed: word("speed").and_then(number).or(told.speed),
            text: text.to_owned(),
        })
    }
}

fn number(value: &Value) -> Option<u64> {
    match value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_u64(),
    }
}

fn percent(value: u64) -> u8 {
    u8::try_from(value.min(100)).unwrap_or(100)
}

/// What a line such as `rootfs: 34% (54.44MB/s)` or `metadata: 1.20GB (3.00MB/s)` says.
#[derive(Default)]
struct Told {
    percent: Option<u8>,
    processed: Option<u64>,
    speed: Option<u64>,
}

impl Told {
    fn read(text: &str) -> Self {
        let mut told = Self::default();
        for word in text.split([' ', '(', ')', ',']) {
            if let Some(digits) = word.strip_suffix('%') {
                told.percent = digits.parse().ok().map(percent).or(told.percent);
            } else if let Some(rate) = word.strip_suffix("/s") {
                told.speed = bytes(rate).or(told.speed);
            } else {
                told.processed = bytes(word).or(told.processed);
            }
        }
        told
    }
}

/// `54.44MB`: decimal units for kB and the like, binary ones for KiB and the like.
fn bytes(text: &str) -> Option<u64> {
    let (value, unit) = text.split_at(text.find(|c: char| !(c.is_ascii_digit() || c == '.'))?);
    let factor = match unit {
        "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1_048_576.0,
        "GiB" => 1_073_741_824.0,
        "TiB" => 1_099_511_627_776.0,
        _ => return None,
    };
    let value: f64 = value.parse().ok()?;
    Some((value * factor).round() as u64) // saturates
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn of(value: Value) -> Option<Progress> {
        Progress::of(value.as_object().unwrap())
    }

    #[test]
    fn numbers_that_are_texts() {
        let progress = of(json!({
            "create_instance_from_image_unpack_progress": "Unpacking image: 100% (47.29MB/s)",
            "progress": {"percent": "100", "speed": "47291577", "stage": "create_instance_from_image_unpack"}
        }));
        assert_eq!(
            progress.unwrap(),
            Progress {
                stage: "create_instance_from_image_unpack".into(),
                percent: Some(100),
                processed: None,
                speed: Some(47_291_577),
                text: "Unpacking image: 100% (47.29MB/s)".into(),
            }
        );
    }

    #[test]
    fn only_a_line() {
        let progress = of(json!({"download_progress": "rootfs: 34% (54.44MB/s)", "fds": {}})).unwrap();
        assert_eq!(
            (progress.stage.as_str(), progress.percent, progress.speed),
            ("download", Some(34), Some(54_440_000))
        );
        let progress = of(json!({"fs_progress": "c1: 1.50GB (512.00KiB/s)"})).unwrap();
        assert_eq!((progress.processed, progress.speed), (Some(1_500_000_000), Some(524_288)));
    }

    #[test]
    fn nothing_told() {
        assert_eq!(of(json!({"return": 0})), None);
        assert_eq!(of(json!({"container_progress": ""})), None);
        assert_eq!(of(json!({"progress": 7})), None);
        assert_eq!(of(json!({"progress": {"percent": "999", "processed": 5}})).unwrap().percent, Some(100));
    }

    proptest! {
        #[test]
        fn no_line_panics(text in ".{0,40}") {
            let _ = of(json!({"x_progress": text, "progress": {"percent": text, "stage": text}}));
        }

        #[test]
        fn near_lines_do_not_panic(text in "([0-9.]{0,30}(%|[kKMGT]?i?B|/s| |\\(|é)){0,6}") {
            let _ = of(json!({"x_progress": text}));
        }
    }
}
