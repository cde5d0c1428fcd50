use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

/// A peer on a port of 127.0.0.1 that waits for the first bytes of each client and says its own, whatever those
/// were. Dropped, it closes all that is open and waits for its threads.
pub struct Peer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    accept: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct State {
    stopping: bool,
    open: Vec<TcpStream>,
    heard: Vec<Vec<u8>>,
}

impl Peer {
    /// Says these bytes, and then nothing: it listens until the client goes, or ends at once if it `hangs_up`.
    ///
    /// # Errors
    /// It cannot listen.
    pub fn saying(said: impl Into<Vec<u8>>, hangs_up: bool) -> io::Result<Self> {
        let said = said.into();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let state = Arc::<Mutex<State>>::default();
        let accept = thread::spawn({
            let state = Arc::clone(&state);
            move || accept(&listener, &state, &said, hangs_up)
        });
        Ok(Self { address, state, accept: Some(accept) })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What it heard on each connection, in the order in which they came.
    #[must_use]
    pub fn heard(&self) -> Vec<Vec<u8>> {
        lock(&self.state).heard.clone()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.state);
            state.stopping = true;
            for stream in &state.open {
                // It may be closed already.
                let _ = stream.shutdown(Shutdown::Both);
            }
        }
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(accept) = self.accept.take() {
            let _ = accept.join();
        }
    }
}

fn accept(listener: &TcpListener, state: &Mutex<State>, said: &[u8], hangs_up: bool) {
    thread::scope(|scope| {
        for client in listener.incoming() {
            let Ok(client) = client else { continue };
            let Ok(other) = client.try_clone() else { continue };
            let mut now = lock(state);
            if now.stopping {
                break;
            }
            now.open.push(other);
            now.heard.push(Vec::new());
            let number = now.heard.len() - 1;
            drop(now);
            // Who is cut off gets no more than an end.
            scope.spawn(move || serve(&client, state, number, said, hangs_up));
        }
    });
}

fn serve(
    mut client: &TcpStream,
    state: &Mutex<State>,
    number: usize,
    said: &[u8],
    hangs_up: bool,
) -> io::Result<()> {
    let mut space = [0; 4096];
    let mut unsaid = true;
    loop {
        let count = client.read(&mut space)?;
        lock(state).heard[number].extend_from_slice(&space[..count]);
        if std::mem::take(&mut unsaid) {
            client.write_all(said)?;
            if hangs_up {
                client.shutdown(Shutdown::Write)?;
            }
        }
        if count == 0 {
            return client.shutdown(Shutdown::Both);
        }
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}
