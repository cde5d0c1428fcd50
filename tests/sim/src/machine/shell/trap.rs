use super::run::{Jump, Shell};
use crate::machine::process::{Disposition, Signal};

impl Shell {
    /// Does what was wished for signals that have come since.
    pub(super) async fn traps(&mut self) -> Result<(), Jump> {
        while let Some(signal) = self.system.caught() {
            match self.traps.get(&signal.0).cloned() {
                Some(text) => {
                    let status = self.status;
                    self.text_of(&text).await?;
                    self.status = status;
                }
                // Only somebody's session catches this by itself.
                None if signal == Signal::INT => {
                    self.status = 130;
                    return Err(Jump::Fail);
                }
                None => {}
            }
        }
        Ok(())
    }

    /// What is to be done for a signal; `None`: what everybody does, empty: nothing.
    pub(super) fn set_trap(&mut self, signal: Signal, text: Option<&[u8]>) {
        let own = match signal {
            Signal::INT if self.options.interactive => Some(Disposition::Catch),
            Signal::TERM | Signal::QUIT if self.options.interactive => Some(Disposition::Ignore),
            _ => None,
        };
        match text {
            None => {
                self.traps.remove(&signal.0);
                self.system.dispose(signal, own);
            }
            Some(text) => {
                self.traps.insert(signal.0, text.to_vec());
                let disposition = if text.is_empty() { Disposition::Ignore } else { Disposition::Catch };
                if signal.0 != 0 {
                    self.system.dispose(signal, Some(disposition));
                }
            }
        }
    }

    /// The end of a shell: its exit code, after what was wished for the end.
    pub(super) async fn finish(&mut self, done: Result<(), Jump>) -> u8 {
        let mut done = done;
        if done.is_ok() {
            done = self.traps().await;
        }
        if done == Err(Jump::Fail) && self.status == 0 {
            self.status = 2;
        }
        if let Some(text) = self.traps.remove(&0) {
            let status = self.status;
            self.status = match self.text_of(&text).await {
                Err(Jump::Exit | Jump::Fail) => self.status,
                _ => status,
            };
        }
        self.status
    }
}
