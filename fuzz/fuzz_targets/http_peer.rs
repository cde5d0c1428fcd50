//! An answer that this library takes is the same to another client, and what it refuses, the other takes only where
//! this one is stricter on purpose.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lxio_fuzz::http_peer::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    lxio_fuzz::replay::arguments(lxio_fuzz::http_peer::check);
}
