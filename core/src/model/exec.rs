//! Commands to be run inside an instance.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Deref, DerefMut};

use serde::{Deserializer, Serializer};

use super::field::Field;
use super::resource::resource;

resource! {
    /// A command to be run inside an instance: the body of `POST /1.0/instances/NAME/exec`.
    pub struct ExecRequest {
        write {
            /// The program and its arguments. No shell looks at them.
            command: Vec<String>,
            /// Variables beside those that the server sets (`HOME`, `PATH` and the like).
            environment: Environment,
            /// Whether input and output go through websockets. All of them have to be connected within
            /// five seconds, else nothing runs.
            wait_for_websocket: bool = "wait-for-websocket",
            /// Whether the command gets a terminal: one websocket in place of three.
            interactive: bool,
            /// Columns of the terminal; 80 if 0.
            width: u16,
            /// Lines of the terminal; 25 if 0.
            height: u16,
            /// Whether the server keeps the output in files. Excludes websockets. API extension
            /// `container_exec_recording`.
            record_output: bool = "record-output",
            /// The user id inside; 0 is root. API extension `container_exec_user_group_cwd`.
            user: u32,
            /// The group id inside. API extension `container_exec_user_group_cwd`.
            group: u32,
            /// The directory to start in; the user's home if empty. One that does not exist is silently
            /// `/`. API extension `container_exec_user_group_cwd`.
            cwd: String,
        }
    }
}

impl ExecRequest {
    /// Runs `command` as root. Neither websockets nor files: its output is lost until one is asked for.
    pub fn new<I>(command: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        Self { command: command.into_iter().map(Into::into).collect(), ..Self::default() }
    }
}

/// Environment variables by name. `Debug` does not show their values: passwords are often handed over so.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Environment(pub BTreeMap<String, String>);

impl Deref for Environment {
    type Target = BTreeMap<String, String>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl DerefMut for Environment {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.0
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Field for Environment {
    fn read<'de, D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        Field::read(from).map(Self)
    }
    fn write<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.write(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    #[test]
    fn three_names_have_hyphens() {
        let mut exec = ExecRequest::new(["sleep", "3"]);
        assert_eq!(to_value(&exec).unwrap(), json!({"command": ["sleep", "3"]}));
        exec.wait_for_websocket = true;
        exec.record_output = true;
        exec.interactive = true;
        (exec.width, exec.height, exec.user, exec.group) = (132, 50, u32::MAX, 7);
        exec.cwd = "/tmp".into();
        exec.environment.insert("A".into(), "hunter2".into());
        assert!(!format!("{exec:?}").contains("hunter2"));
        assert_eq!(
            to_value(&exec).unwrap(),
            json!({
                "command": ["sleep", "3"], "wait-for-websocket": true, "record-output": true, "interactive": true, "width": 132, "height": 50,
                "user": 4_294_967_295_u32, "group": 7, "cwd": "/tmp", "environment": {"A": "hunter2"}
            })
        );
    }
}
