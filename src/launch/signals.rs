//! Signals that arrive at us while a command runs, and reach it once.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use rustix::process::{Pid, Signal, getsid, kill_process, kill_process_group};
use signal_hook::consts::{SIGCONT, SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGUSR1, SIGUSR2, SIGWINCH};
use signal_hook::flag::{register_conditional_default, register_usize};
use signal_hook::iterator::exfiltrator::WithOrigin;
use signal_hook::iterator::exfiltrator::origin::Origin;
use signal_hook::iterator::{Handle, SignalsInfo};
use signal_hook::low_level::emulate_default_handler;
use signal_hook::low_level::siginfo::Cause;

use crate::launch::screen::Screen;

const INTERRUPTING: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];
/// Those that do something to a process that does not expect them.
const DECISIVE: [i32; 7] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGTSTP];
/// Those that do not.
const HARMLESS: [i32; 2] = [SIGCONT, SIGWINCH];

/// From the start of the first command on, and until this is dropped, signals do nothing to us, and are forwarded to
/// the commands that run. Before that they do what they always do: what is prepared can be given up.
///
/// Keep it until the outcome is recorded, so that an impatient second Ctrl-C does not cost the record. It is one for all
/// commands that run at once. Signals that were ignored when we were started (`nohup`) stay so, for the
/// commands too.
///
/// A command in a group of its own gets what arrives, with its whole group. One in ours gets what was sent to us alone;
/// what the terminal sends (Ctrl-C, Ctrl-\, Ctrl-Z, the end of the line) it has got by itself.
pub struct Signals {
    shared: Arc<Shared>,
    handle: Handle,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    targets: Mutex<Vec<Arc<Target>>>,
    interrupted: AtomicI32,
    /// Whether we hold them back.
    holds: AtomicBool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A number that is there once it is not zero.
fn nonzero(number: &AtomicI32) -> Option<i32> {
    Some(number.load(Ordering::SeqCst)).filter(|number| *number != 0)
}

impl Signals {
    /// Begins to watch for them.
    pub fn watch() -> io::Result<Self> {
        let ignored = ignored();
        let wanted = |signal: &i32| ignored >> (signal - 1) & 1 == 0;
        let decisive: Vec<i32> = DECISIVE.into_iter().filter(wanted).collect();
        arrange(&decisive)?;
        let mut arriving = SignalsInfo::<WithOrigin>::new(decisive.iter().chain(&HARMLESS))?;
        let (shared, handle) = (Arc::<Shared>::default(), arriving.handle());
        let own = Arc::clone(&shared);
        let thread = thread::spawn(move || arriving.forever().for_each(|origin| own.arrived(&origin)));
        Ok(Self { shared, handle, thread: Some(thread) })
    }

    /// The last signal that arrived to interrupt us.
    pub fn interrupted(&self) -> Option<i32> {
        nonzero(&self.shared.interrupted)
    }

    /// Starts something that is to get signals, which are held back from now on. None that arrives meanwhile is lost.
    pub(super) fn register<T, E>(
        &self,
        start: impl FnOnce() -> Result<(T, Arc<Target>), E>,
    ) -> Result<(T, Arc<Target>), E> {
        let mut targets = lock(&self.shared.targets);
        if !self.shared.holds.swap(true, Ordering::SeqCst) {
            hold();
        }
        let (started, target) = start()?;
        targets.push(Arc::clone(&target));
        // What interrupts us while a command is prepared is meant for it.
        self.interrupted().into_iter().for_each(|signal| target.arrived(signal, false));
        Ok((started, target))
    }

