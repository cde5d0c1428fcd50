use std::sync::LazyLock;

use jiff::Timestamp;
use lxio_core::bytes::Secret;
use lxio_core::call::Flavour;

use crate::certificate::Certificate;

/// How changes are answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Changes {
    /// As the released version does: some at once, some by an operation.
    #[default]
    AsReleased,
    /// By an operation where the released version answers at once, as newer servers tend to.
    ByOperation,
    /// At once where the released version begins an operation on something that is there.
    AtOnce,
}

/// What a simulated daemon is.
///
/// ```
/// use lxio_sim::Setup;
///
/// let old = Setup::lxd().without("instance_get_full").seed(7);
/// let new = Setup::incus();
/// # let _ = (old, new);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Setup {
    /// Which of the two it is: LXD 5.0.2 or Incus 6.0.4.
    pub flavour: Flavour,
    /// Everything that is chance follows from it: ids, secrets, process numbers, jitter.
    pub seed: u64,
    /// The time of day at moment 0.
    pub epoch: Timestamp,
    /// API extensions that it does not have.
    pub without: Vec<String>,
    /// The only API extensions that it has, if not those of the released version. A short list makes a greeting
    /// quick.
    pub only: Option<Vec<String>>,
    /// How changes are answered.
    pub changes: Changes,
    /// Where it keeps its data, as some of its texts say; none is where packages have it.
    pub directory: Option<String>,
    pub(crate) certificate: Option<Certificate>,
}

impl Setup {
    /// Incus 6.0.4.
    #[must_use]
    pub const fn incus() -> Self {
        Self::of(Flavour::Incus)
    }

    /// LXD 5.0.2.
    #[must_use]
    pub const fn lxd() -> Self {
        Self::of(Flavour::Lxd)
    }

    /// The released version of a flavour.
    #[must_use]
    pub const fn of(flavour: Flavour) -> Self {
        /// The first second of 2026.
        const EPOCH: Timestamp = Timestamp::constant(1_767_225_600, 0);
        Self {
            flavour,
            seed: 0,
            epoch: EPOCH,
            without: Vec::new(),
            only: None,
            changes: Changes::AsReleased,
            directory: None,
            certificate: None,
        }
    }

    /// With another seed.
    #[must_use]
    pub const fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// Beginning at another time of day.
    #[must_use]
    pub const fn epoch(mut self, epoch: Timestamp) -> Self {
        self.epoch = epoch;
        self
    }

    /// Without an API extension.
    #[must_use]
    pub fn without(mut self, extension: impl Into<String>) -> Self {
        self.without.push(extension.into());
        self
    }

    /// With no API extensions but these.
    #[must_use]
    pub fn only<I>(mut self, extensions: I) -> Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.only = Some(extensions.into_iter().map(Into::into).collect());
        self
    }

    /// Answering changes in another way.
    #[must_use]
    pub const fn changes(mut self, changes: Changes) -> Self {
        self.changes = changes;
        self
    }

    /// With this certificate, and those that signed it behind it, if any; and with this key. Both are PEM. Where it
    /// [listens by HTTPS](crate::Server::https) without one, it makes one.
    #[must_use]
    pub fn certificate(mut self, pem: impl Into<String>, key: impl Into<String>) -> Self {
        self.certificate = Some(Certificate { pem: pem.into(), key: Secret::new(key) });
        self
    }

    /// The API extensions that it has, in the order of the released version.
    pub(crate) fn extensions(&self) -> impl Iterator<Item = &'static str> {
        released(self.flavour).iter().copied().filter(|it| self.leaves(it))
    }

    /// Whether it has an API extension.
    pub(crate) fn has(&self, extension: &str) -> bool {
        self.leaves(extension) && released(self.flavour).contains(&extension)
    }

    /// Whether it has an API extension if the released version does.
    fn leaves(&self, extension: &str) -> bool {
        let named = |names: &Vec<String>| names.iter().any(|it| it == extension);
        !named(&self.without) && self.only.as_ref().is_none_or(named)
    }
}

/// The API extensions of a released version.
fn released(flavour: Flavour) -> &'static [&'static str] {
    static LXD: LazyLock<Vec<&str>> =
        LazyLock::new(|| include_str!("extensions/lxd-5.0.2.txt").lines().collect());
    static INCUS: LazyLock<Vec<&str>> =
        LazyLock::new(|| include_str!("extensions/incus-6.0.4.txt").lines().collect());
    if flavour == Flavour::Lxd { &LXD } else { &INCUS }
}
