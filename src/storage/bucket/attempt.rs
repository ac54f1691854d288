//! How often and how long something is tried over a network, and what an attempt that failed means.

use std::error::Error;
use std::io;
use std::time::Duration;

use object_store::client::{HttpError, HttpErrorKind};

use super::refused::Refused;
use super::runtime::wait;

/// How long to wait for answers, and how often to ask again.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// For a connection.
    pub(super) connect: Duration,
    /// For an answer that carries no body to speak of.
    pub(super) answer: Duration,
    /// For the next piece of a body that is read.
    pub(super) idle: Duration,
    /// A body is given so much longer, as if a second moved so many bytes: few, for several share a slow line.
    pub(super) bytes_a_second: u64,
    /// Attempts in all.
    pub(super) attempts: u32,
    /// Before the second attempt; then twice as long each time. Half of it is left to chance.
    pub(super) pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            answer: Duration::from_secs(60),
            idle: Duration::from_secs(30),
            bytes_a_second: 16 << 10,
            attempts: 6,
            pause: Duration::from_millis(200),
        }
    }
}

/// What an attempt that failed means for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// It had none, and would not have one if it were tried again.
    Refused,
    /// It had none, but may be tried again.
    None,
    /// Nobody knows whether it had one.
    Unknown,
}

/// An attempt that failed.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: io::Error,
    pub(super) effect: Effect,
}

impl Failure {
    /// A body or a listing that is not what was asked for; another attempt may bring a better one.
    pub(super) fn bad_answer(reason: impl Into<String>) -> Self {
        Self { error: io::Error::new(io::ErrorKind::InvalidData, reason.into()), effect: Effect::Unknown }
    }

    /// What nobody need ask for again.
    pub(super) fn hopeless(kind: io::ErrorKind, reason: impl Into<String>) -> Self {
        Self { error: io::Error::new(kind, reason.into()), effect: Effect::Refused }
    }

    /// What an error means, told by its innermost cause: the layers around that tell of retries and stores. The
    /// system's kind of error, if there is one, says more than ours.
    pub(super) fn caused(error: &(dyn Error + 'static), kind: io::ErrorKind, effect: Effect) -> Self {
        const KNOWN: [io::ErrorKind; 6] = [
            io::ErrorKind::ConnectionRefused,
            io::ErrorKind::ConnectionReset,
            io::ErrorKind::HostUnreachable,
            io::ErrorKind::NetworkUnreachable,
            io::ErrorKind::TimedOut,
            io::ErrorKind::UnexpectedEof,
        ];
        let system = causes(error).filter_map(|cause| Some(cause.downcast_ref::<io::Error>()?.kind())).last();
        let kind = system.filter(|kind| KNOWN.contains(kind)).unwrap_or(kind);
        let words = causes(error).last().map(ToString::to_string).unwrap_or_default();
        Self { error: io::Error::new(kind, words), effect }
    }

    /// What the service said, if it is that which failed.
    pub(super) fn refused(&self) -> Option<&Refused> {
        self.error.get_ref()?.downcast_ref()
    }
}

impl From<io::Error> for Failure {
    /// What failed before anything was sent.
    fn from(error: io::Error) -> Self {
        Self { error, effect: Effect::Refused }
    }
}

impl From<Refused> for Failure {
    fn from(refused: Refused) -> Self {
        let effect = match refused.status {
            // A gateway may say this of what the server behind it has done.
            408 | 500.. => Effect::Unknown,
            409 | 429 => Effect::None,
            _ if refused.is_damaged() => Effect::None,
            _ => Effect::Refused,
        };
        Self { error: io::Error::new(refused.kind(), refused), effect }
    }
}

impl From<object_store::Error> for Failure {
    fn from(error: object_store::Error) -> Self {
        if let Some(refused) = causes(&error).find_map(|cause| cause.downcast_ref::<Refused>()) {
            return refused.clone().into();
        }
        match &error {
            object_store::Error::InvalidPath { source } => return unusable_name(source),
            object_store::Error::Unauthenticated { .. } | object_store::Error::PermissionDenied { .. } => {
                return Self::caused(&error, io::ErrorKind::PermissionDenied, Effect::Refused);
            }
            _ => {}
        }
        let http = causes(&error).find_map(|cause| cause.downcast_ref::<HttpError>());
        let (kind, effect) = match http.map(HttpError::kind) {
            Some(HttpErrorKind::Connect) => (io::ErrorKind::HostUnreachable, Effect::None),
            Some(HttpErrorKind::Timeout) => (io::ErrorKind::TimedOut, Effect::Unknown),
            Some(HttpErrorKind::Request | HttpErrorKind::Interrupted) => {
                (io::ErrorKind::ConnectionReset, Effect::Unknown)
            }
            Some(_) => (io::ErrorKind::Other, Effect::Unknown),
            None => (io::ErrorKind::InvalidData, Effect::Refused),
        };
        Self::caused(&error, kind, effect)
    }
}

/// One object with such a name makes a whole page of a listing unreadable, so it is named.
fn unusable_name(error: &object_store::path::Error) -> Failure {
    use object_store::path::Error::{BadSegment, EmptySegment};
    let reason = match error {
        EmptySegment { path } | BadSegment { path, .. } => {
            format!(
                "its listing shows the object {path:?}, a name that no key has: remove it, or use another prefix"
            )
        }
        other => other.to_string(),
    };
    Failure::hopeless(io::ErrorKind::InvalidData, reason)
}

/// An error and what caused it, down to the innermost.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error| (**error).source())
}

