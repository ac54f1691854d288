//! A storage at the other end of a pair of byte streams, such as those of `ssh`.
//!
//! The client is a [`Stream`], which is a storage; the server is [`serve`], which has one. Both say `mdl 1` and a
//! newline, then frames follow: the client's hello with the path that it wants, the server's welcome with what it lets
//! the client do ([`Access`]), then requests with numbers and replies with the same, several at once, in any order.
//! Neither side trusts the other: frames are short, lists are checked, a violation ends the connection.

mod access;
mod address;
mod client;
pub mod frame;
pub mod message;
mod root;
mod server;
pub mod ssh;
mod wire;

pub use access::{Access, Limited};
pub use address::Address;
pub use client::{Limits, Stream};
pub use root::Root;
pub use server::{Open, serve};
pub use wire::{Link, NoPeer, Peer};

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is behind the locks of this module is whole between any two calls, so a panic elsewhere leaves it whole.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
