//! Something in its three versions.

/// The base, and what each side made of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Three<T> {
    pub(super) base: T,
    pub(super) ours: T,
    pub(super) theirs: T,
}

impl<T> Three<T> {
    pub(super) fn map<U>(self, mut each: impl FnMut(T) -> U) -> Three<U> {
        Three { base: each(self.base), ours: each(self.ours), theirs: each(self.theirs) }
    }

    pub(super) fn try_map<U, E>(self, mut each: impl FnMut(T) -> Result<U, E>) -> Result<Three<U>, E> {
        Ok(Three { base: each(self.base)?, ours: each(self.ours)?, theirs: each(self.theirs)? })
    }

    pub(super) fn as_ref(&self) -> Three<&T> {
        Three { base: &self.base, ours: &self.ours, theirs: &self.theirs }
    }
}

impl<T: PartialEq> Three<T> {
    /// What comes of it, unless both sides made something else of it.
    pub(super) fn agreed(self) -> Option<T> {
        if self.ours == self.theirs || self.theirs == self.base {
            return Some(self.ours);
        }
        (self.ours == self.base).then_some(self.theirs)
    }
}

impl<T> Three<Option<T>> {
    /// All three, if all are there.
    pub(super) fn all(self) -> Option<Three<T>> {
        Some(Three { base: self.base?, ours: self.ours?, theirs: self.theirs? })
    }
}
