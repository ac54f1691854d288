//! What PCI devices are called.
//!
//! The names are of a list of our own, never of one that the system may have: equal machines say the same, whatever is
//! installed on them. What is not in the list has its number.

/// Makers, by their number.
const MAKERS: &[(u64, &str)] = &[
    (0x1002, "AMD"),
    (0x1022, "AMD"),
    (0x10ee, "Xilinx"),
    (0x17cb, "Qualcomm"),
    (0x19e5, "Huawei"),
    (0x1ae0, "Google"),
    (0x1d0f, "Amazon"),
    (0x1da3, "Habana"),
    (0x1e52, "Tenstorrent"),
    (0x8086, "Intel"),
];

/// Devices of makers (pci.ids, 2026; Google's by the list in the sources of JAX). A number that several models share is
/// left out.
const DEVICES: &[(u64, u64, &str)] = &[
    (0x1002, 0x66a1, "AMD Radeon Instinct MI50"),
    (0x1002, 0x738c, "AMD Instinct MI100"),
    (0x1002, 0x7408, "AMD Instinct MI250X"),
    (0x1002, 0x740f, "AMD Instinct MI210"),
    (0x1002, 0x74a0, "AMD Instinct MI300A"),
    (0x1002, 0x74a1, "AMD Instinct MI300X"),
    (0x1002, 0x74a2, "AMD Instinct MI308X"),
    (0x1002, 0x74a5, "AMD Instinct MI325X"),
    (0x1002, 0x75a0, "AMD Instinct MI350X"),
    (0x1002, 0x75a3, "AMD Instinct MI355X"),
    (0x10ee, 0x5000, "Alveo U200"),
    (0x10ee, 0x5004, "Alveo U250"),
    (0x10ee, 0x5005, "Alveo U250"),
    (0x10ee, 0x500c, "Alveo U280"),
    (0x10ee, 0x5020, "Alveo U50"),
    (0x10ee, 0x505c, "Alveo U55C"),
    (0x1ae0, 0x005e, "TPU v4"),
    (0x1ae0, 0x0062, "TPU v5p"),
    (0x1ae0, 0x0063, "TPU v5e"),
    (0x1ae0, 0x006f, "TPU v6e"),
    (0x1d0f, 0x7064, "Inferentia"),
    (0x1d0f, 0x7164, "Trainium"),
    (0x1d0f, 0x7264, "Inferentia2"),
    (0x1d0f, 0x7364, "Trainium2"),
    (0x1d0f, 0x7564, "Trainium3"),
    (0x1da3, 0x0001, "Goya"),
    (0x1da3, 0x1000, "Gaudi"),
    (0x1da3, 0x1020, "Gaudi2"),
    (0x1da3, 0x1060, "Gaudi3"),
    (0x1e52, 0x401e, "Wormhole"),
    (0x1e52, 0xb140, "Blackhole"),
    (0x1e52, 0xfaca, "Grayskull"),
    (0x8086, 0x0bd5, "Data Center GPU Max 1550"),
    (0x8086, 0x0bda, "Data Center GPU Max 1100"),
    (0x8086, 0x56c0, "Data Center GPU Flex 170"),
    (0x8086, 0x56c1, "Data Center GPU Flex 140"),
];

/// The maker, in words or as a number.
pub(super) fn maker(maker: u64) -> String {
    let known = MAKERS.iter().find(|(number, _)| *number == maker);
    known.map_or_else(|| format!("PCI {maker:04x}"), |(_, name)| (*name).to_owned())
}

/// The device, by its name or its numbers.
pub(super) fn device(maker: u64, device: u64) -> String {
    let known = DEVICES.iter().find(|entry| (entry.0, entry.1) == (maker, device));
    known.map_or_else(|| format!("{maker:04x}:{device:04x}"), |entry| entry.2.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers() {
        assert_eq!((maker(0x1002).as_str(), maker(0xffff).as_str()), ("AMD", "PCI ffff"));
        assert_eq!(device(0x1002, 0x74a1), "AMD Instinct MI300X");
        assert_eq!(device(0xabcd, 0x1), "abcd:0001");
    }

    #[test]
    fn a_device_has_one_name_and_a_maker() {
        let numbers: std::collections::BTreeSet<_> = DEVICES.iter().map(|entry| (entry.0, entry.1)).collect();
        assert_eq!(numbers.len(), DEVICES.len());
        assert!(DEVICES.iter().all(|entry| MAKERS.iter().any(|(number, _)| *number == entry.0)));
    }
}
