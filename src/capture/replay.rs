//! Which recorded variables are set again where a command is reproduced.
//!
//! A record may come from a stranger, and even an honest one comes from another person's machine. So a variable that
//! chooses what is executed, or says where a person's files are, is never taken from a record; the command gets that
//! of this machine, if there is one. What is left are switches and numbers, which results do depend on: threads,
//! algorithms, seeds. No list of programs' variables is complete. Names are therefore judged by what their words say
//! (`…_PATH`, `…_PLUGIN`), and a value that is a place keeps out any name. All of it is shown before anything runs.

use crate::capture::redact::PLACEHOLDER;

/// Why a recorded variable is not set again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeptOut {
    /// It says what a machine or a job has.
    Machine,
    /// It was a secret, and is not recorded.
    Secret,
    /// It chooses what is executed, or says where files are or who somebody is.
    Chooses,
    /// Its value is a place: a path or a URL.
    Place,
    /// It is no name that a shell could set.
    Name,
}

impl KeptOut {
    /// The reason, as a clause whose subject is the variable.
    pub fn reason(self) -> &'static str {
        match self {
            Self::Machine => "says what a machine or a job has",
            Self::Secret => "was a secret and is not recorded",
            Self::Chooses => "chooses what is executed or where files are",
            Self::Place => "holds a path or a URL of elsewhere",
            Self::Name => "has no valid name",
        }
    }
}

/// Families of variables, by how their names begin, that load code, choose programs, hold a person's settings, or say
/// where the files and services of a person are.
const PREFIXES: &[&str] = &[
    // The loader, the C library and the shell
    "LD_",
    "DYLD_",
    "GLIBC_",
    "GCONV_",
    "MALLOC_",
    "BASH",
    "ZSH",
    "XDG_",
    "DBUS_",
    "GIO_",
    "GTK_",
    "QT_",
    "MDL_",
    // Tools that fetch, sign and log in
    "GIT_",
    "SSH_",
    "GPG_",
    "SVN_",
    "CURL_",
    "SSL_",
    "OPENSSL_",
    "REQUESTS_",
    "HTTP_",
    "HTTPS_",
    "AWS_",
    "AZURE_",
    "ARM_",
    "GOOGLE_",
    "GCLOUD_",
    "CLOUDSDK_",
    "KUBE",
    "DOCKER_",
    "CONTAINER_",
    "HELM_",
    "VAULT_",
    "CONSUL_",
    "NETRC",
    "MYSQL_",
    // Interpreters, their packages and environments
    "PYTHON",
    "PYENV_",
    "PIP_",
    "PIPX_",
    "PIPENV_",
    "POETRY_",
    "UV_",
    "VIRTUALENV_",
    "VIRTUAL_ENV",
    "CONDA_",
    "_CONDA_",
    "MAMBA_",
    "IPYTHON",
    "JUPYTER_",
    "PERL",
    "RUBY",
    "GEM_",
    "BUNDLE_",
    "NPM_",
    "YARN_",
    "DENO_",
    "BUN_",
    "JAVA",
    "_JAVA",
    "JDK_",
    "MAVEN_",
    "GRADLE_",
    "LUA_",
    "TCL",
    "JULIA_",
    "RUST",
    "CARGO_",
    "GHC",
    "DOTNET_",
    "COMPLUS_",
    "CORECLR_",
    // Compilers and builds
    "CMAKE_",
    "CC_",
    "CXX_",
    "GCC_",
    "NVCC_",
    "CUDAHOST",
    "CCACHE_",
    "NINJA_",
    "TORCH_EXTENSION",
    // Tools that are loaded into a program
    "CUDA_INJECTION",
    "NVTX_INJECTION",
    "NVBIT",
    "SANITIZER_",
    "ASAN_",
    "LSAN_",
    "TSAN_",
    "UBSAN_",
    "ROCP_",
    "ROCPROFILER_",
    "VK_",
    "OCL_",
    "NSYS_",
];

