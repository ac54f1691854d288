//! The disk of the operating system.
//!
//! New files get the permissions that the user's umask leaves (0644 or 0755 with the usual one). Where a
//! system lacks an operation, the nearest one that promises at least as much stands in for it.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use crate::disk::{Disk, NewFile};

/// The disk of the operating system.
#[derive(Clone, Copy, Debug, Default)]
pub struct OsDisk;

impl Disk for OsDisk {
    fn create(&self, path: &Path, executable: bool) -> io::Result<Box<dyn NewFile>> {
        Ok(Box::new(OsFile(system::create(path, executable)?)))
    }

    #[cfg(target_os = "linux")]
    fn clone_file(&self, from: &File, to: &Path, executable: bool) -> io::Result<Box<dyn NewFile>> {
        let file = system::create(to, executable)?;
        match rustix::fs::ioctl_ficlone(&file, from) {
            Ok(()) => Ok(Box::new(OsFile(file))),
            Err(errno) => {
                // The first error is the one to tell.
                let _ = fs::remove_file(to);
                Err(errno.into())
            }
        }
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::hard_link(from, to)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn rename_new(&self, from: &Path, to: &Path) -> io::Result<()> {
        system::rename_new(from, to)
    }

    fn symlink(&self, target: &str, path: &Path) -> io::Result<()> {
        system::symlink(target, path)
    }

    fn create_dir(&self, path: &Path) -> io::Result<()> {
        fs::create_dir(path)
    }

    fn remove_file(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> io::Result<()> {
        fs::remove_dir(path)
    }

    fn set_executable(&self, path: &Path, executable: bool) -> io::Result<()> {
        system::set_executable(path, executable)
    }

    #[cfg(target_os = "linux")]
    fn held(&self, directory: std::os::fd::BorrowedFd<'_>, path: &Path) -> std::path::PathBuf {
        use std::os::fd::AsRawFd;
        use std::sync::LazyLock;
        static NAMED: LazyLock<bool> = LazyLock::new(|| Path::new("/proc/self/fd").is_dir());
        if !*NAMED {
            return path.to_owned();
        }
        format!("/proc/self/fd/{}", directory.as_raw_fd()).into()
    }

    fn sync_dir(&self, path: &Path) -> io::Result<()> {
        system::sync_dir(path)
    }

    fn sync_file_system(&self, path: &Path) -> io::Result<()> {
        system::sync_file_system(path)
    }

    #[cfg(target_os = "linux")]
    fn sync_ahead(&self, path: &Path) -> io::Result<()> {
        system::sync_file_system(path)
    }
}

struct OsFile(File);

impl NewFile for OsFile {
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        system::write_at(&self.0, offset, bytes)
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        read_exact_at(&self.0, offset, buffer)
    }

    fn truncate(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn start_writing(&self, offset: u64, len: u64) {
        system::start_writing(&self.0, offset, len);
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_all().map_err(unsynced)
    }
}

/// Says of a sync that the file system does not have it what that means: nothing is kept without it.
#[cfg(unix)]
fn unsynced(error: io::Error) -> io::Error {
    use rustix::io::Errno;
    match Errno::from_io_error(&error) {
        Some(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => io::Error::new(
            io::ErrorKind::Unsupported,
            format!("this file system cannot make it durable: fsync says {error}"),
        ),
        _ => error,
    }
}

#[cfg(not(unix))]
fn unsynced(error: io::Error) -> io::Error {
    error
}

/// Appends bytes to a file of this person's alone, which is made when it is missing, and says how long it was before.
/// Several processes can append at once, if each appends little. Follows no symbolic link at its name, and is not
/// made durable: for what may be lost.
pub fn append_private(path: &Path, bytes: &[u8]) -> io::Result<u64> {
    let mut file = system::open_appending(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file"));
    }
    io::Write::write_all(&mut file, bytes)?;
    Ok(metadata.len())
}

/// Opens a regular file to read it. Through no symbolic link at its name, and without waiting: a FIFO would block
/// who opens it.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let file = system::open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is not a regular file")) }
}

/// What tells one state of a file from another: its inode, its size, and its times in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Version {
    inode: u64,
    len: u64,
    modified: i64,
    /// When the file was last changed in any way, which nobody can set; 0 where the system does not say.
    changed: i64,
}

impl Version {
    /// Length of [`Version::to_bytes`].
    pub const LEN: usize = 32;

    /// The state that an open file is in. One that is written to gets another, if the system's clock has moved on since
    /// the last time.
    pub fn of(file: &File) -> io::Result<Self> {
        Ok(system::version(&file.metadata()?))
    }

    /// The four numbers, little-endian.
    pub fn to_bytes(self) -> [u8; Self::LEN] {
        let Self { inode, len, modified, changed } = self;
        let numbers = [inode, len, modified.cast_unsigned(), changed.cast_unsigned()];
        std::array::from_fn(|at| numbers[at / 8].to_le_bytes()[at % 8])
    }

