//! A head is read as its lines say, whatever the cuts, or refused; nothing of it goes to a later one.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lxio_fuzz::head::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    lxio_fuzz::replay::arguments(lxio_fuzz::head::check);
}
