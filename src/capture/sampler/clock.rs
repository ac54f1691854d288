//! The time of a run: it goes on while the machine sleeps, and is not bent when somebody sets the clock.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A clock that was set to the time of the day once, when the run began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    /// Microseconds since 1970-01-01 UTC.
    started: i64,
    at: Instant,
    awake_and_asleep: Duration,
}

/// A moment: what is recorded, and what durations are measured with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    /// Microseconds since 1970-01-01 UTC, in whole milliseconds.
    pub(super) time: i64,
    /// Time that the machine was awake.
    pub(super) at: Instant,
}

impl Clock {
    pub(super) fn start() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let started = i64::try_from(since.as_micros()).unwrap_or(i64::MAX / 2);
        Self { started, at: Instant::now(), awake_and_asleep: boot_time() }
    }

    pub(super) fn now(&self) -> Moment {
        let at = Instant::now();
        let elapsed = boot_time().saturating_sub(self.awake_and_asleep).max(at - self.at);
        let time = self.started.saturating_add(elapsed.as_micros() as i64);
        // The kernel's counters are no finer, and equal distances compress well.
        Moment { time: time - time.rem_euclid(1000), at }
    }
}

/// Time since the machine was started, sleep included.
#[cfg(target_os = "linux")]
fn boot_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    Duration::new(now.tv_sec.max(0) as u64, now.tv_nsec.clamp(0, 999_999_999) as u32)
}

/// Where sleep cannot be told apart, it is not in a run's time.
#[cfg(not(target_os = "linux"))]
fn boot_time() -> Duration {
    Duration::ZERO
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_goes_on() {
        let clock = Clock::start();
        let first = clock.now();
        std::thread::sleep(Duration::from_millis(15));
        let second = clock.now();
        assert!(second.time >= first.time + 14_000, "{first:?} {second:?}");
        assert_eq!((first.time % 1000, second.time % 1000), (0, 0));
        let day = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_micros() as i64;
        assert!((day - second.time).abs() < 10_000_000);
    }

    #[test]
    fn a_sleep_is_in_the_time() {
        let mut clock = Clock::start();
        let before = clock.now().time;
        clock.awake_and_asleep = clock.awake_and_asleep.saturating_sub(Duration::from_secs(3600));
        let slept = clock.now().time - before;
        assert!(
            !cfg!(target_os = "linux") || boot_time() < Duration::from_secs(3600) || slept >= 3_599_000_000
        );
    }
}
