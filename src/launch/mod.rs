//! Starting a command as it would run without us: its terminal, signals and exit code; its log is kept.
