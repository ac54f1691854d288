//! The binary as a person and a script meet it: run in fresh folders, with nothing of this machine's in sight.

#![cfg(feature = "cli")]

#[cfg(unix)]
#[path = "cli/consent.rs"]
mod consent;
#[path = "cli/errors.rs"]
mod errors;
#[path = "cli/fit.rs"]
mod fit;
#[path = "cli/help.rs"]
mod help;
#[cfg(all(unix, feature = "bucket"))]
#[path = "support/http.rs"]
mod http;
#[path = "cli/journey.rs"]
mod journey;
#[path = "cli/json.rs"]
mod json;
#[cfg(unix)]
#[path = "cli/json_keys.rs"]
mod json_keys;
#[cfg(unix)]
#[path = "cli/load.rs"]
mod load;
#[cfg(unix)]
#[path = "cli/merge.rs"]
mod merge;
#[path = "cli/output.rs"]
mod output;
#[cfg(all(unix, feature = "bucket"))]
#[path = "support/proxy.rs"]
mod proxy;
#[path = "cli/reproduce.rs"]
mod reproduce;
#[path = "cli/roots.rs"]
mod roots;
#[cfg(unix)]
#[path = "cli/run.rs"]
mod run;
#[cfg(unix)]
#[path = "cli/runs.rs"]
mod runs;
#[path = "cli/sandbox.rs"]
mod sandbox;
#[path = "cli/secrets.rs"]
mod secrets;
#[cfg(all(unix, feature = "bucket"))]
#[path = "support/servers.rs"]
mod servers;
#[cfg(unix)]
#[path = "cli/share.rs"]
mod share;
#[path = "support/skip.rs"]
mod skip;
#[cfg(unix)]
#[path = "support/sshd.rs"]
mod sshd;
#[cfg(unix)]
#[path = "cli/streams.rs"]
mod streams;
#[cfg(unix)]
#[path = "cli/sweep.rs"]
mod sweep;
#[cfg(unix)]
#[path = "cli/training.rs"]
mod training;
