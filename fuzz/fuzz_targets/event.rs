//! A message of the event stream is read or refused, the same in any order of its fields, and what it tells
//! of secrets is not shown.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lxio_fuzz::event::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    lxio_fuzz::replay::arguments(lxio_fuzz::event::check);
}