    /// What [`Version::to_bytes`] made.
    pub fn from_bytes(bytes: &[u8; Self::LEN]) -> Self {
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|byte| bytes[at * 8 + byte]));
        let [inode, len, modified, changed] = std::array::from_fn(number);
        Self { inode, len, modified: modified.cast_signed(), changed: changed.cast_signed() }
    }
}

/// Fills a buffer from an offset on; `UnexpectedEof` where a file ends before.
pub fn read_exact_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    system::read_exact_at(file, offset, buffer)
}

#[cfg(unix)]
mod system {
    use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt, PermissionsExt};

    use super::*;

    pub fn version(metadata: &fs::Metadata) -> Version {
        let nanos = |seconds: i64, nanos: i64| seconds.wrapping_mul(1_000_000_000).wrapping_add(nanos);
        Version {
            inode: metadata.ino(),
            len: metadata.len(),
            modified: nanos(metadata.mtime(), metadata.mtime_nsec()),
            changed: nanos(metadata.ctime(), metadata.ctime_nsec()),
        }
    }

    pub fn open_appending(path: &Path) -> io::Result<File> {
        // A FIFO would block who opens it.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        let flags = flags.bits().cast_signed();
        OpenOptions::new().append(true).create(true).mode(0o600).custom_flags(flags).open(path)
    }

    pub fn create(path: &Path, executable: bool) -> io::Result<File> {
        let mode = if executable { 0o777 } else { 0o666 };
        let no_follow = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
        OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(mode)
            .custom_flags(no_follow)
            .open(path)
    }

    pub fn open(path: &Path) -> io::Result<File> {
        use rustix::fs::OFlags;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        OpenOptions::new().read(true).custom_flags(flags).open(path)
    }

    pub fn write_at(file: &File, offset: u64, bytes: &[u8]) -> io::Result<()> {
        file.write_all_at(bytes, offset)
    }

    pub fn read_exact_at(file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
        file.read_exact_at(buffer, offset)
    }

    pub fn symlink(target: &str, path: &Path) -> io::Result<()> {
        std::os::unix::fs::symlink(target, path)
    }

    /// Who may read may execute; set-uid and its kin are dropped.
    pub fn set_executable(path: &Path, executable: bool) -> io::Result<()> {
        use rustix::fs::OFlags;
        let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
        let file = OpenOptions::new().read(true).custom_flags(flags).open(path)?;
        let mode = file.metadata()?.permissions().mode() & 0o777;
        let new = if executable { mode | (mode & 0o444) >> 2 } else { mode & !0o111 };
        file.set_permissions(fs::Permissions::from_mode(new))
    }

    pub fn sync_dir(path: &Path) -> io::Result<()> {
        File::open(path)?.sync_all().map_err(unsynced)
    }

    #[cfg(any(target_os = "linux", target_os = "android", target_vendor = "apple"))]
    pub fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        use rustix::io::Errno;
        renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE).map_err(|errno| match errno {
            Errno::INVAL | Errno::NOSYS | Errno::NOTSUP => io::ErrorKind::Unsupported.into(),
            errno => errno.into(),
        })
    }

    #[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
    pub fn rename_new(_: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    #[cfg(target_os = "linux")]
    pub fn sync_file_system(path: &Path) -> io::Result<()> {
        rustix::fs::syncfs(File::open(path)?).map_err(|errno| unsynced(errno.into()))
    }

    #[cfg(not(target_os = "linux"))]
    pub fn sync_file_system(_: &Path) -> io::Result<()> {
        rustix::fs::sync();
        Ok(())
    }

    /// Linux begins to write dirty pages that are said to be unneeded, and waits for none of them.
    #[cfg(target_os = "linux")]
    pub fn start_writing(file: &File, offset: u64, len: u64) {
        let len = std::num::NonZero::new(len);
        let _ = rustix::fs::fadvise(file, offset, len, rustix::fs::Advice::DontNeed);
    }

    #[cfg(not(target_os = "linux"))]
    pub fn start_writing(_: &File, _: u64, _: u64) {}
}

#[cfg(not(unix))]
mod system {
    use super::*;

    pub fn version(metadata: &fs::Metadata) -> Version {
        let modified = metadata.modified().ok();
        let modified = modified.and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
        let modified = modified.map_or(0, |since| since.as_nanos() as i64);
        Version { inode: 0, len: metadata.len(), modified, changed: 0 }
    }

    pub fn open_appending(path: &Path) -> io::Result<File> {
        OpenOptions::new().append(true).create(true).open(path)
    }

