use super::*;

/// A token with this beginning and a body of letters and digits of this length.
fn made(start: &str, len: usize) -> String {
    let body = "QQQQ7aB3dE5fG7hJ9kL1mN3pR5sT7vX9zB1cD3eF5gH7jK9mP2".chars().cycle().take(len);
    start.chars().chain(body).collect()
}

fn tokens() -> Vec<String> {
    let upper = |start: &str| format!("{start}QQQQ7ABCDEFGHIJK");
    let mut tokens = vec![upper("AKIA"), upper("ASIA")];
    for (start, len) in [
        ("ghp_", 36),
        ("gho_", 36),
        ("github_pat_", 82),
        ("glpat-", 20),
        ("hf_", 34),
        ("sk-", 48),
        ("sk-proj-", 80),
        ("sk-ant-api03-", 90),
        ("xoxb-123456789012-", 24),
        ("xapp-1-", 30),
        ("AIza", 35),
        ("ya29.", 60),
        ("sk_live_", 24),
        ("rk_test_", 24),
        ("npm_", 36),
        ("pypi-AgEIcHlwaS5vcmc", 120),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.", 43),
        ("https://hooks.slack.com/services/T000/B000/", 24),
    ] {
        tokens.push(made(start, len));
    }
    tokens
}

#[test]
fn tokens_by_their_shape() {
    for token in tokens() {
        for line in [
            token.clone(),
            format!("a {token} b"),
            format!("url=https://host/{token}/x"),
            format!("\"{token}\""),
            format!("x=a\\n{token}\\n"),
            format!("q%3D{token}"),
        ] {
            let clean = text(&line);
            assert!(!clean.contains("QQQQ"), "{line} became {clean}");
            assert!(clean.contains(PLACEHOLDER));
            assert_eq!(text(&clean), clean);
        }
    }
}

#[test]
fn secrets_by_their_name() {
    for (line, expected) in [
        ("api_key: QQQQ next", "api_key: <redacted> next"),
        ("{\"api_key\": \"QQQQ q\", \"lr\": 1}", "{\"api_key\": \"<redacted>\", \"lr\": 1}"),
        ("{'password': 'QQ\\'QQ'}", "{'password': '<redacted>'}"),
        ("\"{\\\"token\\\": \\\"QQQQ\\\"}\"", "\"{\\\"token\\\": \\\"<redacted>\\\"}\""),
        ("WANDB_API_KEY=QQQQ python x", "WANDB_API_KEY=<redacted> python x"),
        ("--token QQQQ --lr 1", "--token <redacted> --lr 1"),
        ("Authorization: Bearer QQQQ", "Authorization: <redacted>"),
        ("curl -H 'Authorization: Basic QQ QQ' h", "curl -H 'Authorization: <redacted>' h"),
        ("Server=h;User=u;Password=QQQQ;Database=d", "Server=h;User=u;Password=<redacted>;Database=d"),
        ("AccountName=a;AccountKey=QQQQ==;Suffix=b", "AccountName=a;AccountKey=<redacted>;Suffix=b"),
        ("with bearer QQQQ567890123456.", "with bearer <redacted>"),
        ("https://u:QQQQ@host/x", "https://<redacted>@host/x"),
        ("https://u:QQ/QQ@host/x", "https://<redacted>@host/x"),
        ("https://host/x?sv=1&sig=QQQQ%3D end", "https://host/x?<redacted> end"),
        ("abfss://c@account.host/x?sig=QQQQ", "abfss://<redacted>@account.host/x?<redacted>"),
        ("https://host/proxy/u:QQQQ@inner/x", "https://<redacted>@inner/x"),
        ("see https://QQQQ@h, then", "see https://<redacted>@h, then"),
        ("redis://:QQQQ@h:6379/0", "redis://<redacted>@h:6379/0"),
    ] {
        assert_eq!(text(line), expected);
        assert_eq!(text(expected), expected, "twice is once");
    }
}

