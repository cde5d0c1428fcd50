//! The fuzz targets as plain functions, so that their corpora can be replayed by `cargo test` without a
//! fuzzer. Each takes any bytes and panics where an invariant of the library does not hold.
//!
//! ```text
//! RUSTC_BOOTSTRAP=1 cargo fuzz run head                 fuzz a target
//! cargo test --manifest-path fuzz/Cargo.toml            replay all corpora and regressions
//! cargo run --bin head -- FILE                          replay a file
//! cargo run --example seed -- DIRECTORY                 more seeds, out of recorded conversations
//! ```
//!
//! An input that failed is kept in `regressions/TARGET` under the name of what it showed.
//!
//! | file | what |
//! |---|---|
//! | `head`      | the head of a response |
//! | `body`      | the three framings of a body |
//! | `exchange`  | one whole exchange, in every plan |
//! | `websocket` | the client's end of a websocket |
//! | `envelope`  | answers, for many types of content |
//! | `event`     | messages of the event stream |
//! | `flow`      | conversations, told of any event on any slot |
//! | `drive`     | conversations with their connections, over any bytes of a server |
//! | `input`     | how an input is read: control bytes, pieces, cuts |
//! | `play`      | an exchange played to its end over given bytes |
//! | `oracle`    | slow and simple readings of the same bytes, to compare with |
//! | `memory`    | the most memory that a call held |
//! | `replay`    | files instead of a fuzzer |

pub mod body;
pub mod drive;
pub mod envelope;
pub mod event;
pub mod exchange;
pub mod flow;
pub mod head;
pub mod input;
pub mod memory;
pub mod oracle;
pub mod play;
pub mod replay;
pub mod websocket;

/// A target: its name, which is that of its corpus, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("head", head::check),
    ("body", body::check),
    ("exchange", exchange::check),
    ("websocket", websocket::check),
    ("envelope", envelope::check),
    ("event", event::check),
    ("flow", flow::check),
    ("drive", drive::check),
];
