//! Shapes that only secrets have: the tokens of well-known services, signed tokens, private keys.
//!
//! Each token has a beginning that its service chose so that it can be found. Bodies are at least as long as here.

/// Which characters the body of a token has.
#[derive(Clone, Copy)]
enum Body {
    Upper,
    Alnum,
    /// Letters, digits, `_` and `-`.
    Word,
    /// Those and `.`, `/`, `+`, `=`, `%`, `~`.
    Any,
}

impl Body {
    fn has(self, b: u8) -> bool {
        match self {
            Body::Upper => b.is_ascii_uppercase() || b.is_ascii_digit(),
            Body::Alnum => b.is_ascii_alphanumeric(),
            Body::Word => b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'),
            Body::Any => b.is_ascii_alphanumeric() || b"_-./+=%~".contains(&b),
        }
    }
}

/// Beginning, characters of the body, and the least length of the body.
const TOKENS: &[(&str, Body, usize)] = &[
    // Amazon: the id of a key, whose secret may stand beside it
    ("AKIA", Body::Upper, 16),
    ("ASIA", Body::Upper, 16),
    // GitHub, GitLab
    ("ghp_", Body::Alnum, 30),
    ("gho_", Body::Alnum, 30),
    ("ghu_", Body::Alnum, 30),
    ("ghs_", Body::Alnum, 30),
    ("ghr_", Body::Alnum, 30),
    ("github_pat_", Body::Word, 22),
    ("glpat-", Body::Any, 20),
    ("gldt-", Body::Any, 20),
    ("glrt-", Body::Any, 20),
    ("glptt-", Body::Any, 20),
    ("glcbt-", Body::Any, 20),
    // Hugging Face, OpenAI, Anthropic, Weights & Biases, Replicate, Groq, NVIDIA, Databricks
    ("hf_", Body::Alnum, 30),
    ("api_org_", Body::Alnum, 30),
    ("sk-ant-", Body::Word, 20),
    ("sk-proj-", Body::Word, 20),
    ("sk-svcacct-", Body::Word, 20),
    ("sk-admin-", Body::Word, 20),
    ("sk-or-v1-", Body::Word, 20),
    ("sk-", Body::Alnum, 32),
    ("wandb_v1_", Body::Word, 20),
    ("r8_", Body::Alnum, 36),
    ("gsk_", Body::Alnum, 40),
    ("nvapi-", Body::Word, 40),
    ("dapi", Body::Alnum, 32),
    // Slack, Discord, SendGrid
    ("xoxb-", Body::Word, 10),
    ("xoxp-", Body::Word, 10),
    ("xoxa-", Body::Word, 10),
    ("xoxr-", Body::Word, 10),
    ("xoxs-", Body::Word, 10),
    ("xoxe-", Body::Word, 10),
    ("xapp-", Body::Word, 10),
    ("hooks.slack.com/services/", Body::Any, 8),
    ("discord.com/api/webhooks/", Body::Any, 8),
    ("SG.", Body::Any, 40),
    // Google
    ("AIza", Body::Word, 35),
    ("ya29.", Body::Any, 20),
    ("GOCSPX-", Body::Word, 20),
    // Stripe
    ("sk_live_", Body::Alnum, 16),
    ("sk_test_", Body::Alnum, 16),
    ("rk_live_", Body::Alnum, 16),
    ("rk_test_", Body::Alnum, 16),
    ("whsec_", Body::Any, 16),
    // Package indexes
    ("npm_", Body::Alnum, 36),
    ("pypi-", Body::Word, 50),
];

/// The bytes that a token begins with: most words of a text need no closer look.
const FIRST: [bool; 256] = {
    let mut first = [false; 256];
    let mut at = 0;
    while at < TOKENS.len() {
        first[TOKENS[at].0.as_bytes()[0] as usize] = true;
        at += 1;
    }
    first
};

/// Ids of keys whose secret, forty characters without a shape, often stands near.
pub(super) fn is_amazon(token: &str) -> bool {
    token.starts_with("AKIA") || token.starts_with("ASIA")
}

/// Length of the secret that begins at this byte, which is the first of a word.
pub(super) fn token(bytes: &[u8]) -> Option<usize> {
    if !bytes.first().is_some_and(|first| FIRST[usize::from(*first)]) {
        return None;
    }
    TOKENS.iter().find_map(|(start, body, least)| {
        let rest = bytes.strip_prefix(start.as_bytes())?;
        // The least is looked at first, so that what fails fails early.
        if rest.len() < *least || !rest[..*least].iter().all(|b| body.has(*b)) {
            return None;
        }
        let len = rest.iter().take_while(|b| body.has(**b)).count();
        // The id of a key of Amazon has one length.
        let exact = !matches!(body, Body::Upper) || len == *least;
        exact.then_some(start.len() + len)
    })
}

/// Length of the signed token that begins here: three or more parts of base64, of which the first is a map.
/// To be asked where a run of its characters begins and nowhere else, as all of the run is looked at.
pub(super) fn signed(bytes: &[u8]) -> Option<usize> {
    if !bytes.starts_with(b"eyJ") {
        return None;
    }
    let len = bytes.iter().take_while(|b| Body::Word.has(**b) || **b == b'.').count();
    let parts: Vec<usize> = bytes[..len].split(|b| *b == b'.').take(6).map(<[u8]>::len).collect();
    (parts.len() >= 3 && parts[0] >= 10 && parts[1] >= 4).then_some(len)
}

/// The part of a text that is a private key, from its first dashes on. Without its end, all that follows is it.
pub(super) fn private_key(text: &str) -> Option<usize> {
    let label = text.strip_prefix("-----BEGIN ")?;
    let dashes = label.as_bytes().iter().take(48).position(|b| *b == b'-')?;
    label.get(..dashes)?.contains("PRIVATE KEY").then_some(())?;
    let body = text.len() - label.len() + dashes + 5;
    let end = text.get(body..).and_then(|rest| {
        let at = rest.find("-----END ")?;
        let close = rest[at + 9..].find("-----")?;
        Some(body + at + 9 + close + 5)
    });
    Some(end.unwrap_or(text.len()))
}

/// Length of a run of exactly forty characters, as the secrets of Amazon have them.
pub(super) fn forty(bytes: &[u8]) -> Option<usize> {
    let is = |b: &&u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'+');
    (bytes.iter().take(41).take_while(is).count() == 40).then_some(40)
}
