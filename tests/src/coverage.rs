//! Which endpoints were really used: counts good answers per daemon and endpoint, from the bytes.
//!
//! An answer is good when its status is 2xx or 101. For a wait on an operation that is all, whatever its
//! body says of the operation: the endpoint itself did its work.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::recorder::{Observer, Seen};
use crate::traffic::{Answered, Traffic};

/// One row of the table of endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The method, in capitals.
    pub method: String,
    /// The path with placeholders: `/1.0/instances/{instance}/state`.
    pub template: String,
    /// Which of `lxd` and `incus` have it in their newest versions.
    pub flavours: Vec<String>,
    /// The API extension that it needs, if any.
    pub extension: Option<String>,
    /// Which of `lxd` and `incus` have it in the versions that the live suite starts.
    pub tested: Vec<String>,
}

/// All known endpoints.
#[derive(Clone, Debug, Default)]
pub struct Table {
    endpoints: Vec<Endpoint>,
}

impl Table {
    /// The project's own table, `tests/endpoints.tsv`.
    #[must_use]
    pub fn project() -> Self {
        Self::parse(include_str!("../endpoints.tsv"))
    }

    /// Reads a table: a line of column names, then method, path, flavours, extension, tested. A dash is
    /// an empty cell.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let list = |cell: Option<&str>| -> Vec<String> {
            cell.unwrap_or("-").split(',').filter(|v| *v != "-" && !v.is_empty()).map(str::to_owned).collect()
        };
        let endpoints = text
            .lines()
            .skip(1)
            .filter_map(|line| {
                let mut cells = line.split('\t');
                Some(Endpoint {
                    method: cells.next()?.to_owned(),
                    template: cells.next()?.to_owned(),
                    flavours: list(cells.next()),
                    extension: list(cells.next()).into_iter().next(),
                    tested: list(cells.next()),
                })
            })
            .collect();
        Self { endpoints }
    }

    /// The rows, in the order of the file.
    #[must_use]
    pub fn endpoints(&self) -> &[Endpoint] {
        &self.endpoints
    }

    /// The endpoint of a request. A word of the template is preferred to a placeholder, the earlier the
    /// better; `{alias}` at the end also takes slashes, as the daemons do.
    #[must_use]
    pub fn find(&self, method: &str, path: &str) -> Option<&Endpoint> {
        self.endpoints
            .iter()
            .filter(|e| e.method == method)
            .filter_map(|e| Some((fit(&e.template, path)?, e)))
            .max_by(|(a, _), (b, _)| a.cmp(b))
            .map(|(_, e)| e)
    }
}

/// Whether a path is one of a template, and if so which of its segments are words rather than
/// placeholders.
fn fit(template: &str, path: &str) -> Option<Vec<bool>> {
    let mut literal = Vec::new();
    let mut segments = path.split('/');
    for wanted in template.split('/') {
        let segment = segments.next()?;
        if wanted.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            literal.push(false);
        } else if wanted == segment {
            literal.push(true);
        } else {
            return None;
        }
    }
    (segments.next().is_none() || template.ends_with("/{alias}")).then_some(literal)
}

/// The path of a request's target: without the query, and without scheme and host.
fn path(target: &str) -> &str {
    let path = target.split(['?', '#']).next().unwrap_or_default();
    match path.split_once("://") {
        Some((scheme, rest)) if !scheme.contains('/') => rest.find('/').map_or("/", |at| &rest[at..]),
        _ => path,
    }
}

/// The counts.
#[derive(Debug, Default)]
pub struct Coverage {
    table: Table,
    counts: Mutex<BTreeMap<Key, u64>>,
}

/// Daemon, method and template, by which the output is sorted; a path that is in no template stands there
/// as `UNKNOWN PATH`.
type Key = (String, String, String);

