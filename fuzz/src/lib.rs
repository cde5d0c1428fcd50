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
//! | target | input | invariant: whatever the bytes |
//! |---|---|---|
//! | `head`           | a server's bytes | a head is as its lines say, or refused |
//! | `body`           | framing, length, body | a body is as its framing says; one that ends early is an error |
//! | `exchange`       | plan, a server's bytes | it progresses within its limits, and a connection is used again only if it can be |
//! | `http_peer`      | a server's bytes | `ureq-proto` reads the same answer |
//! | `websocket`      | a server's bytes | what is told is what whole, legal frames say; what leaves is what was sent |
//! | `websocket_peer` | a server's bytes, messages | tungstenite reads and is read the same |
//! | `envelope`       | a body | an answer is read or refused, in any order of its fields |
//! | `resource`       | type, JSON | what is read is written again whole; a PUT loses and adds nothing |
//! | `event`          | a message | an event is read or refused, and its secrets are not shown |
//! | `text`           | kind, text | times, modes, ids, URLs, progress, headers are as another reading has them, or refused |
//! | `names`          | call, texts of a user | each stands whole in its place, or nothing is sent |
//! | `config`         | client, a file of its user | all of it is in what is written again; a change changes nothing else |
//! | `tunnel`         | proxy and server, a proxy's bytes | it stands where the answers are a yes, and hands on what came behind them |
//! | `tls`            | plot, a peer's bytes | it ends, and hands on only what a server that proved itself has sealed |
//! | `flow`           | conversation, slots and events | a good end only for cause, a bad one only for a reason; nothing twice |
//! | `drive`          | conversation, a server's bytes for each connection | never a part for the whole, whatever the cuts and faults |
//!
//! | file | what |
//! |---|---|
//! | `input`   | how an input is read: control bytes, pieces, cuts |
//! | `answers` | bodies that servers answer with, by number |
//! | `play`    | an exchange played to its end over given bytes |
//! | `oracle`  | slow and simple readings of the same bytes, to compare with |
//! | `memory`  | the most memory that a call held |
//! | `replay`  | files instead of a fuzzer |
//!
//! Corpora are kept small: `cargo fuzz cmin TARGET` after a longer run.

pub mod answers;
pub mod body;
pub mod config;
pub mod drive;
pub mod envelope;
pub mod event;
pub mod exchange;
pub mod flow;
pub mod head;
pub mod http_peer;
pub mod input;
pub mod memory;
pub mod names;
pub mod oracle;
pub mod play;
pub mod replay;
pub mod resource;
pub mod text;
pub mod tls;
pub mod tunnel;
pub mod websocket;
pub mod websocket_peer;

/// A target: its name, which is that of its corpus, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("head", head::check),
    ("body", body::check),
    ("exchange", exchange::check),
    ("http_peer", http_peer::check),
    ("websocket", websocket::check),
    ("websocket_peer", websocket_peer::check),
    ("envelope", envelope::check),
    ("resource", resource::check),
    ("event", event::check),
    ("text", text::check),
    ("names", names::check),
    ("config", config::check),
    ("tunnel", tunnel::check),
    ("tls", tls::check),
    ("flow", flow::check),
    ("drive", drive::check),
];
