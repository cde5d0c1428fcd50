use std::fmt;

/// A name that cannot stand in a path: it would name something else, or nothing.
///
/// Raised before a byte is sent. Servers have further rules of their own (length, first character);
/// those are theirs to enforce, and differ by version.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BadName {
    /// The name is empty, so the path would be that of the whole collection.
    Empty {
        /// What was to be named, for example `instance`.
        kind: &'static str,
    },
    /// The name is `.` or `..`, which paths read as "here" and "one up".
    Dots {
        /// What was to be named.
        kind: &'static str,
        /// The name.
        name: String,
    },
    /// The name holds `/`, `?`, `#`, `%` or a control character.
    Character {
        /// What was to be named.
        kind: &'static str,
        /// The name.
        name: String,
        /// The first character that is refused.
        found: char,
    },
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { kind } => write!(f, "the {kind} name is empty"),
            Self::Dots { kind, name } => write!(f, "{name:?} cannot be the name of the {kind}"),
            Self::Character { kind, name, found } => {
                write!(f, "the {kind} name {name:?} holds {found:?}, which no {kind} name may")
            }
        }
    }
}

impl std::error::Error for BadName {}

/// Refuses a name that could leave its place in a path: empty, `.`, `..`, or with `/`, `?`, `#`, `%` or a
/// control character (NUL, CR and LF among them).
///
/// # Errors
/// [`BadName`], naming `kind` and the first character that is refused.
pub fn check_name(kind: &'static str, name: &str) -> Result<(), BadName> {
    match name {
        "" => return Err(BadName::Empty { kind }),
        "." | ".." => return Err(BadName::Dots { kind, name: name.into() }),
        _ => {}
    }
    match name.chars().find(|c| matches!(c, '/' | '?' | '#' | '%') || c.is_control()) {
        Some(found) => Err(BadName::Character { kind, name: name.into(), found }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_would_leave_their_place_are_refused() {
        for bad in ["", ".", "..", "a/b", "a?b", "a#b", "a%2fb", "a\0b", "a\rb", "a\nb", "../x", "\u{7f}"] {
            assert!(check_name("instance", bad).is_err(), "{bad:?}");
        }
        for good in ["web", "web-1", "...", "a b", "é", "a.b", "~", "a+b"] {
            assert_eq!(check_name("profile", good), Ok(()), "{good:?}");
        }
    }
}