    pub fn create(path: &Path, _: bool) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create_new(true).open(path)
    }

    #[cfg(windows)]
    pub fn read_exact_at(file: &File, mut offset: u64, mut buffer: &mut [u8]) -> io::Result<()> {
        use std::os::windows::fs::FileExt;
        while !buffer.is_empty() {
            match file.seek_read(buffer, offset)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                read => (offset, buffer) = (offset + read as u64, &mut buffer[read..]),
            }
        }
        Ok(())
    }

    #[cfg(windows)]
    pub fn write_at(file: &File, mut offset: u64, mut bytes: &[u8]) -> io::Result<()> {
        use std::os::windows::fs::FileExt;
        while !bytes.is_empty() {
            match file.seek_write(bytes, offset)? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => (offset, bytes) = (offset + written as u64, &bytes[written..]),
            }
        }
        Ok(())
    }

    #[cfg(windows)]
    pub fn symlink(target: &str, path: &Path) -> io::Result<()> {
        std::os::windows::fs::symlink_file(target, path)
    }

    pub fn rename_new(_: &Path, _: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn set_executable(_: &Path, _: bool) -> io::Result<()> {
        Ok(())
    }

    /// Names are journalled by the file system; a directory cannot be opened to be synced.
    pub fn sync_dir(_: &Path) -> io::Result<()> {
        Ok(())
    }

    pub fn sync_file_system(_: &Path) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    pub fn start_writing(_: &File, _: u64, _: u64) {}
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_file_that_was_written_to_has_another_version_whatever_its_times_say() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("pack");
        fs::write(&path, b"before").unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        let (before, modified) = (Version::of(&file).unwrap(), file.metadata().unwrap().modified().unwrap());
        assert_eq!(Version::of(&file).unwrap(), before);
        // Clocks of file systems stand still for some milliseconds.
        std::thread::sleep(std::time::Duration::from_millis(50));
        std::os::unix::fs::FileExt::write_all_at(&file, b"behind", 0).unwrap();
        file.set_modified(modified).unwrap();
        assert_eq!(file.metadata().unwrap().modified().unwrap(), modified);
        assert_ne!(Version::of(&file).unwrap(), before, "the time of its last change tells");
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o7777
    }

    #[test]
    fn files_are_created_once_and_never_through_a_link() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("a"), dir.path().join("b"));
        let file = OsDisk.create(&path, false).unwrap();
        file.write_at(0, b"whole").unwrap();
        file.write_at(5, b" body").unwrap();
        file.start_writing(0, 10);
        file.sync().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"whole body");
        let mut end = [0; 4];
        file.read_at(6, &mut end).unwrap();
        assert_eq!(&end, b"body");
        assert!(file.read_at(7, &mut end).is_err());
        let taken = |result: io::Result<()>| result.unwrap_err().kind() == io::ErrorKind::AlreadyExists;
        assert!(taken(OsDisk.create(&path, false).map(drop)));
        OsDisk.symlink("nowhere", &link).unwrap();
        assert!(taken(OsDisk.create(&link, false).map(drop)));
        assert!(taken(OsDisk.symlink("elsewhere", &link)));
        assert!(taken(OsDisk.link(&path, &link)));
        assert!(taken(OsDisk.rename_new(&path, &link)));
        assert!(!dir.path().join("nowhere").exists());
    }

    #[test]
    fn the_executable_bit_follows_the_readers() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run");
        OsDisk.create(&path, true).unwrap();
        assert_eq!(mode(&path) & 0o100, 0o100);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o4640)).unwrap();
        OsDisk.set_executable(&path, true).unwrap();
        assert_eq!(mode(&path), 0o750);
        OsDisk.set_executable(&path, false).unwrap();
        assert_eq!(mode(&path), 0o640);
    }

    #[test]
    fn that_a_file_system_has_no_sync_is_an_error_in_words() {
        use rustix::io::Errno;
        for errno in [Errno::INVAL, Errno::NOSYS, Errno::NOTSUP] {
            let told = unsynced(errno.into());
            assert_eq!(told.kind(), io::ErrorKind::Unsupported);
            assert!(told.to_string().contains("durable"), "{told}");
        }
        assert_eq!(unsynced(Errno::IO.into()).raw_os_error(), Some(Errno::IO.raw_os_error()));
    }

    #[test]
    fn directories_and_file_systems_are_made_durable() {
        let dir = tempfile::tempdir().unwrap();
        OsDisk.sync_dir(dir.path()).unwrap();
        OsDisk.sync_file_system(dir.path()).unwrap();
        assert!(OsDisk.sync_dir(&dir.path().join("none")).is_err());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_clone_is_whole_or_not_there() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("a"), dir.path().join("b"));
        fs::write(&from, "bytes").unwrap();
        match OsDisk.clone_file(&File::open(&from).unwrap(), &to, true) {
            Ok(file) => {
                assert_eq!((fs::read(&to).unwrap(), mode(&to) & 0o100), (b"bytes".to_vec(), 0o100));
                file.truncate(2).unwrap();
                assert_eq!((fs::read(&to).unwrap(), fs::read(&from).unwrap().len()), (b"by".to_vec(), 5));
                fs::remove_file(&to).unwrap();
            }
            Err(_) => assert!(!to.exists()),
        }
        fs::write(&to, "mine").unwrap();
        assert!(OsDisk.clone_file(&File::open(&from).unwrap(), &to, false).is_err());
        assert_eq!(fs::read(&to).unwrap(), b"mine");
    }
}
