//! For tests: disks that remember what was done to them, or fail, and what a power cut may leave.
