//! Bodies to values.

use std::hint::black_box;

use lxio_core::model::{Answer, Instance, InstanceFull, List};

use crate::allocations::{Count, count};
use crate::{Failure, samples};

/// The body of that name: `instance`, or `list` for one of 300.
///
/// # Errors
/// When there is none of that name.
pub fn body(name: &str) -> Result<String, Failure> {
    match name {
        "instance" => Ok(samples::INSTANCE.to_owned()),
        "list" => Ok(samples::list(300)),
        other => Err(format!("no body {other}").into()),
    }
}

/// Parses a body so many times and returns what that allocated.
///
/// # Errors
/// When it is not what it should be.
pub fn run(name: &str, times: usize) -> Result<Count, Failure> {
    let body = body(name)?;
    let body = body.as_bytes();
    let (result, count) = count(|| {
        for _ in 0..times {
            match name {
                "instance" => drop(black_box(Answer::<Instance>::parse(body)?)),
                _ => drop(black_box(Answer::<List<InstanceFull>>::parse(body)?)),
            }
        }
        Ok::<_, Failure>(())
    });
    result.map(|()| count)
}