/// Variables of this kind whose names no prefix and no word says.
const NAMES: &[&str] = &[
    "ENV",
    "SHELL",
    "SHELLOPTS",
    "IFS",
    "CDPATH",
    "ZDOTDIR",
    "PROMPT_COMMAND",
    "FCEDIT",
    "USER",
    "USERNAME",
    "LOGNAME",
    "MAIL",
    "HOSTNAME",
    "PWD",
    "OLDPWD",
    "PS1",
    "PS2",
    "PS4",
    "TMP",
    "TEMP",
    "EDITOR",
    "VISUAL",
    "PAGER",
    "BROWSER",
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "TERM",
    "TERMINFO",
    "TERMCAP",
    "HOSTALIASES",
    "RES_OPTIONS",
    "LOCALDOMAIN",
    "COMSPEC",
    "PATHEXT",
    "SYSTEMROOT",
    "WINDIR",
    "APPDATA",
    "LOCALAPPDATA",
    "USERPROFILE",
    "PROGRAMDATA",
    "CC",
    "CXX",
    "CPP",
    "FC",
    "AR",
    "AS",
    "LINK",
    "CFLAGS",
    "CXXFLAGS",
    "CPPFLAGS",
    "LDFLAGS",
    "MAKEFLAGS",
    "MAKEFILES",
    "GOFLAGS",
    "GOROOT",
    "HGRC",
    "PGHOST",
    "PGSERVICE",
    "PGPASSFILE",
    "NODE_OPTIONS",
    "NODE_EXTRA_CA_CERTS",
    "PHPRC",
    "R_PROFILE",
    "R_PROFILE_USER",
    "R_ENVIRON",
    "R_ENVIRON_USER",
    "SSLKEYLOGFILE",
    "LESS",
    "LESSOPEN",
    "LESSCLOSE",
    "MANPAGER",
    "VIMINIT",
    "EXINIT",
    "INPUTRC",
    "SUDO_ASKPASS",
    "TORCHINDUCTOR_CPP_WRAPPER",
];

/// Words of a name that say that it chooses a program, a library, a file or a service.
const WORDS: &[&str] = &[
    "PATH",
    "PATHS",
    "HOME",
    "ROOT",
    "DIR",
    "DIRS",
    "DIRECTORY",
    "DIRECTORIES",
    "FOLDER",
    "FILE",
    "FILES",
    "FILENAME",
    "PREFIX",
    "LIB",
    "LIBS",
    "LIBRARY",
    "LIBRARIES",
    "PLUGIN",
    "PLUGINS",
    "PRELOAD",
    "AUDIT",
    "INJECTION",
    "INJECTION64",
    "INJECTION32",
    "HOOK",
    "HOOKS",
    "SHELL",
    "EDITOR",
    "PAGER",
    "BROWSER",
    "ASKPASS",
    "COMMAND",
    "CMD",
    "EXEC",
    "EXE",
    "EXECUTABLE",
    "BIN",
    "PROGRAM",
    "WRAPPER",
    "LAUNCHER",
    "COMPILER",
    "TOOL",
    "TOOLS",
    "PROXY",
    "RC",
    "STARTUP",
    "SOCK",
    "SOCKET",
    "HOST",
    "HOSTNAME",
    "SERVER",
    "ENDPOINT",
    "URL",
    "URI",
    "ADDR",
    "ADDRESS",
    "LOGDEST",
    "DUMP",
    "KUBECONFIG",
];

/// How names end that are written in one word: `PYTHONPATH`, `TMPDIR`, `https_proxy`.
const ENDINGS: &[&str] = &["PATH", "HOME", "DIR", "PROXY", "PRELOAD", "SHELL", "EDITOR", "CONFIG_FILE"];

/// Names that the rules above would keep out, and whose values are switches or numbers.
const SWITCHES: &[&str] = &["PYTHONHASHSEED", "PYTHONUTF8", "PYTHONOPTIMIZE", "PYTHONUNBUFFERED"];