impl Coverage {
    /// Counts by the project's table.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with(Table::project())
    }

    /// Counts by another table.
    #[must_use]
    pub fn with(table: Table) -> Arc<Self> {
        Arc::new(Self { table, counts: Mutex::default() })
    }

    /// The table.
    #[must_use]
    pub fn table(&self) -> &Table {
        &self.table
    }

    /// An observer for a recorder in front of the daemon called `daemon`.
    #[must_use]
    pub fn of(self: &Arc<Self>, daemon: &str) -> Arc<dyn Observer> {
        Arc::new(Count {
            coverage: Arc::clone(self),
            daemon: daemon.to_owned(),
            connections: Mutex::default(),
        })
    }

    /// Counts an answer, if it is a good one.
    pub fn count(&self, daemon: &str, answered: &Answered) {
        if !matches!(answered.status, 101 | 200..=299) {
            return;
        }
        let path = path(&answered.target);
        let template = match self.table.find(&answered.method, path) {
            Some(endpoint) => endpoint.template.clone(),
            None => format!("UNKNOWN {path}"),
        };
        *self.counts().entry((daemon.to_owned(), answered.method.clone(), template)).or_default() += 1;
    }

    /// The lines of the output: daemon, method, template or `UNKNOWN PATH`, count; sorted.
    #[must_use]
    pub fn to_tsv(&self) -> String {
        let mut text = String::new();
        for ((daemon, method, template), count) in &*self.counts() {
            text.push_str(&format!("{daemon}\t{method}\t{template}\t{count}\n"));
        }
        text
    }

    /// Writes the output to a file.
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn write(&self, path: impl AsRef<Path>) -> io::Result<()> {
        fs::write(path, self.to_tsv())
    }

    /// The endpoints that the tested version of `flavour` has and that gave the daemon called `daemon`
    /// no good answer.
    #[must_use]
    pub fn missing(&self, daemon: &str, flavour: &str) -> Vec<&Endpoint> {
        let counts = self.counts();
        let used =
            |e: &Endpoint| counts.contains_key(&(daemon.to_owned(), e.method.clone(), e.template.clone()));
        let has = |e: &Endpoint| e.tested.iter().any(|f| f == flavour);
        self.table.endpoints.iter().filter(|e| has(e) && !used(e)).collect()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<Key, u64>> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Count {
    coverage: Arc<Coverage>,
    daemon: String,
    connections: Mutex<HashMap<u64, Arc<Mutex<Traffic>>>>,
}

impl Count {
    fn connections(&self) -> MutexGuard<'_, HashMap<u64, Arc<Mutex<Traffic>>>> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Count {
    fn seen(&self, conn: u64, what: Seen<'_>) {
        match what {
            Seen::Data(direction, bytes) => {
                let traffic = Arc::clone(self.connections().entry(conn).or_default());
                let mut traffic = traffic.lock().unwrap_or_else(PoisonError::into_inner);
                traffic.push(direction, bytes, |answered| self.coverage.count(&self.daemon, &answered));
            }
            Seen::Closed => {
                self.connections().remove(&conn);
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recorder::Direction;

    fn template<'a>(table: &'a Table, method: &str, target: &str) -> Option<&'a str> {
        table.find(method, path(target)).map(|e| e.template.as_str())
    }

    #[test]
    fn paths_find_their_templates() {
        let t = &Table::project();
        assert_eq!(template(t, "GET", "/"), Some("/"));
        assert_eq!(template(t, "GET", "/1.0?public"), Some("/1.0"));
        assert_eq!(template(t, "GET", "http://unix.socket/1.0"), Some("/1.0"));
        assert_eq!(template(t, "GET", "/1.0/instances/a%2Fb?recursion=1"), Some("/1.0/instances/{instance}"));
        assert_eq!(template(t, "GET", "/1.0/images/aliases"), Some("/1.0/images/aliases"));
        assert_eq!(template(t, "GET", "/1.0/images/abc"), Some("/1.0/images/{fingerprint}"));
        assert_eq!(template(t, "GET", "/1.0/images/aliases/a/b"), Some("/1.0/images/aliases/{alias}"));
        assert_eq!(
            template(t, "GET", "/1.0/operations/x/wait?timeout=1"),
            Some("/1.0/operations/{operation}/wait")
        );
        assert_eq!(
            template(t, "GET", "/1.0/instances/c/logs/exec-output/exec_1.stdout"),
            Some("/1.0/instances/{instance}/logs/exec-output/{filename}")
        );
        assert_eq!(
            template(t, "POST", "/1.0/storage-pools/p/volumes/custom/v/snapshots"),
            Some("/1.0/storage-pools/{pool}/volumes/{type}/{volume}/snapshots")
        );
        for (method, target) in
            [("GET", "/1.0/"), ("GET", "/1.0/instances//state"), ("PATCH", "/1.0/instances"), ("GET", "")]
        {
            assert_eq!(template(t, method, target), None, "{method} {target}");
        }
    }

    #[test]
    fn every_row_finds_itself() {
        let table = Table::project();
        assert!(table.endpoints().len() > 300);
        for e in table.endpoints() {
            let path = e.template.replace('{', "some-").replace('}', "");
            let found = table.find(&e.method, &path).map(|f| &f.template);
            assert_eq!(found, Some(&e.template), "{} {path}", e.method);
            assert!(e.tested.iter().chain(&e.flavours).all(|f| f == "lxd" || f == "incus"), "{e:?}");
            assert!(!e.flavours.is_empty() || !e.tested.is_empty(), "{e:?}");
        }
    }

    #[test]
    fn good_answers_are_counted() {
        let coverage = Coverage::new();
        let lxd = coverage.of("lxd");
        let incus = coverage.of("incus");
        let talk = |observer: &Arc<dyn Observer>, conn, request: &str, answer: &str| {
            observer.seen(conn, Seen::Open);
            observer.seen(conn, Seen::Data(Direction::ToServer, request.as_bytes()));
            observer.seen(conn, Seen::Data(Direction::ToClient, answer.as_bytes()));
            observer.seen(conn, Seen::Closed);
        };
        let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
        talk(&lxd, 0, "GET /1.0 HTTP/1.1\r\n\r\n", ok);
        talk(&lxd, 1, "GET /1.0 HTTP/1.1\r\n\r\n", ok);
        talk(&lxd, 2, "GET /1.0/instances/x HTTP/1.1\r\n\r\n", "HTTP/1.1 404 No\r\n\r\n");
        talk(&lxd, 3, "GET /1.0/nowhere HTTP/1.1\r\n\r\n", ok);
        talk(&incus, 0, "GET /1.0/events HTTP/1.1\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\n\r\n");
        assert_eq!(
            coverage.to_tsv(),
            "incus\tGET\t/1.0/events\t1\nlxd\tGET\t/1.0\t2\nlxd\tGET\tUNKNOWN /1.0/nowhere\t1\n"
        );
        let missing = coverage.missing("lxd", "lxd");
        assert!(missing.iter().any(|e| e.template == "/1.0/instances/{instance}"));
        assert!(!missing.iter().any(|e| e.template == "/1.0" && e.method == "GET"));
    }
}