    /// After this no signal is sent to it: its number may become that of another.
    pub(super) fn forget(&self, target: &Arc<Target>) {
        lock(&self.shared.targets).retain(|other| !Arc::ptr_eq(other, target));
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        if self.shared.holds.load(Ordering::SeqCst) {
            release();
        }
        self.handle.close();
        // It does nothing that could panic, and there is nobody to tell.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

impl Shared {
    fn arrived(&self, origin: &Origin) {
        if origin.signal == SIGTSTP && is_continued() {
            return;
        }
        if INTERRUPTING.contains(&origin.signal) {
            self.interrupted.store(origin.signal, Ordering::SeqCst);
        }
        let by_terminal = is_by_terminal(origin);
        lock(&self.targets).iter().for_each(|target| target.arrived(origin.signal, by_terminal));
        if origin.signal == SIGTSTP && self.holds.load(Ordering::SeqCst) && !is_continued() {
            // Stops us as well, until somebody continues us. Where that is refused we go on.
            let _ = emulate_default_handler(SIGTSTP);
        }
    }
}

/// Whether our whole group got it: from the keys of the terminal, or from a shell that takes leave of its jobs.
fn is_by_terminal(origin: &Origin) -> bool {
    let sender = origin.process.map(|process| process.pid);
    let by_shell = || sender.is_some() && sender == getsid(None).ok().map(Pid::as_raw_pid);
    // Only Linux says that it was the kernel; elsewhere there is no sender then.
    let by_kernel = origin.cause == Cause::Kernel || (cfg!(not(target_os = "linux")) && sender == Some(0));
    by_kernel || (origin.signal == SIGHUP && by_shell())
}

/// A command that runs.
pub(super) struct Target {
    pid: Pid,
    /// Whether it leads a group of its own.
    own_group: bool,
    screen: Option<Arc<Screen>>,
    interrupted: AtomicI32,
}

impl Target {
    pub fn new(pid: Pid, own_group: bool, screen: Option<Arc<Screen>>) -> Self {
        Self { pid, own_group, screen, interrupted: AtomicI32::new(0) }
    }

    /// The last signal that reached it to interrupt it.
    pub fn interrupted(&self) -> Option<i32> {
        nonzero(&self.interrupted)
    }

    pub fn has_own_group(&self) -> bool {
        self.own_group
    }

    /// Sends a signal to it, and to its group if that is its own.
    pub fn send(&self, signal: Signal) {
        let send = if self.own_group { kill_process_group } else { kill_process };
        // One that has just ended has no use for it.
        let _ = send(self.pid, signal);
    }

    fn arrived(&self, number: i32, by_terminal: bool) {
        if number == SIGWINCH {
            self.screen.iter().for_each(|screen| screen.fit());
        }
        // It may have looked at the size before the screen had it: so this one is sent in any case.
        let has_it = by_terminal && !self.own_group && number != SIGWINCH;
        // Noted first, since it may have ended of it before we come to say so.
        if INTERRUPTING.contains(&number) {
            self.interrupted.store(number, Ordering::SeqCst);
        }
        if let Some(signal) = Signal::from_named_raw(number).filter(|_| !has_it) {
            self.send(signal);
        }
    }
}

/// The signals that were ignored when we were started, a bit each. Where the system does not say, none.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}

/// How many hold the signals, and whether it was arranged what they do when nobody does.
static HOLDERS: Mutex<(usize, bool)> = Mutex::new((0, false));
/// Whether nobody holds them. A handler stays once it was installed; then it does what would be done without.
static FREE: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Which of a stop and a continuation arrived last. Signals that wait together come to us in the order of their numbers,
/// a continuation before a stop: whatever the order was in which they arrived.
static TURN: LazyLock<Arc<AtomicUsize>> = LazyLock::new(Arc::default);
const STOP: usize = 1;
const CONTINUE: usize = 2;

/// Whether a stop is over already: it would have no end then.
fn is_continued() -> bool {
    TURN.load(Ordering::SeqCst) == CONTINUE
}

/// Sees to it that signals do what they always do while nobody holds them.
fn arrange(signals: &[i32]) -> io::Result<()> {
    let mut holders = lock(&HOLDERS);
    FREE.store(holders.0 == 0, Ordering::SeqCst);
    if !std::mem::replace(&mut holders.1, true) {
        for signal in signals {
            if *signal == SIGTSTP {
                register_usize(SIGTSTP, Arc::clone(&TURN), STOP)?;
                register_usize(SIGCONT, Arc::clone(&TURN), CONTINUE)?;
            }
            register_conditional_default(*signal, Arc::clone(&FREE))?;
        }
    }
    Ok(())
}

fn hold() {
    let mut holders = lock(&HOLDERS);
    holders.0 += 1;
    FREE.store(false, Ordering::SeqCst);
}

fn release() {
    let mut holders = lock(&HOLDERS);
    holders.0 -= 1;
    FREE.store(holders.0 == 0, Ordering::SeqCst);
}
