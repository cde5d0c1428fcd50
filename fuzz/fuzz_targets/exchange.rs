//! A whole exchange in any plan over any bytes of a server progresses, keeps its limits, ends the same
//! whatever the cuts, and a connection is used again only if the response ended where its bytes do.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lxio_fuzz::exchange::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    lxio_fuzz::replay::arguments(lxio_fuzz::exchange::check);
}
