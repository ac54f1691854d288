//! The one trait that calls back upwards: how far a long piece of work has come.

/// What a long piece of work is counted in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Amount {
    /// Files or objects.
    pub items: u64,
    /// Bytes.
    pub bytes: u64,
}

/// Receives the progress of work. Called from many threads.
pub trait Progress: Sync {
    /// A phase begins (`"Reading"`), of this size if it is known. It ends the phase before it.
    fn begin(&self, phase: &'static str, total: Option<Amount>);

    /// So much more of the phase is done.
    fn advance(&self, done: Amount);

    /// The phase is over, and none follows at once: what was shown of it is taken away.
    fn end(&self) {}
}

/// Nobody is watching.
pub struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &'static str, _: Option<Amount>) {}

    fn advance(&self, _: Amount) {}
}

/// Passes on only the items or only the bytes, where two count the same work.
pub struct Only<'a> {
    to: &'a dyn Progress,
    items: bool,
}

impl<'a> Only<'a> {
    /// Phases and items.
    pub fn items(to: &'a dyn Progress) -> Self {
        Self { to, items: true }
    }

    /// Bytes.
    pub fn bytes(to: &'a dyn Progress) -> Self {
        Self { to, items: false }
    }
}

impl Progress for Only<'_> {
    fn end(&self) {
        if self.items {
            self.to.end();
        }
    }

    fn begin(&self, phase: &'static str, total: Option<Amount>) {
        if self.items {
            self.to.begin(phase, total);
        }
    }

    fn advance(&self, done: Amount) {
        self.to.advance(match self.items {
            true => Amount { bytes: 0, ..done },
            false => Amount { items: 0, ..done },
        });
    }
}
