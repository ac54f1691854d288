//! The fields of accelerators. Equal devices that follow each other are shown once.

use crate::diff::fields::{Field, FieldList, Unit};
use crate::object::{Accelerator, Accelerators};
use crate::value::Value;

/// Accelerators field by field, in the order in which they are shown. Fields of a device are labelled with its
/// index (`0.model`) or a range of them (`0-7.model`), and without one where all devices are equal.
pub fn accelerator_fields(accelerators: &Accelerators) -> Vec<Field> {
    let mut out = FieldList::default();
    let devices = &accelerators.devices;
    out.number("count", Unit::Plain, devices.len() as u64);
    let mut start = 0;
    for group in devices.chunk_by(|a, b| a == b) {
        let end = start + group.len() - 1;
        let label = match (start, end) {
            (0, end) if end + 1 == devices.len() => String::new(),
            (start, end) if start == end => format!("{start}."),
            (start, end) => format!("{start}-{end}."),
        };
        device(&mut out, &label, &group[0]);
        start = end + 1;
    }
    out.text("driver", accelerators.driver.clone());
    out.text("runtime", accelerators.runtime.clone());
    for (name, version) in accelerators.libraries.iter().flatten() {
        out.text(&format!("libraries.{name}"), version.clone());
    }
    out.text("gap", accelerators.gap.clone());
    out.finish()
}

fn device(out: &mut FieldList, prefix: &str, device: &Accelerator) {
    let label = |name: &str| format!("{prefix}{name}");
    out.text(&label("kind"), device.kind.as_str().to_owned());
    out.text(&label("vendor"), device.vendor.clone());
    out.text(&label("model"), device.model.clone());
    out.number(&label("memory"), Unit::Bytes, device.memory);
    out.number(&label("units"), Unit::Plain, device.units);
    out.text(&label("capability"), device.capability.clone());
    for (name, clock) in &device.clocks {
        out.number(&label(&format!("clocks.{name}")), Unit::Megahertz, *clock);
    }
    out.number(&label("bus_width"), Unit::Plain, device.bus_width);
    out.number(&label("bandwidth"), Unit::Bandwidth, device.bandwidth);
    let pcie = device.pcie.as_ref().map(|pcie| format!("gen {} x{}", pcie.generation, pcie.width));
    out.text(&label("pcie"), pcie);
    out.number(&label("nvlinks"), Unit::Plain, device.nvlinks);
    out.push(&label("ecc"), Unit::Plain, device.ecc.map(Value::Bool));
    out.text(&label("mig"), device.mig.clone());
    out.number(&label("power_limit"), Unit::Milliwatts, device.power_limit);
    for (name, limit) in &device.limits {
        out.number(&label(&format!("limits.{name}")), Unit::Plain, *limit);
    }
}
