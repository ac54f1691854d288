//! The fields of a system.

use crate::diff::fields::{Field, FieldList, Unit};
use crate::object::System;
use crate::value::Value;

/// A system field by field, in the order in which it is shown.
pub fn system_fields(system: &System) -> Vec<Field> {
    let mut out = FieldList::default();
    out.text("os", system.os.clone());
    out.text("release", system.release.clone());
    out.text("kernel", system.kernel.clone());
    out.text("arch", system.arch.clone());
    out.text("libc", system.libc.clone());
    out.text("cpu.model", system.cpu.model.clone());
    out.text("cpu.vendor", system.cpu.vendor.clone());
    out.number("cpu.cores", Unit::Plain, system.cpu.cores);
    out.number("cpu.threads", Unit::Plain, system.cpu.threads);
    let extensions = (!system.cpu.extensions.is_empty()).then(|| system.cpu.extensions.join(" "));
    out.text("cpu.extensions", extensions);
    out.number("memory", Unit::Bytes, system.memory);
    out.number("numa_nodes", Unit::Plain, system.numa_nodes);
    out.text("container", system.container.clone());
    out.push("limits.cpus", Unit::Plain, system.limits.cpus.map(Value::Float));
    out.number("limits.memory", Unit::Bytes, system.limits.memory);
    out.text("blas", system.blas.clone());
    for (name, value) in system.allocation.iter().flatten() {
        out.text(&format!("allocation.{name}"), value.clone());
    }
    out.finish()
}
