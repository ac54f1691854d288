//! The environment variables that a run depends on: by an allow-list, without secrets.
//!
//! What is not listed is never looked at. What varies from job to job without meaning (Slurm's ids, hosts and paths,
//! ids of cards) is returned apart: it belongs to what was observed, not to what defines the run.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::capture::redact::{self, PLACEHOLDER};
use crate::capture::secrets::Secrets;

/// Variables that decide what numeric libraries compute, and with how many threads. `*` stands for any text.
const LISTED: &[&str] = &[
    "CUDA_*",
    "NVIDIA_*",
    "CUBLAS_*",
    "CUBLASLT_*",
    "CUDNN_*",
    "NCCL_*",
    "HIP_*",
    "ROCR_*",
    "HSA_*",
    "MIOPEN_*",
    "OMP_*",
    "GOMP_*",
    "KMP_*",
    "MKL_*",
    "OPENBLAS_*",
    "BLIS_*",
    "VECLIB_*",
    "NUMEXPR_*",
    "PYTHONHASHSEED",
    "TF_*",
    "TORCH_*",
    "PYTORCH_*",
    "XLA_*",
    "JAX_*",
    "SLURM_*",
];

/// Terraform's, which begins its own with the same letters as TensorFlow, and keeps secrets in some of them.
const TERRAFORM: &[&str] = &[
    "TF_CLI_*",
    "TF_VAR_*",
    "TF_TOKEN_*",
    "TF_HTTP_*",
    "TF_LOG*",
    "TF_INPUT",
    "TF_DATA_DIR",
    "TF_WORKSPACE",
    "TF_IN_AUTOMATION",
    "TF_REGISTRY_*",
    "TF_PLUGIN_CACHE_*",
    "TF_IGNORE",
    "TF_STATE_*",
];

/// What Slurm says that is the same for every job of the same request. All else of it varies.
const SLURM: &[&str] = &[
    "SLURM_ARRAY_TASK_*",
    "SLURM_CPUS_ON_NODE",
    "SLURM_CPUS_PER_*",
    "SLURM_DISTRIBUTION",
    "SLURM_GPUS",
    "SLURM_GPUS_*",
    "SLURM_JOB_CPUS_PER_NODE",
    "SLURM_JOB_NUM_NODES",
    "SLURM_JOB_PARTITION",
    "SLURM_MEM_PER_*",
    "SLURM_NNODES",
    "SLURM_NPROCS",
    "SLURM_NTASKS",
    "SLURM_NTASKS_PER_*",
    "SLURM_TASKS_PER_NODE",
    "SLURM_THREADS_PER_CORE",
];

/// Variables of an environment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Variables {
    /// Those that define the run.
    pub defining: BTreeMap<String, String>,
    /// Those that vary without meaning.
    pub varying: BTreeMap<String, String>,
    /// What was taken out: `variable WANDB_API_KEY`.
    pub redacted: Vec<String>,
}

/// The variables that are listed here or match one of these patterns.
pub(super) fn select(
    patterns: &[String],
    environment: impl Iterator<Item = (OsString, OsString)>,
) -> Variables {
    let mut out = Variables::default();
    let environment: Vec<(OsString, OsString)> = environment.collect();
    let secrets = Secrets::of(environment.iter().map(|(name, value)| (name.as_os_str(), value.as_os_str())));
    for (name, value) in environment {
        let Ok(name) = name.into_string() else { continue };
        let asked = patterns.iter().any(|pattern| matches(pattern, &name));
        let listed = is_any(LISTED, &name) && !is_any(TERRAFORM, &name);
        // Ours differ from run to run.
        if name.starts_with("MDL_") || !(asked || listed) {
            continue;
        }
        let found = value.to_string_lossy();
        // A secret of one variable may stand in another one, whose name says nothing.
        let value = secrets.text(&clean(&name, &found).0);
        if value != found {
            out.redacted.push(format!("variable {name}"));
        }
        let varies = varies(&name, &value) && !patterns.contains(&name);
        let side = if varies { &mut out.varying } else { &mut out.defining };
        side.insert(name, value);
    }
    out.redacted.sort_unstable();
    out
}

/// What Slurm allotted, without its prefix and in lower case; `None` outside a job.
pub(super) fn allocation(environment: impl Fn(&str) -> Option<OsString>) -> Option<BTreeMap<String, String>> {
    const NAMES: &[&str] = &[
        "SLURM_CPUS_ON_NODE",
        "SLURM_CPUS_PER_GPU",
        "SLURM_CPUS_PER_TASK",
        "SLURM_GPUS",
        "SLURM_GPUS_ON_NODE",
        "SLURM_GPUS_PER_NODE",
        "SLURM_GPUS_PER_TASK",
        "SLURM_JOB_CPUS_PER_NODE",
        "SLURM_JOB_NUM_NODES",
        "SLURM_JOB_PARTITION",
        "SLURM_MEM_PER_CPU",
        "SLURM_MEM_PER_GPU",
        "SLURM_MEM_PER_NODE",
        "SLURM_NTASKS",
        "SLURM_NTASKS_PER_NODE",
        "SLURM_TASKS_PER_NODE",
    ];
    let read = |name: &&str| {
        let value = environment(name)?.into_string().ok()?;
        let short = name.trim_start_matches("SLURM_").trim_start_matches("JOB_").to_ascii_lowercase();
        Some((short, redact::text(&value).into_owned()))
    };
    let found: BTreeMap<String, String> = NAMES.iter().filter_map(read).collect();
    (!found.is_empty()).then_some(found)
}

