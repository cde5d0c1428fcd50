//! Does one piece of work so many times: `work WHAT COUNT [SOCKET]`. With `serve 0 SOCKET` it is the server, with
//! `size 0 BODY` it says how long a body is.
//! What was allocated is printed, per time; what else it costs is counted from outside.

use std::path::Path;

use lxio_benches::allocations::{Count, Counting, count};
use lxio_benches::{Failure, parse, server, sockets, warm_get};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> Result<(), Failure> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let (what, times, path) = match *words {
        [what, times] => (what, times, ""),
        [what, times, path] => (what, times, path),
        _ => return Err("work WHAT COUNT [SOCKET]".into()),
    };
    let times: usize = times.parse()?;
    let path = Path::new(path);
    let spent = match what {
        "serve" => return server::serve(path),
        "size" => {
            println!("{}", parse::body(&path.to_string_lossy())?.len());
            return Ok(());
        }
        "instance" | "list" => parse::run(what, times)?,
        "receive" => of(|| sockets::receive(times))?,
        "send" => of(|| sockets::send(times))?,
        "exec" => of(|| sockets::exec(times))?,
        client => warm_get::run(client, path, times)?,
    };
    let each = times.max(1) as f64;
    println!("{:.2} {:.0}", spent.calls as f64 / each, spent.bytes as f64 / each);
    Ok(())
}

fn of(work: impl FnOnce() -> Result<(), Failure>) -> Result<Count, Failure> {
    let (result, spent) = count(work);
    result.map(|()| spent)
}
