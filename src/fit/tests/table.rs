//! The table that comes with mdl, finding a device in it, and tables that are refused.

use crate::fit::*;

#[test]
fn the_built_in_table_is_whole() {
    let devices = Devices::built_in().unwrap();
    assert_eq!(devices.all().len(), 24);
    for device in devices.all() {
        let Device { id, .. } = device;
        assert!(device.bandwidth.is_some() && device.watts.is_some() && device.pcie.is_some(), "{id}");
        assert!(device.architecture.is_some() && device.toolkit.is_some(), "{id}");
        assert!(device.peaks.contains_key(&Format::Fp32) && !device.models.is_empty(), "{id}");
        for model in &device.models {
            assert_eq!(devices.of_model(model).map(|found| &found.id), Some(id), "{model} names one device");
        }
        // Narrower formats are never slower, on any of these.
        let peak = |format| device.peaks.get(&format).copied().unwrap_or(f64::INFINITY);
        assert!(peak(Format::Fp32) <= peak(Format::Fp16) && peak(Format::Fp16) <= peak(Format::Fp8), "{id}");
    }
    let sizes = |id: &str| devices.query(id).unwrap().devices[0].memory.capacity() >> 20;
    // As drivers report them: 15,360 MiB of a T4, 23,034 and less of an L4, 46,068 of an L40S, 11,441 of a K80.
    assert_eq!(["t4", "l4", "l40s", "k80"].map(sizes), [15_360, 23_040, 46_080, 11_520]);
}

#[test]
fn devices_are_found_by_what_people_write() {
    let devices = Devices::built_in().unwrap();
    let ids = |name: &str| -> Vec<String> {
        devices.query(name).unwrap().devices.into_iter().map(|device| device.id).collect()
    };
    for (written, expected) in [
        ("t4", &["t4"][..]),
        ("NVIDIA L4", &["l4"]),
        ("RTX 4090", &["rtx-4090"]),
        ("rtx4090", &["rtx-4090"]),
        ("4090", &["rtx-4090"]),
        ("h100", &["h100-pcie", "h100-sxm5"]),
        ("H100 SXM", &["h100-sxm5"]),
        ("a100-80gb", &["a100-pcie-80", "a100-sxm4-80"]),
        ("a100-sxm4-40", &["a100-sxm4-40"]),
        ("v100-32", &["v100-pcie-32", "v100-sxm2-32"]),
        ("MI300X", &["mi300x"]),
        ("a10", &["a10"]),
    ] {
        assert_eq!(ids(written), expected, "{written}");
    }
    for (written, id, count) in
        [("h200x8", "h200", 8), ("mi300xx8", "mi300x", 8), ("T4 x 2", "t4", 2), ("t4×2", "t4", 2)]
    {
        let query = devices.query(written).unwrap();
        assert_eq!((query.devices[0].id.as_str(), query.count), (id, Some(count)), "{written}");
    }
    for written in ["", "x8", "a1", "h", "gpu", "v10", "xx"] {
        let found = devices.query(written);
        assert!(matches!(found, Err(QueryError::Unknown { .. })), "{written}: {found:?}");
    }
    for written in ["t4x0", "t4x100001"] {
        assert!(matches!(devices.query(written), Err(QueryError::Count { .. })), "{written}");
    }
}

const SMALL: &str = "[sources]\nours = 'measured by us'\n[device.our-card]\nname = 'Ours'\nvendor = 'NVIDIA'\nmemory = { gib = 48, source = 'ours' }\n";

#[test]
fn own_devices_are_read_and_take_the_place_of_others() {
    let origin = Origin::File("mdl-devices.toml".into());
    let own = read(&SMALL.replace("our-card", "t4"), &origin).unwrap();
    assert_eq!((own[0].memory.capacity(), own[0].sources["memory"].as_str()), (48 << 30, "measured by us"));
    let mut devices = Devices::built_in().unwrap();
    let before = devices.all().len();
    devices.add(own);
    devices.add(read(SMALL, &origin).unwrap());
    assert_eq!(devices.all().len(), before + 1);
    let t4 = devices.query("t4").unwrap().devices.remove(0);
    assert_eq!((t4.memory.capacity(), t4.origin), (48 << 30, origin.clone()));
    assert_eq!(read("", &origin), Ok(Vec::new()));
}

