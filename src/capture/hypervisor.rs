//! The hypervisor below this host, if it is a virtual machine: by what firmware and processor say.

use std::path::Path;

use crate::capture::small_file;

/// What makers of virtual machines write into the tables of the firmware, and the name that people know.
const MAKERS: &[(&str, &str)] = &[
    ("Amazon EC2", "ec2"),
    ("Google", "google compute engine"),
    ("Microsoft Corporation", "hyper-v"),
    ("VMware", "vmware"),
    ("innotek", "virtualbox"),
    ("VirtualBox", "virtualbox"),
    ("Xen", "xen"),
    ("OpenStack", "openstack"),
    ("DigitalOcean", "digitalocean"),
    ("Parallels", "parallels"),
    ("Bochs", "bochs"),
    ("KVM", "kvm"),
    ("QEMU", "kvm"),
];

/// The hypervisor's name. A processor says that there is one (the flag `hypervisor`); firmware says which.
pub(super) fn observe(root: &Path, cpuinfo: &str) -> Option<String> {
    if let Some(kind) = small_file::line(&root.join("sys/hypervisor/type")) {
        return Some(kind).filter(|kind| kind.len() < 64 && !kind.contains(char::is_control));
    }
    let flags = cpuinfo.lines().find(|line| line.starts_with("flags"));
    let flagged = flags.is_some_and(|line| line.split_ascii_whitespace().any(|flag| flag == "hypervisor"));
    let said = |file: &str| small_file::line(&root.join("sys/class/dmi/id").join(file)).unwrap_or_default();
    let texts = [said("sys_vendor"), said("product_name"), said("board_vendor"), said("bios_vendor")];
    let maker = MAKERS.iter().find(|(maker, _)| texts.iter().any(|text| text.contains(maker)));
    // ARM has no such flag; makers of clouds and of Windows make real machines too.
    let certain = |name: &str| !matches!(name, "ec2" | "google compute engine" | "hyper-v");
    match (flagged, maker) {
        (true, Some((_, name))) => Some((*name).to_owned()),
        (true, None) => Some("virtual machine".to_owned()),
        (false, Some((_, name))) if flags.is_none() && certain(name) => Some((*name).to_owned()),
        (false, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_of_all_makers() {
        let (guest, real) = ("flags\t: fpu hypervisor sse\n", "flags\t: fpu sse\n");
        for (cpuinfo, vendor, expected) in [
            (guest, "QEMU\n", Some("kvm")),
            (guest, "Microsoft Corporation\n", Some("hyper-v")),
            (guest, "VMware, Inc.\n", Some("vmware")),
            (guest, "Acme\n", Some("virtual machine")),
            (real, "Microsoft Corporation\n", None),
            (real, "Dell Inc.\n", None),
            ("Features : asimd\n", "QEMU\n", Some("kvm")),
            ("Features : asimd\n", "Amazon EC2\n", None),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let dmi = dir.path().join("sys/class/dmi/id");
            std::fs::create_dir_all(&dmi).unwrap();
            std::fs::write(dmi.join("sys_vendor"), vendor).unwrap();
            assert_eq!(observe(dir.path(), cpuinfo).as_deref(), expected, "{cpuinfo} {vendor}");
        }
        assert_eq!(observe(Path::new("/nowhere"), ""), None);
    }
}
