//! What a model runs in: three objects that change at different rates, and chosen variables.

use std::collections::BTreeMap;

use crate::encoding::record;
use crate::id::{AcceleratorsId, PackagesId, SystemId};
use crate::object::{link, object};

record! {
    /// An environment.
    pub struct Environment {
        /// Installed packages.
        pub packages: PackagesId,
        /// Operating system, processor and memory.
        pub system: SystemId,
        /// Accelerators.
        pub accelerators: AcceleratorsId,
        /// Environment variables that the manifest allows.
        pub variables: BTreeMap<String, String>,
    }
}

object!(Environment, EnvironmentId, |environment, see| {
    see(link(environment.packages));
    see(link(environment.system));
    see(link(environment.accelerators));
});
