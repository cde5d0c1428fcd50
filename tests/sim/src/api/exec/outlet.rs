use super::session::{AFTER, Channels, Outlet, Phase, STREAMS, Scene, Session};
use super::streams::{Input, Running, look, mark};
use crate::api::logs::Kept;
use crate::machine::process::Stream;

impl Session {
    /// Nothing more is waited for: the command has ended, and on Incus some time has passed.
    fn is_late(&self, scene: &Scene) -> bool {
        matches!(self.phase, Phase::Ended(end) if !scene.lxd && scene.now.since(end.at) >= AFTER)
    }

    /// Moves what there is between three pipes and three sockets.
    pub(super) fn pipes(
        &mut self,
        scene: &Scene,
        channels: &mut Channels,
        mut running: Option<&mut Running<'_>>,
    ) -> bool {
        let (is_over, late) = (matches!(self.phase, Phase::Ended(_)), self.is_late(scene));
        let mut moved = false;
        if let (Some(channel), Some(running), false) = (channels.get_mut("0"), &mut running, is_over) {
            let before = self.input;
            moved |= running.feed(channel, &mut self.input);
            if self.input != before {
                running.machine.close(running.command);
            }
        }
        for (at, (name, stream)) in STREAMS.into_iter().enumerate() {
            let Some(channel) = channels.get_mut(name).filter(|_| !self.marked[at]) else { continue };
            // Nobody takes what is written for a client that has gone.
            let is_ended = match &mut running {
                Some(running) if !channel.gone => {
                    moved |= running.drain(channel, stream, scene.piece());
                    running.is_ended(stream) || (late && channel.space() > 0)
                }
                _ => true,
            };
            if is_over && is_ended {
                self.marked[at] = true;
                mark(channel);
                moved = true;
            }
        }
        moved
    }

    /// Moves what there is between a terminal and a socket.
    pub(super) fn terminal(
        &mut self,
        scene: &Scene,
        channels: &mut Channels,
        mut running: Option<&mut Running<'_>>,
    ) -> bool {
        let Some(channel) = channels.get_mut("0") else { return false };
        let (is_over, late) = (matches!(self.phase, Phase::Ended(_)), self.is_late(scene));
        let mut moved = match &mut running {
            Some(running) if !is_over => running.feed(channel, &mut self.input),
            _ => look(channel, &mut self.input),
        };
        // LXD takes the end of the input for that of the output, too: with the next output it lets go of the
        // terminal.
        let is_early = scene.lxd && self.input == Input::Ended && !self.marked[0];
        let deaf = channel.gone || self.input == Input::Left || is_early;
        let is_ended = match &mut running {
            Some(running) if deaf => {
                if running.collect(Stream::Stdout, drop) {
                    moved = true;
                    if scene.lxd {
                        running.machine.close(running.command);
                    }
                }
                running.is_ended(Stream::Stdout) || scene.lxd
            }
            Some(running) => {
                moved |= running.drain(channel, Stream::Stdout, scene.piece());
                running.is_ended(Stream::Stdout) || (late && channel.space() > 0)
            }
            None => true,
        };
        if is_over && is_ended && self.input != Input::Left && !self.marked[0] {
            self.marked[0] = true;
            mark(channel);
            moved = true;
        }
        moved
    }

    /// Keeps what was written, or throws it away.
    pub(super) fn files(
        &self,
        scene: &Scene,
        mut kept: Option<&mut Kept>,
        running: Option<&mut Running<'_>>,
    ) -> bool {
        let Outlet::Files(names) = &self.outlet else { return false };
        let Some(running) = running else { return false };
        let mut moved = false;
        for (at, (_, stream)) in STREAMS.into_iter().enumerate() {
            moved |= running.collect(stream, |bytes| {
                if let (Some(names), Some(kept)) = (names, &mut kept) {
                    kept.record(&names[at], bytes, scene.time);
                }
            });
        }
        moved
    }
}
