//! The operating system, processor, memory, and the limits that a container sets.

use std::collections::BTreeMap;

use crate::encoding::record;
use crate::object::object;

record! {
    /// A host, without what tells one from another of the same make.
    pub struct System {
        /// `linux`, `macos`, …
        pub os: String,
        /// The distribution and its version.
        pub release: Option<String>,
        /// The kernel's version.
        pub kernel: Option<String>,
        /// `x86_64`, `aarch64`, …
        pub arch: String,
        /// The C library and its version.
        pub libc: Option<String>,
        /// The processor.
        pub cpu: Cpu,
        /// Memory of the host in bytes, rounded to whole MiB.
        pub memory: u64,
        /// NUMA nodes.
        pub numa_nodes: Option<u64>,
        /// The container or virtual machine that this runs in.
        pub container: Option<String>,
        /// What the container may use.
        pub limits: Limits,
        /// The linear algebra library.
        pub blas: Option<String>,
        /// What a scheduler such as Slurm allotted, by its names.
        pub allocation: Option<BTreeMap<String, String>>,
    }
}

record! {
    /// A processor.
    pub struct Cpu {
        /// Its model.
        pub model: String,
        /// Its maker.
        pub vendor: Option<String>,
        /// Physical cores.
        pub cores: Option<u64>,
        /// Logical processors.
        pub threads: u64,
        /// Instruction set extensions that change numerics, sorted.
        pub extensions: Vec<String>,
    }
}

record! {
    /// Limits of a container; absent where there are none.
    pub struct Limits {
        /// Processors, or a share of them.
        pub cpus: Option<f64>,
        /// Memory in bytes.
        pub memory: Option<u64>,
    }
}

object!(System, SystemId);
