//! Takes secrets out of a command and says where they were.

use crate::capture::redact::{PLACEHOLDER, name, text};

/// Options of programs other than those of training that take a secret without saying so in their name.
const SHORT: &[(&str, &[&str])] = &[("curl", &["-u", "--user"]), ("sshpass", &["-p"])];

/// The words of a command without secrets, and which were taken out: `argument --api-key`, `argument 3`, which
/// counts the program as 0. Options and `key=value` are known by their names; everything else by its shape.
pub fn command(words: &[String]) -> (Vec<String>, Vec<String>) {
    let mut redacted = Vec::new();
    let mut clean: Vec<String> = Vec::with_capacity(words.len());
    for (at, word) in words.iter().enumerate() {
        let option = at.checked_sub(1).map(|before| words[before].as_str());
        let is_secret =
            |option: &&str| takes_secret(words, at - 1, option) || is_short_password(words, option, word);
        if let Some(option) = option.filter(is_secret)
            && is_value(option, word)
        {
            redacted.push(format!("argument {option}"));
            clean.push(PLACEHOLDER.to_owned());
            continue;
        }
        let script = option.is_some_and(is_script_option);
        let (cleaned, what) = one(at, word, script);
        redacted.extend(what);
        clean.push(cleaned);
    }
    (clean, redacted)
}

/// Whether a word is an option whose value is the next word, and a secret.
fn takes_secret(words: &[String], at: usize, option: &str) -> bool {
    let listed = || {
        let program = |word: &String| word.rsplit(['/', '\\']).next().map(str::to_owned);
        words[..at]
            .iter()
            .filter_map(program)
            .any(|program| SHORT.iter().any(|(name, options)| *name == program && options.contains(&option)))
    };
    option.starts_with('-') && !option.contains(['=', ' ']) && (name::is_secret(option) || listed())
}

/// Whether the word behind a bare `-p` is a password and no port, path, partition or parameter: beside a user it is,
/// unless it is a number; elsewhere it has to look like one. What is shorter or plainer stays.
fn is_short_password(words: &[String], option: &str, word: &str) -> bool {
    if !matches!(option, "-p" | "-P") || word.parse::<f64>().is_ok() || word.contains(['/', '=']) {
        return false;
    }
    let is_user = |word: &String| matches!(word.as_str(), "-u" | "-U" | "--user" | "--username" | "--login");
    let has = |is: fn(u8) -> bool| word.bytes().any(is);
    let mixed = has(|b| b.is_ascii_uppercase()) && has(|b| b.is_ascii_lowercase());
    let symbol = has(|b| b.is_ascii_punctuation() && !b"._-:,".contains(&b));
    let looks_like_one = word.len() >= 8
        && has(|b| b.is_ascii_alphabetic())
        && has(|b| b.is_ascii_digit())
        && (mixed || symbol);
    words.iter().any(is_user) || looks_like_one
}

/// Whether a word behind an option is its value, and not another option. A secret may begin with a dash.
fn is_value(option: &str, word: &str) -> bool {
    let another = word.starts_with("--") || (word.starts_with('-') && word.len() < 8);
    !another && !name::is_harmless(option, word)
}

/// Whether the word behind this option is a script (`sh -c`, `bash -lc`): an assignment there ends at a space.
fn is_script_option(option: &str) -> bool {
    option.len() < 5 && option.starts_with('-') && option.ends_with('c')
}

/// One word by itself, and what was taken out of it.
fn one(at: usize, word: &str, script: bool) -> (String, Option<String>) {
    if !script
        && let Some((key, value)) = word.split_once('=')
        && is_key(key)
        && name::is_secret(key)
        && !name::is_harmless(key, value)
    {
        return (format!("{key}={PLACEHOLDER}"), Some(format!("argument {key}")));
    }
    let cleaned = text(word);
    let what = (cleaned != word).then(|| format!("argument {at}"));
    (cleaned.into_owned(), what)
}

