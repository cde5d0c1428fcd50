use std::collections::BTreeMap;
use std::time::Duration;

use lxio_host::transcript::{Anatomy, Direction, Head, Kind, Run, Transcript, What};

/// How much of a text is shown.
const SHOWN: usize = 160;

/// A transcript to read: a line for each head, body, frame and event, when it was whole.
#[must_use]
pub fn show(transcript: &Transcript) -> Vec<String> {
    let header = &transcript.header;
    let mut lines: Vec<String> = [&header.flow, &header.daemon, &header.note]
        .into_iter()
        .filter(|text| !text.is_empty())
        .cloned()
        .collect();
    let mut conns: BTreeMap<u64, View> = BTreeMap::new();
    for entry in &transcript.entries {
        let view = conns.entry(entry.conn).or_default();
        let mut found = Vec::new();
        match &entry.what {
            What::Data(direction, bytes) => view.passed(*direction, bytes, false, &mut found),
            What::Blank(direction, count) => view.passed(*direction, &vec![b'x'; *count], true, &mut found),
            What::Use(None) => view.part = "call".into(),
            What::Use(Some(part)) => view.part = format!("{}/{}", part.run, part.slot),
            What::Open(peer) => found.push(format!("   open {}", peer.as_deref().unwrap_or_default())),
            What::Eof(direction) => view.over(*direction, "end", &mut found),
            What::Reset(direction, errno) => {
                view.over(*direction, &format!("reset, error {errno}"), &mut found)
            }
            What::WriteFailed(_, errno) => found.push(format!("-> could not be written, error {errno}")),
            What::ConnectFailed(errno) => found.push(format!("   could not be connected, error {errno}")),
        }
        lines.extend(found.into_iter().map(|line| told(entry.at, entry.conn, &view.part, &line)));
    }
    for (conn, view) in conns {
        let left = view.open.iter().filter(|open| !open.bytes.is_empty());
        lines.extend(
            left.map(|open| {
                format!("#{conn} has {} bytes of something that never was whole", open.bytes.len())
            }),
        );
    }
    lines
}

fn told(at: Duration, conn: u64, part: &str, line: &str) -> String {
    format!("{:>12.6} #{conn:<3} {part:<5} {}", at.as_secs_f64(), line.trim_end())
}

/// One connection.
#[derive(Default)]
struct View {
    anatomy: Anatomy,
    part: String,
    open: [Open; 2],
}

/// What is not whole yet in one direction.
#[derive(Default)]
struct Open {
    bytes: Vec<u8>,
    /// How much of it is hidden.
    hidden: usize,
    frame: Vec<u8>,
}

impl View {
    fn passed(&mut self, direction: Direction, bytes: &[u8], hidden: bool, found: &mut Vec<String>) {
        let open = &mut self.open[usize::from(direction == Direction::ToClient)];
        self.anatomy.push(direction, bytes, |run| found.extend(open.take(run, direction, hidden)));
    }

    fn over(&mut self, direction: Direction, how: &str, found: &mut Vec<String>) {
        let open = &mut self.open[usize::from(direction == Direction::ToClient)];
        if !open.bytes.is_empty() {
            found.push(format!("{} {}", arrow(direction), open.text("body, as far as it came")));
        }
        found.push(format!("{} {how}", arrow(direction)));
    }
}

impl Open {
    fn take(&mut self, run: Run<'_>, direction: Direction, hidden: bool) -> Option<String> {
        match run.kind {
            Kind::Frame => self.frame.extend_from_slice(run.bytes),
            Kind::Chunk => {}
            _ => {
                self.bytes.extend(run.bytes.iter().zip(run.mask.iter().cycle()).map(|(byte, mask)| {
                    // What is hidden has no mask.
                    if hidden { *byte } else { byte ^ mask }
                }));
                self.hidden += if hidden { run.bytes.len() } else { 0 };
            }
        }
        let line = match run.kind {
            Kind::Head if run.last => self.head(),
            Kind::Frame if run.last && frame_is_empty(&self.frame) => self.framed(),
            Kind::Control | Kind::Text | Kind::Content if !self.frame.is_empty() && run.last => self.framed(),
            Kind::Text | Kind::Content | Kind::Chunk if run.last => self.text("body"),
            _ => return None,
        };
        Some(format!("{} {line}", arrow(direction)))
    }

    /// The first line of a head, without the version, and its fields.
    fn head(&mut self) -> String {
        let bytes = std::mem::take(&mut self.bytes);
        self.hidden = 0;
        let Some(head) = Head::parse(&bytes) else { return format!("\"{}\"", bytes.escape_ascii()) };
        let fields = head.fields.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("host"));
        let fields: Vec<_> =
            fields.map(|(name, value)| format!("{name}: {}", value.escape_ascii())).collect();
        format!("{}  [{}]", head.line.join(" "), fields.join(", "))
    }

    fn framed(&mut self) -> String {
        let frame = std::mem::take(&mut self.frame);
        self.text(match frame.first().map_or(0, |first| first & 0x0f) {
            0 => "more of the message",
            1 => "text",
            2 => "binary",
            8 => "close",
            9 => "ping",
            10 => "pong",
            _ => "frame of an unknown kind",
        })
    }

    fn text(&mut self, what: &str) -> String {
        let bytes = std::mem::take(&mut self.bytes);
        let shown = match std::mem::take(&mut self.hidden) {
            0 if !bytes.is_empty() => format!(": {}", bytes[..bytes.len().min(SHOWN)].escape_ascii()),
            hidden if hidden > 0 && hidden < bytes.len() => {
                format!(", {hidden} hidden: {}", bytes[..bytes.len().min(SHOWN)].escape_ascii())
            }
            0 => String::new(),
            _ => ", hidden".to_owned(),
        };
        format!("{what}, {} bytes{}", bytes.len(), shown.replace("\\\"", "\""))
    }
}

fn frame_is_empty(head: &[u8]) -> bool {
    head.get(1).is_some_and(|length| length & 0x7f == 0)
}

const fn arrow(direction: Direction) -> &'static str {
    match direction {
        Direction::ToServer => "->",
        Direction::ToClient => "<-",
    }
}
