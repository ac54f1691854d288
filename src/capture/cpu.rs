//! The processor, from the text that Linux gives. Pure functions over text.

use crate::object::Cpu;

/// Extensions that decide which instructions a numeric library picks, and so how results round: the kernel's names,
/// which mean different things on different processors. A name that ends with `*` stands for all that start with it.
const X86: &[&str] =
    &["sse4_1", "sse4_2", "avx", "avx2", "avx512*", "avx_*", "avx10*", "amx_*", "fma", "fma4", "f16c"];
const ARM: &[&str] = &["asimd*", "neon", "vfpv4", "fphp", "fcma", "sve*", "sme*", "bf16", "ebf16", "i8mm"];

/// The processor, from `/proc/cpuinfo` (of which the first processor is enough), the list of processors that are
/// online, and the list of those that share a core with the first.
pub(super) fn parse(
    cpuinfo: &str,
    online: Option<&str>,
    siblings: Option<&str>,
    fallback_threads: u64,
) -> Cpu {
    let field = |name: &str| first_field(cpuinfo, name);
    let number = |name: &str| field(name).and_then(|text| text.parse::<u64>().ok()).filter(|n| *n > 0);
    let threads = online.and_then(count).unwrap_or(fallback_threads);
    let per_package = number("siblings").zip(number("cpu cores"));
    let cores = match per_package {
        Some((siblings, cores)) if threads >= siblings => Some(threads / siblings * cores),
        _ => siblings.and_then(count).map(|per_core| threads / per_core),
    };
    let part = field("CPU implementer").zip(field("CPU part"));
    let (vendor, model) = match (field("model name"), part) {
        (Some(model), _) => (field("vendor_id").map(str::to_owned), squeeze(model)),
        (None, Some((implementer, part))) => arm_model(implementer, part),
        (None, None) => (None, field("cpu").or_else(|| field("uarch")).unwrap_or("unknown").to_owned()),
    };
    let extensions = match (field("flags"), field("Features")) {
        (Some(flags), _) => extensions(flags, X86),
        (None, Some(features)) => extensions(features, ARM),
        (None, None) => Vec::new(),
    };
    Cpu { model, vendor, cores: cores.filter(|cores| *cores > 0), threads, extensions }
}

/// How many numbers a list of the kernel has, such as `0-3,8,10-11`.
pub(super) fn count(list: &str) -> Option<u64> {
    let ranges = list.trim().split(',').map(|range| {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (first, last): (u64, u64) = (first.parse().ok()?, last.parse().ok()?);
        last.checked_sub(first)?.checked_add(1)
    });
    ranges.sum::<Option<u64>>().filter(|count| (1..=1 << 20).contains(count))
}

fn extensions(flags: &str, numeric: &[&str]) -> Vec<String> {
    let is_numeric = |flag: &&str| {
        numeric.iter().any(|name| match name.strip_suffix('*') {
            Some(start) => flag.starts_with(start),
            None => flag == name,
        })
    };
    let mut found: Vec<String> =
        flags.split_ascii_whitespace().filter(is_numeric).map(str::to_owned).collect();
    found.sort_unstable();
    found.dedup();
    found
}

fn first_field<'a>(cpuinfo: &'a str, name: &str) -> Option<&'a str> {
    cpuinfo.lines().find_map(|line| {
        let (key, value) = line.split_once(':')?;
        (key.trim() == name && !value.trim().is_empty()).then(|| value.trim())
    })
}

