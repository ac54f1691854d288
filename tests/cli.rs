//! The binary as a person and a script meet it: run in fresh folders, with nothing of this machine's in sight.

#![cfg(feature = "cli")]

#[path = "cli/errors.rs"]
mod errors;
#[path = "cli/fit.rs"]
mod fit;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/journey.rs"]
mod journey;
#[path = "cli/json.rs"]
mod json;
#[path = "cli/output.rs"]
mod output;
#[path = "cli/reproduce.rs"]
mod reproduce;
#[path = "cli/sandbox.rs"]
mod sandbox;
#[path = "cli/secrets.rs"]
mod secrets;
