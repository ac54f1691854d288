//! Whether a name (of a variable, an option or a key) is that of a secret.
//!
//! The last word decides, as it does in English: an `api_key` is a key, a `key_dim` is a dimension, a
//! `password_file` is a file. Two words need another before them: `key` and `token` are as often harmless.

use crate::capture::redact::PLACEHOLDER;

/// Words that are secrets by themselves.
const SECRETS: &[&str] = &[
    "password",
    "passwords",
    "passwd",
    "passphrase",
    "pwd",
    "pw",
    "sshpass",
    "dbpass",
    "userpass",
    "smtppass",
    "pass",
    "secret",
    "secrets",
    "credential",
    "credentials",
    "creds",
    "apikey",
    "apikeys",
    "accesskey",
    "secretkey",
    "privatekey",
    "authkey",
    "accountkey",
    "authtoken",
    "accesstoken",
    "apitoken",
    "authorization",
    "auth",
    "bearer",
    "cookie",
    "jwt",
    "pat",
];

/// How names end that are written in one word.
const ENDINGS: &[&str] =
    &["password", "passwd", "passphrase", "apikey", "secretkey", "accesskey", "authtoken", "accesstoken"];

/// Whose key a secret key is. Other keys sort, join and attend.
const KEYS: &[&str] = &[
    "api",
    "access",
    "secret",
    "private",
    "auth",
    "account",
    "encryption",
    "signing",
    "signature",
    "service",
    "storage",
    "subscription",
    "shared",
    "master",
    "license",
    "ssh",
    "deploy",
    "app",
    "application",
    "client",
    "admin",
    "wandb",
    "comet",
    "neptune",
    "clearml",
    "mlflow",
    "openai",
    "anthropic",
    "gemini",
    "mistral",
    "cohere",
    "groq",
    "together",
    "kaggle",
    "hf",
    "aws",
    "azure",
    "gcp",
    "s3",
    "minio",
];

/// Tokens that are pieces of text, or are counted.
const TEXT_TOKENS: &[&str] = &[
    "pad",
    "padding",
    "eos",
    "bos",
    "unk",
    "unknown",
    "sep",
    "cls",
    "mask",
    "image",
    "img",
    "video",
    "audio",
    "speech",
    "text",
    "special",
    "stop",
    "start",
    "end",
    "begin",
    "eot",
    "sot",
    "next",
    "previous",
    "prev",
    "max",
    "min",
    "num",
    "n",
    "per",
    "prompt",
    "trigger",
    "placeholder",
    "initializer",
    "init",
    "first",
    "last",
    "new",
    "target",
    "source",
    "src",
    "tgt",
    "decoder",
    "encoder",
    "class",
    "time",
    "patch",
    "register",
    "additional",
    "extra",
    "language",
    "lang",
    "word",
    "sub",
    "control",
    "system",
    "assistant",
    "response",
    "instruction",
    "think",
    "thinking",
    "by",
    "cost",
    "multi",
    "single",
    "any",
    "each",
    "forced",
    "suppress",
    "bad",
    "query",
    "memory",
    "blank",
    "separator",
    "delimiter",
    "classifier",
    "concept",
    "input",
    "output",
    "total",
    "avg",
    "mean",
];

/// Words behind a name that change nothing: `API_KEY_PROD`, `password2`.
const TRAILING: &[&str] = &[
    "prod",
    "production",
    "dev",
    "staging",
    "old",
    "base",
    "base64",
    "b64",
    "hex",
    "value",
    "raw",
    "plain",
    "string",
];

/// Longer names are judged by their end.
const LONGEST: usize = 128;

/// Whether what bears this name is a secret.
pub(in crate::capture) fn is_secret(name: &str) -> bool {
    let from = name.len().saturating_sub(LONGEST);
    let Some(name) = (from..name.len()).find_map(|at| name.get(at..)) else { return false };
    let mut words = words(name);
    while words.last().is_some_and(|word| is_trailing(word)) {
        words.pop();
    }
    let Some(last) = words.pop() else { return false };
    let last = last.trim_end_matches(|c: char| c.is_ascii_digit());
    let before = words.last().map(String::as_str);
    match last {
        "key" | "keys" => before.is_some_and(|before| KEYS.contains(&before)),
        "token" => before.is_none_or(|before| !TEXT_TOKENS.contains(&before)),
        // Many tokens are text, unless they open something.
        "tokens" => {
            before.is_some_and(|before| matches!(before, "api" | "auth" | "access" | "bearer" | "refresh"))
        }
        "pass" => before.is_none_or(|before| {
            !matches!(
                before,
                "per"
                    | "num"
                    | "n"
                    | "one"
                    | "multi"
                    | "single"
                    | "forward"
                    | "backward"
                    | "first"
                    | "second"
            )
        }),
        word => SECRETS.contains(&word) || ENDINGS.iter().any(|end| word.ends_with(end)),
    }
}

