//! Orders to start, stop, freeze and so on.

use super::resource::resource;
use super::words::words;

words! {
    /// What an instance is to do.
    pub enum StateAction {
        /// Start, or go on where a stateful stop left off.
        Start = "start",
        /// Shut down.
        Stop = "stop",
        /// Shut down and start.
        Restart = "restart",
        /// Halt all processes.
        Freeze = "freeze",
        /// Let them go on.
        Unfreeze = "unfreeze",
    }
}

resource! {
    /// The order to change the state of an instance: the body of `PUT /1.0/instances/NAME/state`.
    pub struct StateChange {
        write {
            /// What it is to do.
            action: StateAction,
            /// For how many seconds a clean shutdown may go on before the operation fails; -1 for as long
            /// as it takes. The server decides if `None`.
            timeout: Option<i64>,
            /// Whether to pull the plug instead of shutting down.
            force: bool,
            /// Whether to save the running system, or to restore it.
            stateful: bool,
        }
    }
}

impl StateChange {
    /// The order, with time limits and the like left to the server.
    #[must_use]
    pub fn new(action: StateAction) -> Self {
        Self { action, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{json, to_value};

    #[test]
    fn as_recorded() {
        assert_eq!(
            to_value(StateChange { timeout: Some(30), ..StateChange::new(StateAction::Start) }).unwrap(),
            json!({"action": "start", "timeout": 30})
        );
        assert_eq!(
            to_value(StateChange { force: true, ..StateChange::new(StateAction::Stop) }).unwrap(),
            json!({"action": "stop", "force": true})
        );
    }
}
