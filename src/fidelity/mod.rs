//! How faithfully one outcome came out as another: a grade, and where the two part first.