fn is_trailing(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_digit()) || TRAILING.contains(&word)
}

/// The words of a name in lower case, parted as any convention parts them.
fn words(name: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in name.chars() {
        let starts = !before.is_alphanumeric() || (before.is_lowercase() && c.is_uppercase());
        if c.is_alphanumeric() {
            if starts {
                words.push(String::new());
            }
            if let Some(word) = words.last_mut() {
                word.extend(c.to_lowercase());
            }
        }
        before = c;
    }
    words
}

/// Whether a value is none at all, or one that gives nothing away: what stands for "no secret" or for one
/// that is elsewhere, a switch, a small number, a piece of text in brackets such as `<pad>` or `[MASK]`.
pub(in crate::capture) fn is_harmless(name: &str, value: &str) -> bool {
    let value = value.trim_matches(['"', '\'']);
    let word = value.to_ascii_lowercase();
    let nothing = matches!(
        word.as_str(),
        "" | "none"
            | "null"
            | "nil"
            | "true"
            | "false"
            | "yes"
            | "no"
            | "on"
            | "off"
            | "basic"
            | "bearer"
            | "auto"
            | "nan"
    );
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'{' | b'}');
    let variable = value.strip_prefix('$').is_some_and(|rest| rest.bytes().all(is_plain));
    let elsewhere = variable || value == PLACEHOLDER || value.bytes().all(|b| b == b'*');
    let is_password = words(name).iter().any(|word| word.starts_with("pass") && word != "pass");
    let number = !is_password && value.len() < 7 && value.parse::<f64>().is_ok();
    let text = (value.starts_with('<') && value.ends_with('>')
        || value.starts_with('[') && value.ends_with(']'))
        && value.len() < 24
        && name.to_ascii_lowercase().contains("token");
    nothing || elsewhere || number || text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_secrets() {
        for name in [
            "--pw",
            "SSHPASS",
            "--api-key",
            "api_key",
            "API_KEY",
            "apiKey",
            "OPENAI_API_KEY",
            "WANDB_API_KEY",
            "HF_TOKEN",
            "token",
            "--token",
            "hub.token",
            "access-token",
            "GITHUB_TOKEN",
            "AWS_SECRET_ACCESS_KEY",
            "aws_session_token",
            "password",
            "DB_PASSWORD",
            "dbpassword",
            "PGPASSWORD",
            "passwd",
            "secret",
            "client_secret",
            "client-secret",
            "--auth",
            "Authorization",
            "MYSQL_PWD",
            "SMTP_PASS",
            "private_key",
            "API_KEY_2",
            "API_KEY_PROD",
            "SECRET_KEY_BASE",
            "token2",
            "api_tokens",
            "AccountKey",
            "GOOGLE_CREDENTIALS",
            "+wandb.api_key",
            "X-Api-Key",
            "NEPTUNE_API_TOKEN",
            "use_auth_token",
            "authToken",
        ] {
            assert!(is_secret(name), "{name}");
        }
    }

    #[test]
    fn names_of_machine_learning() {
        for name in [
            "--lr",
            "--tokens",
            "--max-tokens",
            "max_new_tokens",
            "--tokenizer",
            "tokenizer_name",
            "--key-dim",
            "key",
            "--key",
            "--sort-key",
            "label_key",
            "image-key",
            "--pad-token",
            "eos_token",
            "mask_token",
            "num_token",
            "--placeholder-token",
            "tokens_per_batch",
            "token_dim",
            "password_file",
            "--secret-name",
            "api_key_env",
            "AWS_ACCESS_KEY_FILE",
            "keys",
            "--n-pass",
            "passes",
            "bypass",
            "compass",
            "author",
            "authors",
            "--patience",
            "pattern",
            "secretary",
            "cookies_dataset",
            "monkey",
            "--hidden",
            "token-type",
            "",
            "-",
            "CUDA_VISIBLE_DEVICES",
            "OMP_NUM_THREADS",
            "query_key",
            "attention_key",
            "num_tokens",
            "patch",
        ] {
            assert!(!is_secret(name), "{name}");
        }
    }

    #[test]
    fn values_that_give_nothing_away() {
        for value in ["", "none", "True", "512", "0.1", "***", "$TOKEN", "<redacted>", "[MASK]", "<pad>"] {
            assert!(is_harmless("token", value), "{value}");
        }
        for (name, value) in
            [("password", "1234"), ("db_password", "[x]"), ("token", "123456789"), ("token", "abc")]
        {
            assert!(!is_harmless(name, value), "{name} {value}");
        }
    }
}
