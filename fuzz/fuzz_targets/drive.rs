//! A conversation over any bytes of a server, cut in any way, with connections that fail, fall silent or were
//! dead before, never panics, stops, asks for nothing outside the API, and never takes a part for the whole.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lxio_fuzz::drive::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    lxio_fuzz::replay::arguments(lxio_fuzz::drive::check);
}
