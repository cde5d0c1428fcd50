//! What a websocket tells of any bytes of a server is what tungstenite's tells of them, and what either end sends
//! the other reads as it was sent.
#![cfg_attr(fuzzing, no_main)]

#[cfg(fuzzing)]
libfuzzer_sys::fuzz_target!(|bytes: &[u8]| lxio_fuzz::websocket_peer::check(bytes));

#[cfg(not(fuzzing))]
fn main() {
    lxio_fuzz::replay::arguments(lxio_fuzz::websocket_peer::check);
}
