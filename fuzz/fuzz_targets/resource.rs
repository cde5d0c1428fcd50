//! A resource of any JSON is read or refused; written again it has all that came, and the body of a PUT has every
//! field that can be set and every unknown one, and no other.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lxio_fuzz::resource::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    lxio_fuzz::replay::arguments(lxio_fuzz::resource::check);
}
