//! Things that are costly to make and used again: buffers, encoders.

use std::ops::{Deref, DerefMut};
use std::sync::{Condvar, Mutex, PoisonError};

/// A bounded number of things. Who wants one more waits for one to come back.
pub(super) struct Pool<T> {
    shelf: Mutex<Shelf<T>>,
    returned: Condvar,
}

struct Shelf<T> {
    free: Vec<T>,
    left: usize,
}

impl<T> Pool<T> {
    /// A pool of at most `most` things.
    pub(super) fn new(most: usize) -> Self {
        Self { shelf: Mutex::new(Shelf { free: Vec::new(), left: most }), returned: Condvar::new() }
    }

    /// Lends a thing; makes one if none is free and the bound allows.
    pub(super) fn lend<E>(&self, make: impl FnOnce() -> Result<T, E>) -> Result<Lent<'_, T>, E> {
        let mut shelf = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(thing) = shelf.free.pop() {
                return Ok(Lent { pool: self, thing: Some(thing) });
            }
            if shelf.left > 0 {
                shelf.left -= 1;
                drop(shelf);
                return match make() {
                    Ok(thing) => Ok(Lent { pool: self, thing: Some(thing) }),
                    Err(error) => {
                        self.shelf.lock().unwrap_or_else(PoisonError::into_inner).left += 1;
                        Err(error)
                    }
                };
            }
            shelf = self.returned.wait(shelf).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Everything that is not lent.
    pub(super) fn into_free(self) -> Vec<T> {
        self.shelf.into_inner().unwrap_or_else(PoisonError::into_inner).free
    }
}

/// A thing on loan: it goes back when dropped.
pub(super) struct Lent<'a, T> {
    pool: &'a Pool<T>,
    thing: Option<T>,
}

impl<T> Deref for Lent<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // It is there until the loan is dropped.
        self.thing.as_ref().unwrap_or_else(|| unreachable!())
    }
}

impl<T> DerefMut for Lent<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.thing.as_mut().unwrap_or_else(|| unreachable!())
    }
}

impl<T> Drop for Lent<'_, T> {
    fn drop(&mut self) {
        let mut shelf = self.pool.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        shelf.free.extend(self.thing.take());
        drop(shelf);
        self.pool.returned.notify_one();
    }
}
