//! Will a model run on another accelerator, and what does it need? From what was recorded, never more.
