//! The list of scenarios: the same for every adapter and every daemon.
//!
//! A scenario gets a [`Context`] and fails with a reason. It makes what it needs under names of its own, so
//! that others can run beside it, and leaves the removal to the suite. It asserts what is there afterwards,
//! not only that a call went well; what a daemon must refuse is asserted by the kind of the error.

mod edit;
mod instances;
mod power;
mod profiles;
mod server;

use crate::adapter::Adapter;
#[cfg(doc)]
use crate::live::Context;
use crate::live::Scenario;

/// A row: `row!(area::name)`.
macro_rules! row {
    ($area:ident::$name:ident) => {
        Scenario::new(stringify!($area), stringify!($name), |ctx| Box::pin($area::$name(ctx)))
    };
}

/// All scenarios, for one adapter.
#[must_use]
pub fn all<A: Adapter>() -> Vec<Scenario<A>> {
    vec![
        row!(server::server_get),
        row!(server::server_config),
        row!(instances::instance_create),
        row!(instances::instance_filter),
        row!(instances::instance_project),
        row!(instances::instance_sources),
        row!(instances::instance_copy),
        row!(instances::instance_unnamed),
        row!(instances::instance_duplicate),
        row!(instances::instance_update),
        row!(instances::instance_rename),
        row!(instances::instance_delete),
        row!(power::power_cycle),
        row!(power::power_timeout),
        row!(power::power_stateful),
        row!(power::power_watched),
        row!(profiles::profile_life),
        row!(profiles::profile_edit),
        row!(profiles::profile_in_use),
        row!(edit::edit_race),
        row!(edit::edit_conflict),
    ]
}