#[test]
fn tables_that_make_no_sense_are_refused_with_their_line() {
    let with = |line: &str| format!("{SMALL}{line}\n");
    for (text, line, problem) in [
        (with("colour = 'red'"), 7, "\"colour\" is not a key here"),
        (with("power = { watts = 300 }"), 7, "power names no source"),
        (with("power = { watts = 300, source = 'theirs' }"), 7, "\"theirs\" is not among the sources"),
        (with("power = { watts = -3, source = 'ours' }"), 7, "watts is not a number above 0"),
        (with("power = { watts = nan, source = 'ours' }"), 7, "watts is not a number above 0"),
        (with("power = { watts = '300', source = 'ours' }"), 7, "watts is not a number above 0"),
        (with("bandwidth = { gb_per_s = 1e12, source = 'ours' }"), 7, "gb_per_s is not a number"),
        (with("capability = { cuda = 'gfx90a', source = 'ours' }"), 7, "cuda is not as in"),
        (with("capability = { source = 'ours' }"), 7, "capability has either cuda or gfx"),
        (with("arithmetic = { fp12 = 1, source = 'ours' }"), 7, "\"fp12\" is not a key here"),
        (with("toolkit = { oldest = '12', source = 'ours' }"), 7, "oldest is not a version"),
        (with("toolkit = { oldest = '12.8', newest = '11.0', source = 'ours' }"), 7, "not in order"),
        (with("driver = { oldest = 580, newest = 470, source = 'ours' }"), 7, "not in order"),
        (with("pcie = { generation = 4, source = 'ours' }"), 7, "pcie has no width"),
        (with("models = ['a', 1]"), 7, "models is not a list of texts"),
        (with("name = 'Ours'"), 7, "not TOML"),
        (with("note = \"a\\u001b[2Jb\""), 7, "note is not a text of one line"),
        (SMALL.replace("our-card", "'Our card'"), 3, "is not an id"),
        (SMALL.replace("name = 'Ours'\n", ""), 3, "our-card has no name"),
        (SMALL.replace("memory = { gib = 48, source = 'ours' }", ""), 3, "our-card has no memory"),
        (SMALL.replace("gib = 48", "gib = 0"), 6, "gib is not a number above 0"),
        (SMALL.replace("gib = 48", "gib = 1e18"), 6, "gib is not a number above 0"),
        ("devices = 1\n".into(), 1, "\"devices\" is not a key here"),
        ("device = 1\n".into(), 1, "device is not a table"),
        ("[device]\na = 1\n".into(), 2, "a is not a table"),
        (format!("[sources]\na = '{}'\n", "x".repeat(301)), 2, "a is not a text"),
    ] {
        let error = read(&text, &Origin::BuiltIn).unwrap_err();
        assert!(error.problem.contains(problem), "{text}: {error}");
        assert_eq!(error.line, line, "{text}: {error}");
    }
    let many: String = (0..1_001)
        .map(|n| {
            SMALL.replace("our-card", &format!("c{n}")).replace("[sources]\nours = 'measured by us'\n", "")
        })
        .collect();
    assert!(read(&format!("[sources]\nours = 'us'\n{many}"), &Origin::BuiltIn).is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_fail(noise in "[a-z0-9.=\\[\\]{}'\" \\n-]{0,40}", at in 0..SMALL.len()) {
        let mut text = SMALL.to_owned();
        text.insert_str(at, &noise);
        let _ = read(&noise, &Origin::BuiltIn);
        if let Err(error) = read(&text, &Origin::BuiltIn) {
            proptest::prop_assert!((1..=text.lines().count() + 1).contains(&error.line));
        }
    }
}
