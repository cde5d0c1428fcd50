//! Does one piece of work so many times: `work WHAT COUNT [WHERE [new]]`. With `serve 0 DIRECTORY` it is the server,
//! with `size 0 BODY` it says how long a body is, with `handshakes COUNT CLIENT` how many so many calls need.
//! What was allocated is printed, per time; what else it costs is counted from outside.

use std::path::Path;

use lxio_benches::allocations::{Count, Counting, count};
use lxio_benches::get::{self, Connections};
use lxio_benches::{Failure, handshakes, parse, server, sockets};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn main() -> Result<(), Failure> {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let (what, times, place, connections) = match *words {
        [what, times] => (what, times, "", Connections::Warm),
        [what, times, place] => (what, times, place, Connections::Warm),
        [what, times, place, "new"] => (what, times, place, Connections::New),
        _ => return Err("work WHAT COUNT [WHERE [new]]".into()),
    };
    let times: usize = times.parse()?;
    let spent = match what {
        "serve" => return server::serve(Path::new(place)),
        "size" => {
            println!("{}", parse::body(place)?.len());
            return Ok(());
        }
        "handshakes" => {
            for (what, connections, resumes) in [
                ("kept", Connections::Warm, true),
                ("new", Connections::New, true),
                ("unresumed", Connections::New, false),
            ] {
                let (full, resumed) = handshakes::count(place, connections, resumes, times)?;
                print!(" {what}: {full} {resumed}");
            }
            println!();
            return Ok(());
        }
        "instance" | "list" => parse::run(what, times)?,
        "receive" => of(|| sockets::receive(times))?,
        "send" => of(|| sockets::send(times))?,
        "exec" => of(|| sockets::exec(times))?,
        client => get::run(client, place, connections, times)?,
    };
    let each = times.max(1) as f64;
    println!("{:.2} {:.0}", spent.calls as f64 / each, spent.bytes as f64 / each);
    Ok(())
}

fn of(work: impl FnOnce() -> Result<(), Failure>) -> Result<Count, Failure> {
    let (result, spent) = count(work);
    result.map(|()| spent)
}
