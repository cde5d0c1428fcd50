use super::{Filter, FilterError, Need, Opened, Tunnel};

/// A filter behind a proxy: first the proxy is asked for a connection, then the filter has it.
#[derive(Debug)]
pub struct Tunnelled<F> {
    tunnel: Option<Tunnel>,
    inner: F,
}

impl<F: Filter> Tunnelled<F> {
    /// `inner` behind what `tunnel` asks for.
    #[must_use]
    pub const fn new(tunnel: Tunnel, inner: F) -> Self {
        Self { tunnel: Some(tunnel), inner }
    }

    /// Gives the connection to the filter once the proxy has made it; whether it did.
    fn is_through(&mut self) -> Result<bool, FilterError> {
        let Some(tunnel) = &mut self.tunnel else { return Ok(true) };
        if !matches!(tunnel.need()?, Need::Done) {
            return Ok(false);
        }
        let mut rest = self.tunnel.take().map(Tunnel::into_rest).unwrap_or_default();
        while !rest.is_empty() {
            let space = self.inner.space();
            let count = rest.len().min(space.len());
            space[..count].copy_from_slice(&rest.data()[..count]);
            self.inner.read(count);
            rest.consume(count);
        }
        Ok(true)
    }
}

impl<F: Filter> Filter for Tunnelled<F> {
    fn outgoing(&mut self) -> &[u8] {
        match &mut self.tunnel {
            None => self.inner.outgoing(),
            Some(tunnel) => match tunnel.need() {
                Ok(Need::Write(bytes)) => bytes,
                _ => &[],
            },
        }
    }

    fn wrote(&mut self, count: usize) {
        match &mut self.tunnel {
            None => self.inner.wrote(count),
            Some(tunnel) => tunnel.wrote(count),
        }
    }

    fn space(&mut self) -> &mut [u8] {
        if let Some(tunnel) = &mut self.tunnel
            && let Ok(Need::Read(space)) = tunnel.need()
        {
            return space;
        }
        self.inner.space()
    }

    fn read(&mut self, count: usize) {
        match &mut self.tunnel {
            None => self.inner.read(count),
            Some(tunnel) => tunnel.read(count),
        }
    }

    fn seal(&mut self, plain: &[u8]) -> Result<usize, FilterError> {
        if self.is_through()? { self.inner.seal(plain) } else { Ok(0) }
    }

    fn open(&mut self, space: &mut [u8]) -> Result<Opened, FilterError> {
        if self.is_through()? { self.inner.open(space) } else { Ok(Opened::Starved) }
    }

    fn stands(&self) -> bool {
        self.tunnel.is_none() && self.inner.stands()
    }
}
