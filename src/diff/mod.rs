//! Structural changes between two states of an experiment, as plain values. Walks only what differs.