/// Why a recorded variable is not set again; `None` where it is.
pub fn kept_out(name: &str, value: &str) -> Option<KeptOut> {
    if !is_name(name) || value.contains('\0') {
        return Some(KeptOut::Name);
    }
    if value.contains(PLACEHOLDER) {
        return Some(KeptOut::Secret);
    }
    // Systems differ in whether case tells variables apart, and programs read some of them in either.
    let upper = name.to_ascii_uppercase();
    if upper.starts_with("SLURM_") || upper.contains("VISIBLE_DEVICES") || upper.contains("IFNAME") {
        return Some(KeptOut::Machine);
    }
    if !SWITCHES.contains(&upper.as_str()) && chooses(&upper) {
        return Some(KeptOut::Chooses);
    }
    is_place(value).then_some(KeptOut::Place)
}

fn is_name(name: &str) -> bool {
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    name.bytes().all(plain) && !name.is_empty() && !name.as_bytes()[0].is_ascii_digit()
}

fn chooses(name: &str) -> bool {
    NAMES.contains(&name)
        || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || ENDINGS.iter().any(|end| name.ends_with(end))
        || name.split('_').any(|word| WORDS.contains(&word))
}

/// Whether a value is, or has in it, an absolute path, one that leads out of its folder, or a URL. A name with a slash
/// in it, such as that of a model, is none.
fn is_place(value: &str) -> bool {
    let bytes = value.as_bytes();
    let begins = |at: usize| at == 0 || b"=:;,| \t\n\"'(@".contains(&bytes[at - 1]);
    let drive = |at: usize| {
        bytes[at].is_ascii_alphabetic() && matches!(bytes.get(at + 1..at + 3), Some([b':', b'\\' | b'/']))
    };
    (0..bytes.len()).any(|at| {
        let rest = &bytes[at..];
        rest.starts_with(b"://")
            || (begins(at)
                && (matches!(bytes[at], b'/' | b'~' | b'\\') || rest.starts_with(b"..") || drive(at)))
            || rest.starts_with(b"/../")
            || rest == b"/.."
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_chooses_programs_and_files_is_kept_out() {
        for name in [
            "LD_PRELOAD",
            "LD_AUDIT",
            "LD_LIBRARY_PATH",
            "DYLD_INSERT_LIBRARIES",
            "PATH",
            "HOME",
            "BASH_ENV",
            "ENV",
            "PYTHONPATH",
            "PYTHONSTARTUP",
            "PYTHONHOME",
            "PYTHONUSERBASE",
            "PYTHONBREAKPOINT",
            "PYTHONWARNINGS",
            "GIT_SSH_COMMAND",
            "GIT_CONFIG_COUNT",
            "SSH_AUTH_SOCK",
            "SSH_ASKPASS",
            "XDG_CONFIG_HOME",
            "TMPDIR",
            "SHELL",
            "PERL5LIB",
            "PERL5OPT",
            "RUBYOPT",
            "RUBYLIB",
            "NODE_OPTIONS",
            "NODE_PATH",
            "JAVA_TOOL_OPTIONS",
            "_JAVA_OPTIONS",
            "EDITOR",
            "GIT_PAGER",
            "PAGER",
            "GCONV_PATH",
            "GLIBC_TUNABLES",
            "MALLOC_CHECK_",
            "IFS",
            "PS4",
            "PROMPT_COMMAND",
            "CUDA_INJECTION64_PATH",
            "NVBIT_VERBOSE",
            "NVTX_INJECTION64_PATH",
            "https_proxy",
            "ALL_PROXY",
            "no_proxy",
            "VIRTUAL_ENV",
            "CONDA_PREFIX",
            "AWS_CONFIG_FILE",
            "KUBECONFIG",
            "GOOGLE_APPLICATION_CREDENTIALS",
            "PIP_INDEX_URL",
            "UV_INDEX",
            "NCCL_NET_PLUGIN",
            "NCCL_TUNER_PLUGIN",
            "NCCL_CONF_FILE",
            "OMP_TOOL_LIBRARIES",
            "HSA_TOOLS_LIB",
            "CUBLAS_LOGDEST_DBG",
            "TORCH_HOME",
            "TORCH_EXTENSIONS_DIR",
            "JAX_COMPILATION_CACHE_DIR",
            "CUDA_CACHE_PATH",
            "CUDA_HOME",
            "HF_HOME",
            "HF_ENDPOINT",
            "MY_DATA_DIR",
            "Path",
            "ld_preload",
            "CUDAHOSTCXX",
            "MLFLOW_TRACKING_URI",
            "LOCPATH",
            "CDPATH",
            "MPLCONFIGDIR",
            "MASTER_ADDR",
            "ZDOTDIR",
            "HOSTALIASES",
            "SSLKEYLOGFILE",
            "SSL_CERT_FILE",
        ] {
            assert_eq!(kept_out(name, "x"), Some(KeptOut::Chooses), "{name}");
        }
        for name in ["", "1A", "A=B", "BASH_FUNC_x%%", "A B", "A\0", "É", "A-B"] {
            assert_eq!(kept_out(name, "x"), Some(KeptOut::Name), "{name}");
        }
        for name in ["SLURM_NTASKS", "CUDA_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES", "NCCL_SOCKET_IFNAME"] {
            assert_eq!(kept_out(name, "0"), Some(KeptOut::Machine), "{name}");
        }
        assert_eq!(kept_out("MY_KEY", PLACEHOLDER), Some(KeptOut::Secret));
    }

    #[test]
    fn what_results_depend_on_is_set_again() {
        for (name, value) in [
            ("OMP_NUM_THREADS", "8"),
            ("OMP_PLACES", "{0:4},{4:4}"),
            ("KMP_AFFINITY", "granularity=fine,compact,1,0"),
            ("MKL_CBWR", "COMPATIBLE"),
            ("CUBLAS_WORKSPACE_CONFIG", ":4096:8"),
            ("PYTHONHASHSEED", "0"),
            ("TF_DETERMINISTIC_OPS", "1"),
            ("TF_CPP_MIN_LOG_LEVEL", "2"),
            ("XLA_FLAGS", "--xla_gpu_deterministic_ops=true --xla_cpu_multi_thread_eigen=false"),
            ("XLA_PYTHON_CLIENT_MEM_FRACTION", ".75"),
            ("NCCL_ALGO", "Ring"),
            ("NVIDIA_TF32_OVERRIDE", "0"),
            ("PYTORCH_CUDA_ALLOC_CONF", "max_split_size_mb:128"),
            ("TORCH_NUM_THREADS", "4"),
            ("OPENBLAS_CORETYPE", "Haswell"),
            ("MODEL", "org/model-7b"),
            ("MY_FLAG", "a/b, c/d"),
            ("FOLD", "3"),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "Europe/Zurich"),
            ("MANUAL_SEED", "7"),
            ("PG_WEIGHT", "0.5"),
            ("WEIGHT_INIT", "xavier"),
            ("LORA_MODULES", "q,v"),
        ] {
            assert_eq!(kept_out(name, value), None, "{name}={value}");
        }
    }

    #[test]
    fn places_are_kept_out_whatever_they_are_called() {
        for value in [
            "/home/x",
            "~/x",
            "../x",
            "a/../b",
            "a/..",
            "--xla_dump_to=/tmp/x",
            "a:/b",
            "C:\\x",
            "x=c:/y",
            "\\\\host\\x",
            "https://host/x",
            "\"/x\"",
            "@/x",
            "a /b",
        ] {
            assert_eq!(kept_out("MY_FLAG", value), Some(KeptOut::Place), "{value}");
        }
        assert_eq!(kept_out("XLA_FLAGS", "--xla_gpu_cuda_data_dir=/x"), Some(KeptOut::Place));
    }
}
