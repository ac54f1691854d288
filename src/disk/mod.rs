//! Durable file operations: the one place that changes a disk.
//!
//! Everything that writes goes through [`Disk`], so that a test can record what a command does,
//! stop it anywhere, and hand it every error that a disk may give. Reading needs no such care.

#[cfg(unix)]
mod confined;
mod durable;
mod os;
pub mod testing;

#[cfg(unix)]
pub use confined::ConfinedDisk;
pub use durable::{
    ABANDONED, Durability, abandoned, confined, create_dirs, create_scratch_dir, now, read_cache, replace,
    replace_cache, sweep, temporary_name,
};
pub use os::{OsDisk, Version, append_private, open_regular, read_exact_at};

use std::io;
use std::path::Path;

/// The operations that change a file system.
pub trait Disk: Send + Sync {
    /// Creates a file that does not exist yet, and follows no symbolic link at its name.
    fn create(&self, path: &Path, executable: bool) -> io::Result<Box<dyn NewFile>>;

    /// Creates a file that shares the bytes of another until one of them is written to; `Unsupported` or another
    /// error, and no file, where the file system has no such thing.
    fn clone_file(&self, from: &std::fs::File, to: &Path, executable: bool) -> io::Result<Box<dyn NewFile>> {
        let _ = (from, to, executable);
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Gives a file a second name; `AlreadyExists` if that name is taken.
    fn link(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Renames a file, replacing what has the new name.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Renames a file; `AlreadyExists` if the new name is taken, `Unsupported` where that cannot be had atomically.
    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Creates a symbolic link; `AlreadyExists` if the name is taken.
    fn symlink(&self, target: &str, path: &Path) -> io::Result<()>;

    /// Creates a directory; its parent exists.
    fn create_dir(&self, path: &Path) -> io::Result<()>;

    /// Removes a name of a file or a symbolic link.
    fn remove_file(&self, path: &Path) -> io::Result<()>;

    /// Removes an empty directory.
    fn remove_dir(&self, path: &Path) -> io::Result<()>;

    /// Sets or clears the executable bits of a file, where there are any.
    fn set_executable(&self, path: &Path, executable: bool) -> io::Result<()>;

    /// A name for a directory that is held open, under which nobody can put another one in its place; where the
    /// system has none such, the directory's path.
    #[cfg(unix)]
    fn held(&self, directory: std::os::fd::BorrowedFd<'_>, path: &Path) -> std::path::PathBuf {
        let _ = directory;
        path.to_owned()
    }

    /// Makes the names in a directory durable.
    fn sync_dir(&self, path: &Path) -> io::Result<()>;

    /// Makes everything on the file system of this path durable: for many small files at once.
    fn sync_file_system(&self, path: &Path) -> io::Result<()>;

    /// Does some of what [`Disk::sync_file_system`] has to do later, and may wait for it. Nothing is durable by this;
    /// but an error is one of the bytes, which the system may not tell again.
    fn sync_ahead(&self, path: &Path) -> io::Result<()> {
        let _ = path;
        Ok(())
    }
}

/// A file that is being written.
pub trait NewFile: Send + Sync {
    /// Writes all of these bytes at an offset.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Reads bytes back that were written, and fills the buffer.
    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()>;

    /// Leaves so many bytes of a file that was made by [`Disk::clone_file`].
    fn truncate(&self, len: u64) -> io::Result<()> {
        let _ = len;
        Err(io::ErrorKind::Unsupported.into())
    }

    /// Lets the disk start with these bytes now, so that a later [`NewFile::sync`] is short. A hint.
    fn start_writing(&self, offset: u64, len: u64) {
        let _ = (offset, len);
    }

    /// Makes the bytes durable; not the name.
    fn sync(&self) -> io::Result<()>;
}
