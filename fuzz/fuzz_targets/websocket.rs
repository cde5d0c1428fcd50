//! A websocket over any bytes of a server, with sends in between, progresses in bounded memory, tells the
//! same whatever the cuts, and what it tells is what whole, legal frames say.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lxio_fuzz::websocket::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    lxio_fuzz::replay::arguments(lxio_fuzz::websocket::check);
}