/// Whether this can be the name of an option or key: no text with spaces, no URL.
fn is_key(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-.+~/@".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn redact(words: &str) -> (String, Vec<String>) {
        let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
        let (words, redacted) = command(&words);
        (words.join(" "), redacted)
    }

    #[test]
    fn secrets_by_name() {
        for (words, expected, what) in [
            ("t --api-key SECRET --lr 1", "t --api-key <redacted> --lr 1", "argument --api-key"),
            ("t --api-key=SECRET", "t --api-key=<redacted>", "argument --api-key"),
            ("t -token SECRET", "t -token <redacted>", "argument -token"),
            ("t +wandb.api_key=SECRET", "t +wandb.api_key=<redacted>", "argument +wandb.api_key"),
            ("env HF_TOKEN=SECRET python t", "env HF_TOKEN=<redacted> python t", "argument HF_TOKEN"),
            ("t --password -SECRETSECRET", "t --password <redacted>", "argument --password"),
            ("t --password=a\tSECRET", "t --password=<redacted>", "argument --password"),
            ("t --password 1234", "t --password <redacted>", "argument --password"),
            ("t --password=a=SECRET", "t --password=<redacted>", "argument --password"),
            ("curl -u me:SECRET h", "curl -u <redacted> h", "argument -u"),
            ("t --pw SECRET", "t --pw <redacted>", "argument --pw"),
            ("db -u me -p SECRET", "db -u me -p <redacted>", "argument -p"),
            ("db -p Hunter2SECRET", "db -p <redacted>", "argument -p"),
            ("t -p s3cret!word", "t -p <redacted>", "argument -p"),
            ("t -- --api-key SECRET", "t -- --api-key <redacted>", "argument --api-key"),
            ("t -- --api-key=SECRET", "t -- --api-key=<redacted>", "argument --api-key"),
            (
                "srun -- t --x 1 -- --token SECRET",
                "srun -- t --x 1 -- --token <redacted>",
                "argument --token",
            ),
            ("sshpass -p SECRET ssh h", "sshpass -p <redacted> ssh h", "argument -p"),
            ("t --db postgres://u:SECRET@h/x", "t --db postgres://<redacted>@h/x", "argument 2"),
        ] {
            assert_eq!(redact(words), (expected.to_owned(), vec![what.to_owned()]), "{words}");
        }
        let script = ["sh", "-c", "A_TOKEN=SECRET t --api-key SECRET -H 'Authorization: Bearer SECRET'"];
        let (words, redacted) = command(&script.map(str::to_owned));
        assert_eq!(words[2], "A_TOKEN=<redacted> t --api-key <redacted> -H 'Authorization: <redacted>'");
        assert_eq!(redacted, ["argument 2"]);
    }

    #[test]
    fn ordinary_commands_stay_as_they_are() {
        for words in [
            "python train.py --lr=0.1 --tokens 512 --max-tokens=4096 --tokenizer gpt2 --key-dim 64 --seed 7",
            "python -m torch.distributed.run --nproc-per-node 8 --master-port 29500 train.py -p 3",
            "t --pad-token <pad> --mask_token [MASK] --token 512 --eos-token </s> --use-auth-token true",
            "t --api-key-env OPENAI_KEY --password-file /run/secret --auth none --token --lr 0.1",
            "t data/9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08.csv hf://datasets/x/y@main",
            "t s3://bucket/part-?.csv https://medium.com/@user/post git+https://host/x@v1.2 user@host:/x",
            "t model.key=value optimizer=adam params/optim=sgd --filter a==b 'x != y' --sk-learn-baseline-model-v2",
            "t -p 8080 -p train -p lr=0.1 -p data/Part1x.csv -p gpu-a100 -p v1.2.3-rc1",
            "psql -U me -p 5432",
            "t --secret-sauce-ratio 0.3 --sort-key name key=age --pass 3 --compass north",
        ] {
            assert_eq!(redact(words), (words.to_owned(), vec![]), "{words}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_a_secret_is_named_does_not_matter_to_its_absence(
            name in "(--api[-_]key|--token|--hf-token|--password|--client-secret|--aws-secret-access-key)",
            secret in "[!-~]{0,6}QQQQ[!-~]{4,12}",
        ) {
            proptest::prop_assume!(!secret.starts_with('-') && !secret.starts_with('$'));
            proptest::prop_assume!(!secret.starts_with(['<', '[']));
            for words in [vec![name.clone(), secret.clone()], vec![format!("{name}={secret}")]] {
                let (clean, redacted) = command(&words);
                proptest::prop_assert!(!clean.concat().contains("QQQQ"), "{:?} became {:?}", words, clean);
                proptest::prop_assert_eq!(redacted.len(), 1);
            }
        }

        #[test]
        fn hyperparameters_stay(
            name in "--(lr|batch-size|max-tokens|tokenizer|key-dim|dropout|n-layers|data|pad-token|out)",
            value in "([0-9]{1,6}|0\\.[0-9]{1,6}|[a-z]{1,12}(/[a-z0-9_.]{1,12}){0,3}|[0-9a-f]{40}|[0-9a-f]{64})",
        ) {
            for words in [vec![name.clone(), value.clone()], vec![format!("{name}={value}")]] {
                proptest::prop_assert_eq!(command(&words), (words, vec![]));
            }
        }
    }
}