/// The value of a variable without secrets, and whether there was one.
pub(super) fn clean(name: &str, value: &str) -> (String, bool) {
    // What a shell calls so is where it is.
    let is_place = matches!(name, "PWD" | "OLDPWD");
    if !is_place && redact::is_secret(name) && !redact::is_harmless(name, value) {
        return (PLACEHOLDER.to_owned(), true);
    }
    let clean = redact::text(value);
    (clean.to_string(), clean != value)
}

fn varies(name: &str, value: &str) -> bool {
    let names_cards =
        name.ends_with("_VISIBLE_DEVICES") && (value.contains("GPU-") || value.contains("MIG-"));
    names_cards || name == "NCCL_COMM_ID" || (name.starts_with("SLURM_") && !is_any(SLURM, name))
}

fn is_any(patterns: &[&str], name: &str) -> bool {
    patterns.iter().any(|pattern| matches(pattern, name))
}

/// Whether a name matches a pattern in which `*` stands for any text. The cost is that of one pass a piece.
fn matches(pattern: &str, name: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == name };
    let Some(mut left) = name.strip_prefix(first) else { return false };
    let mut pieces: Vec<&str> = rest.split('*').collect();
    let last = pieces.pop().unwrap_or_default();
    for piece in pieces {
        let Some(at) = left.find(piece) else { return false };
        left = &left[at + piece.len()..];
    }
    left.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(patterns: &[&str], variables: &[(&str, &str)]) -> Variables {
        let patterns: Vec<String> = patterns.iter().map(|text| (*text).to_owned()).collect();
        select(&patterns, variables.iter().map(|(name, value)| (name.into(), value.into())))
    }

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn only_what_is_listed() {
        let found = of(
            &["MY_*", "EXACT"],
            &[
                ("CUDA_VISIBLE_DEVICES", "0,1"),
                ("OMP_NUM_THREADS", "8"),
                ("PYTHONHASHSEED", "0"),
                ("PYTHONPATH", "/x"),
                ("MY_FLAG", "1"),
                ("MY_API_KEY", "SECRET"),
                ("EXACT", "https://u:SECRET@h/x"),
                ("EXACTLY", "no"),
                ("MY_COPY", "key is plain-words-9!"),
                ("SERVICE_TOKEN", "plain-words-9"),
                ("PWD", "/home/me/project"),
                ("MY_PLACE", "/home/me/project"),
                ("AWS_SECRET_ACCESS_KEY", "SECRET"),
                ("HOME", "/home/me"),
            ],
        );
        let defining = [
            ("CUDA_VISIBLE_DEVICES", "0,1"),
            ("EXACT", "https://<redacted>@h/x"),
            ("MY_API_KEY", "<redacted>"),
            ("MY_COPY", "key is <redacted>!"),
            ("MY_FLAG", "1"),
            ("MY_PLACE", "/home/me/project"),
            ("OMP_NUM_THREADS", "8"),
            ("PYTHONHASHSEED", "0"),
        ];
        assert_eq!(found.defining, map(&defining));
        assert_eq!(found.redacted, ["variable EXACT", "variable MY_API_KEY", "variable MY_COPY"]);
        assert_eq!(found.varying, map(&[]));
    }

    #[test]
    fn what_is_terraforms_is_not_tensorflows() {
        let variables = [("TF_VAR_password", "x"), ("TF_TOKEN_host", "x"), ("TF_DETERMINISTIC_OPS", "1")];
        assert_eq!(of(&[], &variables).defining, map(&[("TF_DETERMINISTIC_OPS", "1")]));
        assert_eq!(of(&["TF_VAR_size"], &[("TF_VAR_size", "3")]).defining, map(&[("TF_VAR_size", "3")]));
    }

    #[test]
    fn what_varies_from_job_to_job_is_apart() {
        let variables = [
            ("SLURM_JOB_ID", "123"),
            ("SLURM_JOB_NODELIST", "node[1-4]"),
            ("SLURM_SUBMIT_DIR", "/home/me"),
            ("SLURM_JOB_USER", "me"),
            ("SLURM_ARRAY_TASK_ID", "3"),
            ("SLURM_NTASKS", "8"),
            ("SLURM_GPUS_PER_NODE", "h100:4"),
            ("CUDA_VISIBLE_DEVICES", "GPU-8f6c"),
        ];
        let found = of(&[], &variables);
        let defining =
            [("SLURM_ARRAY_TASK_ID", "3"), ("SLURM_GPUS_PER_NODE", "h100:4"), ("SLURM_NTASKS", "8")];
        assert_eq!(found.defining, map(&defining));
        assert_eq!(found.varying.len(), 5);
        let asked = of(&["SLURM_JOB_ID"], &variables);
        assert!(asked.defining.contains_key("SLURM_JOB_ID"), "who names it wants it");
    }

    #[test]
    fn an_allocation() {
        let variables = map(&[
            ("SLURM_JOB_ID", "9"),
            ("SLURM_JOB_NUM_NODES", "4"),
            ("SLURM_JOB_PARTITION", "gpu"),
            ("SLURM_GPUS_PER_NODE", "8"),
            ("SLURM_MEM_PER_NODE", "512000"),
            ("SLURM_ARRAY_TASK_ID", "1"),
        ]);
        let found = allocation(|name| variables.get(name).map(OsString::from));
        let expected =
            [("gpus_per_node", "8"), ("mem_per_node", "512000"), ("num_nodes", "4"), ("partition", "gpu")];
        assert_eq!(found, Some(map(&expected)));
        assert_eq!(allocation(|_| None), None);
    }

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("A", "A", true),
            ("A", "AB", false),
            ("A*", "A", true),
            ("*", "", true),
            ("A*C", "ABC", true),
            ("A*C", "AC", true),
            ("A*A", "A", false),
            ("*B*D", "ABCD", true),
            ("*B*D", "ABCDE", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