/// Some makers pad the name with spaces.
fn squeeze(text: &str) -> String {
    text.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

/// ARM tells numbers, of the maker and of the maker's part. Those of servers have names here.
fn arm_model(implementer: &str, part: &str) -> (Option<String>, String) {
    let vendor = match implementer {
        "0x41" => "ARM",
        "0x42" => "Broadcom",
        "0x43" => "Cavium",
        "0x46" => "Fujitsu",
        "0x48" => "HiSilicon",
        "0x4e" => "NVIDIA",
        "0x51" => "Qualcomm",
        "0x61" => "Apple",
        "0x6d" => "Microsoft",
        "0xc0" => "Ampere",
        other => other,
    };
    let model = match (implementer, part) {
        ("0x41", "0xd08") => "Cortex-A72",
        ("0x41", "0xd0b") => "Cortex-A76",
        ("0x41", "0xd0c") => "Neoverse-N1",
        ("0x41", "0xd40") => "Neoverse-V1",
        ("0x41", "0xd49") => "Neoverse-N2",
        ("0x41", "0xd4f") => "Neoverse-V2",
        ("0x41", "0xd83") => "Neoverse-V3",
        ("0x41", "0xd8e") => "Neoverse-N3",
        ("0x46", "0x001") => "A64FX",
        ("0xc0", "0xac3") => "Ampere-1",
        ("0xc0", "0xac4") => "Ampere-1a",
        _ => return (Some(vendor.to_owned()), format!("part {part}")),
    };
    (Some(vendor.to_owned()), model.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const XEON: &str = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Intel(R) Xeon(R)   CPU @ 2.00GHz\n\
        siblings\t: 56\ncpu cores\t: 28\ncpu MHz\t: 2000.152\nflags\t\t: fpu sse4_2 fma avx512f avx avx2 f16c \
        avx512_bf16 amx_tile amx_bf16 avx_vnni smep sme hypervisor\n\nprocessor\t: 1\nmodel name\t: another\n";

    #[test]
    fn x86() {
        let cpu = parse(XEON, Some("0-111\n"), Some("0,56"), 1);
        assert_eq!(
            (cpu.model.as_str(), cpu.vendor.as_deref()),
            ("Intel(R) Xeon(R) CPU @ 2.00GHz", Some("GenuineIntel"))
        );
        assert_eq!((cpu.cores, cpu.threads), (Some(56), 112));
        let expected = [
            "amx_bf16",
            "amx_tile",
            "avx",
            "avx2",
            "avx512_bf16",
            "avx512f",
            "avx_vnni",
            "f16c",
            "fma",
            "sse4_2",
        ];
        assert_eq!(cpu.extensions, expected);
    }

    #[test]
    fn arm() {
        let text = "processor\t: 0\nBogoMIPS\t: 2000.00\nFeatures\t: fp asimd asimdhp fphp sve sve2 svebf16 i8mm bf16 aes\n\
            CPU implementer\t: 0x41\nCPU architecture: 8\nCPU variant\t: 0x0\nCPU part\t: 0xd4f\nCPU revision\t: 0\n";
        let cpu = parse(text, Some("0-71"), Some("0"), 1);
        assert_eq!((cpu.model.as_str(), cpu.vendor.as_deref()), ("Neoverse-V2", Some("ARM")));
        assert_eq!((cpu.cores, cpu.threads), (Some(72), 72));
        assert_eq!(cpu.extensions, ["asimd", "asimdhp", "bf16", "fphp", "i8mm", "sve", "sve2", "svebf16"]);
        let unknown = parse("CPU implementer : 0x99\nCPU part : 0x123\n", None, None, 4);
        assert_eq!((unknown.model.as_str(), unknown.vendor.as_deref()), ("part 0x123", Some("0x99")));
        assert_eq!((unknown.cores, unknown.threads), (None, 4));
    }

    #[test]
    fn nothing_known() {
        let cpu = parse("", None, None, 3);
        assert_eq!(
            cpu,
            Cpu { model: "unknown".into(), vendor: None, cores: None, threads: 3, extensions: vec![] }
        );
    }

    #[test]
    fn lists_are_counted() {
        for (list, expected) in [
            ("0", Some(1)),
            ("0-3\n", Some(4)),
            ("0-3,8,10-11", Some(7)),
            ("", None),
            ("3-1", None),
            ("a", None),
        ] {
            assert_eq!(count(list), expected, "{list:?}");
        }
        assert_eq!(count("0-18446744073709551615"), None);
    }
}
