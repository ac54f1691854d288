//! Accelerators: what a kernel or a framework could tell apart, without what varies from card to card.

use std::collections::BTreeMap;

use crate::encoding::{record, words};
use crate::object::object;

record! {
    /// The accelerators of a host. None is a value.
    pub struct Accelerators {
        /// The devices, in the order of their index.
        pub devices: Vec<Accelerator>,
        /// The version of the driver.
        pub driver: Option<String>,
        /// The version of the runtime that the driver supports (CUDA, ROCm).
        pub runtime: Option<String>,
        /// Versions of libraries, such as cuDNN, by name.
        pub libraries: Option<BTreeMap<String, String>>,
        /// Why the list may not be complete.
        pub gap: Option<String>,
    }
}

words! {
    /// What sort of device it is.
    pub enum AcceleratorKind {
        /// A graphics processor.
        Gpu = "gpu",
        /// A tensor or neural processor.
        Npu = "npu",
        /// A programmable gate array.
        Fpga = "fpga",
        /// Anything else that computes.
        Other = "other",
    }
}

record! {
    /// An accelerator.
    pub struct Accelerator {
        /// What sort of device it is.
        pub kind: AcceleratorKind,
        /// Its maker.
        pub vendor: String,
        /// Its model.
        pub model: String,
        /// Memory in bytes.
        pub memory: Option<u64>,
        /// Streaming multiprocessors or compute units.
        pub units: Option<u64>,
        /// CUDA compute capability or another name of the architecture.
        pub capability: Option<String>,
        /// Highest clocks in MHz, by domain (`sm`, `memory`, …).
        pub clocks: BTreeMap<String, u64>,
        /// Width of the memory bus in bits.
        pub bus_width: Option<u64>,
        /// Memory bandwidth in bytes a second.
        pub bandwidth: Option<u64>,
        /// The link to the host.
        pub pcie: Option<Pcie>,
        /// Active links to other devices.
        pub nvlinks: Option<u64>,
        /// Whether memory errors are corrected.
        pub ecc: Option<bool>,
        /// The partitioning mode or profile, where there is one.
        pub mig: Option<String>,
        /// The power limit in milliwatts.
        pub power_limit: Option<u64>,
        /// Limits that kernels are tuned to (threads a block, shared memory, …), by name.
        pub limits: BTreeMap<String, u64>,
    }
}

record! {
    /// A PCI Express link at its best.
    pub struct Pcie {
        /// Generation.
        pub generation: u64,
        /// Lanes.
        pub width: u64,
    }
}

object!(Accelerators, AcceleratorsId);
