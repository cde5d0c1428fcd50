//! The list of scenarios: the same for every adapter and every daemon.
//!
//! A scenario gets a [`Context`] and fails with a reason. It makes what it needs under names of its own, so
//! that others can run beside it, and leaves the removal to the suite. It asserts what is there afterwards,
//! not only that a call went well; what a daemon must refuse is asserted by the kind of the error.

mod certificates;
mod connection;
mod edit;
mod exec;
mod files;
mod images;
mod instances;
mod many;
mod operations;
mod power;
mod profiles;
mod raw;
mod server;
mod snapshots;
mod watch;

use crate::adapter::Adapter;
#[cfg(doc)]
use crate::live::Context;
use crate::live::{Mode, Need, Scenario};

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
        row!(certificates::certificate_life),
        row!(certificates::certificate_refused),
        row!(certificates::trust_token).mode(Mode::Alone),
        row!(instances::instance_create),
        row!(instances::instance_filter),
        row!(instances::instance_full).needs(Need::Extension("instance_get_full")),
        row!(instances::lists_options),
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
        row!(snapshots::snapshot_life),
        row!(snapshots::snapshot_expiry).needs(Need::Extension("snapshot_expiry_creation")),
        row!(snapshots::snapshot_restore),
        row!(snapshots::snapshot_publish),
        row!(snapshots::snapshot_stateful),
        row!(snapshots::instance_publish),
        row!(files::file_put),
        row!(files::file_kinds),
        row!(files::file_append),
        row!(files::file_names),
        row!(files::file_stream),
        row!(files::file_short),
        row!(images::image_life).mode(Mode::Alone),
        row!(images::image_stream).mode(Mode::Alone),
        row!(images::image_refused).mode(Mode::Alone),
        row!(images::image_aliases_life).mode(Mode::Alone),
        row!(operations::operation_running),
        row!(operations::operation_settle),
        row!(operations::operation_cancel),
        row!(operations::operation_vanished).mode(Mode::Aside),
        row!(raw::raw_verbs),
        row!(raw::raw_settle),
        row!(raw::raw_bytes),
        row!(exec::exec_codes),
        row!(exec::exec_refused),
        row!(exec::exec_setting),
        row!(exec::exec_stdin),
        row!(exec::exec_outputs),
        row!(exec::exec_pipe),
        row!(exec::exec_live),
        row!(exec::exec_drop),
        row!(exec::exec_recorded),
        row!(watch::watch_lifecycle),
        row!(watch::watch_operations),
        row!(watch::watch_types),
        row!(watch::watch_many),
        row!(watch::watch_idle).mode(Mode::Aside),
        row!(connection::connection_pool),
        row!(connection::connection_refused),
        row!(connection::connection_idle).mode(Mode::Aside),
        row!(connection::connection_restart).mode(Mode::Alone).needs(Need::Hook),
        row!(connection::connection_killed).mode(Mode::Alone).needs(Need::Hook),
        row!(many::many_operations),
        row!(many::many_calls),
        row!(many::many_execs),
        row!(many::dropped_client),
        row!(many::execs_2000).mode(Mode::Aside).needs(Need::Once(0)).within(300),
        row!(many::stream_file_1gib).mode(Mode::Aside).needs(Need::Once(1)).within(180),
        row!(many::stream_image_1gib).mode(Mode::Aside).needs(Need::Once(1)).within(180),
    ]
}
