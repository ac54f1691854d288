//! The one place where this crate waits for something asynchronous: a small runtime that the whole process shares.
//!
//! It starts with the first request and lives as long as the process. Everything outside of this room is synchronous.

use std::io;
use std::sync::OnceLock;

use tokio::runtime::{Builder, Runtime};

/// Threads that move bytes and encrypt; callers wait on threads of their own.
const THREADS: usize = 2;

fn runtime() -> io::Result<&'static Runtime> {
    static RUNTIME: OnceLock<io::Result<Runtime>> = OnceLock::new();
    let start =
        || Builder::new_multi_thread().worker_threads(THREADS).thread_name("mdl-net").enable_all().build();
    RUNTIME.get_or_init(start).as_ref().map_err(|error| error.kind().into())
}

/// Waits for what is asynchronous.
pub(super) fn wait<T>(future: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    runtime()?.block_on(future)
}
