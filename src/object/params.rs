//! Hyperparameters: a typed tree of values. The files that they were read from are the definition's,
//! so that equal values written as YAML, JSON or TOML are one object.

use std::collections::BTreeMap;

use crate::encoding::record;
use crate::object::object;
use crate::value::Value;

record! {
    /// Hyperparameters by name.
    pub struct Params {
        /// The values.
        pub values: BTreeMap<String, Value>,
    }
}

object!(Params, ParamsId);