#[test]
fn the_secret_of_amazon_beside_its_id() {
    let secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYQQQQQQQKEY";
    assert_eq!(secret.len(), 40);
    let clean = text("AKIAIOSFODNN7EXAMPLE wJalrXUtnFEMI/K7MDENG/bPxRfiCYQQQQQQQKEY ok").into_owned();
    assert_eq!(clean, "<redacted> <redacted> ok");
    let far = format!("{} {secret}", "x".repeat(30));
    assert_eq!(text(&far), far, "forty characters by themselves are no secret");
}

#[test]
fn private_keys() {
    let key = "a\n-----BEGIN RSA PRIVATE KEY-----\nQQQQ\nQQQQ\n-----END RSA PRIVATE KEY-----\nb";
    assert_eq!(text(key), "a\n<redacted>\nb");
    assert_eq!(text("-----BEGIN OPENSSH PRIVATE KEY-----\\nQQQQ"), "<redacted>");
    let public = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
    assert_eq!(text(public), public);
}

#[test]
fn lines_of_training_stay() {
    for line in [
        "epoch 3: loss=0.123 tokens: 51200 tokens/s=1234 max_tokens=512",
        "step 10 | next_token: the | pad_token: '<pad>' | eos_token=</s> eos_token_id=2",
        "Loading tokenizer gpt2 from hf_models/gpt2_tokenizer at 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b",
        "https://host:8080/x@v1 and https://medium.com/@user/post and git+https://host/x.git@main",
        "key: value, keys: [1, 2], label_key = 'y', monkey: 3, password: None, token=",
        "sk-learn-is-not-a-secret-but-a-library-with-a-long-name task-0123456789abcdef",
        "the bearer of news and the secret of success: work",
        "größe=ü token: <pad> --token --lr 3",
        "AKIA short, hf_hub_download(repo_id), ghp_ alone, eyJ alone, eyJhbGciOiJIUzI1NiJ9",
        "2026-01-01T00:00:00 [INFO] pass: 3 auth: none",
    ] {
        assert_eq!(text(line), line);
        assert!(matches!(text(line), Cow::Borrowed(_)));
    }
}

#[test]
fn long_lines_cost_what_their_length_does() {
    for unit in [
        "a",
        "-",
        "a.",
        "://",
        "a://",
        "a://@x",
        "eyJ-",
        "eyJ.",
        "--token ",
        "token=",
        "token:\"",
        "-----BEGIN ",
        "AKIAQQQQ7ABCDEFGHIJK ",
        "sk-",
        "%3D",
        "\\n",
        "https://h/?a=b ",
        "ghp_",
        "password='",
        "a@",
        "é=",
        "-----BEGIN PRIVATE KEY",
        "Bearer ",
    ] {
        let line = unit.repeat((128 << 10) / unit.len());
        let start = std::time::Instant::now();
        let _ = text(&line);
        // In a build without optimisation, on a busy machine: what is quadratic takes hours.
        assert!(start.elapsed() < std::time::Duration::from_secs(20), "{unit:?}: {:?}", start.elapsed());
    }
}

proptest::proptest! {
    #[test]
    fn no_text_is_too_strange(line in ".{0,200}") {
        let clean = text(&line).into_owned();
        proptest::prop_assert_eq!(text(&clean), clean.as_str());
    }

    #[test]
    fn made_of_what_is_looked_for(
        parts in proptest::collection::vec("(token|=|:|\"|'|\\\\|://|@|\\?|#|ü| |--api-key|Bearer|eyJ|AKIA|-----BEGIN |PRIVATE KEY-----|a|7)", 0..40)
    ) {
        let _ = text(&parts.concat());
    }

    #[test]
    fn a_token_in_any_place_is_found(
        before in "([ -~]{0,20}[ =:/\"'(,])?", at in 0usize..18, after in "([ \"'),;][ -~]{0,20})?",
    ) {
        let line = format!("{before}{}{after}", tokens()[at]);
        let clean = text(&line);
        proptest::prop_assert!(!clean.contains("QQQQ"), "{} became {}", line, clean);
    }
}
