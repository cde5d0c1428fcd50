//! An answer of any content is read or refused; what was read, written and read again is the same, also of
//! another order of fields, and takes memory in proportion to its bytes.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lxio_fuzz::envelope::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    lxio_fuzz::replay::arguments(lxio_fuzz::envelope::check);
}