fn timed_out(limit: Duration) -> Failure {
    let reason = format!("there was no answer within {} s", limit.as_secs_f32());
    Failure { error: io::Error::new(io::ErrorKind::TimedOut, reason), effect: Effect::Unknown }
}

impl Patience {
    /// Waits for every answer so long.
    pub(super) fn within(answer: Duration) -> Self {
        Self { answer, idle: answer, pause: answer, ..Self::default() }
    }

    /// How long an attempt that moves so many bytes may take.
    fn limit(&self, bytes: u64) -> Duration {
        self.answer + Duration::from_secs(bytes / self.bytes_a_second.max(1))
    }

    /// One attempt.
    pub(super) async fn once<T>(
        &self,
        bytes: u64,
        attempt: impl Future<Output = Result<T, Failure>>,
    ) -> Result<T, Failure> {
        let limit = self.limit(bytes);
        tokio::time::timeout(limit, attempt).await.unwrap_or_else(|_| Err(timed_out(limit)))
    }

    /// The answer to a request for a body, before the body.
    pub(super) async fn head<T>(&self, answer: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::time::timeout(self.answer, answer).await.map_err(|_| timed_out(self.answer))
    }

    /// The next piece of a body, unless nothing comes for too long.
    pub(super) async fn piece<T>(&self, next: impl Future<Output = T>) -> Result<T, Failure> {
        tokio::time::timeout(self.idle, next).await.map_err(|_| timed_out(self.idle))
    }

    /// The pause behind this attempt, the first of which is 1; `None` behind the last.
    pub(super) async fn pause(&self, attempt: u32) -> Option<()> {
        if attempt >= self.attempts {
            return None;
        }
        let mut random = [0; 2];
        // Without randomness there is still the pause.
        let _ = getrandom::fill(&mut random);
        let share = 0.5 + f64::from(u16::from_le_bytes(random)) / f64::from(u16::MAX) / 2.0;
        tokio::time::sleep(self.pause.mul_f64(share) * (1 << (attempt - 1).min(8))).await;
        Some(())
    }

    /// Does what may be done twice, until it is done or hopeless.
    pub(super) async fn again<T>(
        &self,
        bytes: u64,
        mut attempt: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let mut number = 0;
        loop {
            number += 1;
            match self.once(bytes, attempt()).await {
                Err(failure) if failure.effect == Effect::Refused => return Err(failure),
                Err(failure) if self.pause(number).await.is_none() => return Err(failure),
                Err(_) => {}
                done => return done,
            }
        }
    }

    /// As [`Patience::again`], and waits for it.
    pub(super) fn repeat<T>(
        &self,
        bytes: u64,
        attempt: impl AsyncFnMut() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        wait(async { Ok(self.again(bytes, attempt).await) })?
    }
}
