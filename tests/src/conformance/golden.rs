//! Stories in files: one for each area, a line for each request. See `tests/conformance/README.md`.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use serde_json::{Value, json};

use super::names::label;
use super::{Entry, Story, Told};

/// The file of the answers that are long and come again and again.
const REPEATED: &str = "repeated.jsonl";
/// An answer with a longer text is written once.
const LONG: usize = 4000;
/// The order in which the members of a line are written.
const ORDER: [&str; 4] = ["request", "fields", "body", "of"];

/// Texts of answers by their labels.
type Repeated = BTreeMap<String, String>;

/// Writes the stories of a run, in place of what the directory held.
///
/// # Errors
/// When a file cannot be written.
pub fn write(directory: &Path, told: &Told) -> io::Result<()> {
    fs::create_dir_all(directory)?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.extension().is_some_and(|it| it == "jsonl") {
            fs::remove_file(path)?;
        }
    }
    let (mut files, mut repeated) = (BTreeMap::<&str, String>::new(), Repeated::new());
    for ((area, _), story) in told {
        files.entry(area).or_default().push_str(&lines(story, &mut repeated));
    }
    for (area, text) in files {
        fs::write(directory.join(format!("{area}.jsonl")), text)?;
    }
    let text: String = repeated
        .iter()
        .map(|(label, answer)| format!("{{\"label\":\"{label}\",\"answer\":{answer}}}\n"))
        .collect();
    fs::write(directory.join(REPEATED), text)
}

fn lines(story: &Story, repeated: &mut Repeated) -> String {
    let mut text = format!("{}\n", json!({ "scenario": story.scenario }));
    for Entry { request, answers, early } in &story.entries {
        let members = ORDER.iter().filter_map(|name| Some(format!("\"{name}\":{}", request.get(name)?)));
        let answers = answers.iter().map(|answer| {
            let members = ["status", "fields", "body", "socket"];
            let members = members.iter().filter_map(|name| Some(format!("\"{name}\":{}", answer.get(name)?)));
            let text = format!("{{{}}}", members.collect::<Vec<_>>().join(","));
            if text.len() <= LONG {
                return text;
            }
            let label = label(&text);
            let reference = json!(label).to_string();
            repeated.insert(label, text);
            reference
        });
        let answers = format!("\"answers\":[{}]", answers.collect::<Vec<_>>().join(","));
        let early = (!early.is_empty()).then(|| format!("\"early\":{}", json!(early)));
        let members: Vec<_> = members.chain([answers]).chain(early).collect();
        text.push_str(&format!("{{{}}}\n", members.join(",")));
    }
    text
}

/// All stories of a directory, by area and name.
///
/// # Errors
/// When it cannot be read, or is no such directory; the text names the file and the line.
pub fn read(directory: &Path) -> io::Result<Told> {
    let mut told = Told::new();
    let repeated = table(&directory.join(REPEATED))?;
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        let area = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        if path.extension().is_none_or(|it| it != "jsonl") || path.ends_with(REPEATED) {
            continue;
        }
        let mut scenario = String::new();
        for (at, value) in values(&path)?.into_iter().enumerate() {
            if let Some(name) = value["scenario"].as_str() {
                scenario = name.to_owned();
                told.insert(
                    (area.clone(), scenario.clone()),
                    Story { scenario: name.into(), entries: Vec::new() },
                );
                continue;
            }
            let story = told.get_mut(&(area.clone(), scenario.clone()));
            let entry = entry_of(value, &repeated);
            let (Some(story), Some(entry)) = (story, entry) else {
                return Err(bad(&path, at, "no request of a scenario"));
            };
            story.entries.push(entry);
        }
    }
    Ok(told)
}

fn entry_of(mut value: Value, repeated: &BTreeMap<String, Value>) -> Option<Entry> {
    let Value::Array(answers) = value.as_object_mut()?.remove("answers")? else { return None };
    let early = match value.as_object_mut()?.remove("early") {
        Some(Value::Array(early)) => early,
        _ => Vec::new(),
    };
    let answers = answers.into_iter().map(|answer| match answer.as_str() {
        Some(label) => repeated.get(label).cloned(),
        None => Some(answer),
    });
    Some(Entry { answers: answers.collect::<Option<_>>()?, request: value, early })
}

fn table(path: &Path) -> io::Result<BTreeMap<String, Value>> {
    let line = |(at, mut value): (usize, Value)| {
        let label = value["label"].as_str().ok_or_else(|| bad(path, at, "no label"))?.to_owned();
        Ok((label, value["answer"].take()))
    };
    values(path)?.into_iter().enumerate().map(line).collect()
}

fn values(path: &Path) -> io::Result<Vec<Value>> {
    let text =
        fs::read_to_string(path).map_err(|e| io::Error::new(e.kind(), format!("{}: {e}", path.display())))?;
    let value = |(at, line)| serde_json::from_str(line).map_err(|e| bad(path, at, &e.to_string()));
    text.lines().enumerate().map(value).collect()
}

fn bad(path: &Path, at: usize, why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("{}, line {}: {why}", path.display(), at + 1))
}
