use serde_json::Value;

use crate::http::{Answer, Answered, Refusal, Request};
use crate::world::World;

/// Answers a list of resources: references, or objects if asked for. `items` are URLs and objects.
pub(crate) fn list(
    world: &World,
    request: &Request,
    items: impl IntoIterator<Item = (String, Value)>,
) -> Answered {
    let deep = request.recursion() != 0;
    let items = filtered(world, request, items.into_iter().collect(), |(_, value)| value)?;
    Answer::value(
        items.into_iter().map(|(url, value)| if deep { value } else { url.into() }).collect::<Vec<_>>(),
    )
}

/// The same, where the daemons do not look at filters.
pub(crate) fn unfiltered(request: &Request, items: impl IntoIterator<Item = (String, Value)>) -> Answered {
    let deep = request.recursion() != 0;
    Answer::value(
        items.into_iter().map(|(url, value)| if deep { value } else { url.into() }).collect::<Vec<_>>(),
    )
}

/// Those of `items` that fit the request's filter.
pub(crate) fn filtered<T>(
    world: &World,
    request: &Request,
    mut items: Vec<T>,
    object: impl Fn(&T) -> &Value,
) -> Result<Vec<T>, Refusal> {
    let filter = request.text("filter");
    if filter.is_empty() {
        return Ok(items);
    }
    let code = world.either(500, 400);
    let bad = |why: &str| Refusal::new(code, format!("Invalid filter: {why}"));
    let clauses = clauses(filter).map_err(bad)?;
    let texts_only = world.is_lxd();
    items.retain(|item| fits(&clauses, object(item), texts_only));
    Ok(items)
}

/// `field eq value`, and how it is joined to what stands before it.
struct Clause {
    or: bool,
    not: bool,
    field: String,
    equal: bool,
    value: String,
}

fn clauses(filter: &str) -> Result<Vec<Clause>, &'static str> {
    let mut words = words(filter).into_iter();
    let (mut all, mut or) = (Vec::new(), false);
    loop {
        let mut field = words.next().ok_or("field is missing")?;
        let not = field == "not";
        if not {
            field = words.next().ok_or("incomplete not clause")?;
        }
        let equal = match words.next().as_deref() {
            Some("eq") => true,
            Some("ne") => false,
            Some(_) => return Err("unknown operator"),
            None => return Err("clause has no operator"),
        };
        let value = words.next().ok_or("clause has no value")?;
        all.push(Clause { or, not, field, equal, value });
        or = match words.next().as_deref() {
            None => return Ok(all),
            Some("and") => false,
            Some("or") => true,
            Some(_) => return Err("unknown logical operator"),
        };
    }
}

/// Words between spaces; quotes keep them together.
fn words(text: &str) -> Vec<String> {
    let (mut words, mut word, mut quoted) = (Vec::new(), None::<String>, false);
    for char in text.chars() {
        match char {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            ' ' if !quoted => words.extend(word.take()),
            char => word.get_or_insert_default().push(char),
        }
    }
    words.extend(word);
    words
}

/// Whether the clauses hold. With `texts_only`, what is no text is equal to nothing.
fn fits(clauses: &[Clause], object: &Value, texts_only: bool) -> bool {
    let mut result = true;
    for clause in clauses {
        let found = field(object, &clause.field, texts_only);
        let same = found.is_some_and(|it| it.eq_ignore_ascii_case(&clause.value)) == clause.equal;
        let holds = same != clause.not;
        result = if clause.or { result || holds } else { result && holds };
    }
    result
}

/// What stands at `path`: members, separated by dots that may also be in a key.
fn field(object: &Value, path: &str, texts_only: bool) -> Option<String> {
    if let Some(value) = object.get(path) {
        return match value {
            Value::String(text) => Some(text.clone()),
            _ if texts_only => None,
            other => Some(other.to_string()),
        };
    }
    for (at, _) in path.match_indices('.') {
        if let Some(inner) = object.get(&path[..at]) {
            return field(inner, &path[at + 1..], texts_only);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn filters_look_into_objects() {
        let object = json!({ "name": "web", "config": { "user.a": "x y" }, "status": "Running" });
        for (filter, fitting) in [
            ("name eq web", true),
            ("name eq web and status eq Stopped", false),
            ("name ne web or status eq running", true),
            ("not name eq web", false),
            ("config.user.a eq \"x y\"", true),
        ] {
            assert_eq!(fits(&clauses(filter).unwrap(), &object, true), fitting, "{filter}");
        }
        for bad in ["name", "name eq", "name is x", "name eq x with"] {
            assert!(clauses(bad).is_err(), "{bad}");
        }
    }
}
