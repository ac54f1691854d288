//! What a series of samples says of a machine's use: summaries, phases, and one line of judgement.
