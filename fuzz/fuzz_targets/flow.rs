//! A conversation that is told of any events, on any slots, in any order, never panics, stops asking after
//! finitely many steps, and never ends well unless it was told of what a good end consists of.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lxio_fuzz::flow::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    lxio_fuzz::replay::arguments(lxio_fuzz::flow::check);
}
