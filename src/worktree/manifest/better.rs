//! Which direction of a metric is better: what the manifest declares, and what the field takes for granted.

use crate::object::Direction;
use crate::value::KeyPath;
use crate::worktree::manifest::Manifest;

/// Words of which one in a metric's last key says that more is better.
const HIGHER: [&str; 22] = [
    "accuracy",
    "acc",
    "f1",
    "auc",
    "auroc",
    "auprc",
    "precision",
    "recall",
    "sensitivity",
    "specificity",
    "r2",
    "mcc",
    "kappa",
    "bleu",
    "rouge",
    "iou",
    "miou",
    "map",
    "dice",
    "ndcg",
    "psnr",
    "ssim",
];

/// Words of which one in a metric's last key says that less is better. They go before those above: an
/// `accuracy_error` is an error.
const LOWER: [&str; 18] = [
    "loss",
    "logloss",
    "error",
    "err",
    "mse",
    "mae",
    "rmse",
    "rmsle",
    "mape",
    "smape",
    "nll",
    "perplexity",
    "ppl",
    "wer",
    "cer",
    "fid",
    "brier",
    "bpb",
];

/// Which direction of a metric with this last key is better, if everybody would say so.
pub fn usual(key: &str) -> Option<Direction> {
    let whole = key.to_lowercase();
    let words = words(key);
    let has = |known: &[&str]| {
        let is_known = |word: &str| known.contains(&word);
        is_known(&whole)
            || words.iter().any(|word| is_known(word) || is_known(word.trim_end_matches(is_digit)))
    };
    if has(&LOWER) {
        Some(Direction::Lower)
    } else if has(&HIGHER) {
        Some(Direction::Higher)
    } else {
        None
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit()
}

/// The words of a key, lower case: split at what is neither letter nor digit, and where capitals begin.
fn words(key: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut after_small = false;
    let mut chars = key.chars().peekable();
    while let Some(c) = chars.next() {
        // `valLoss` and `topKRecall`, but not `RMSE`.
        let before_small = chars.peek().is_some_and(|next| next.is_lowercase());
        if !c.is_alphanumeric() || (c.is_uppercase() && (after_small || before_small)) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        after_small = c.is_lowercase() || c.is_ascii_digit();
    }
    words
}

impl Manifest {
    /// Which direction of the metric at this path is better, as `better` declares it: by the whole dotted path,
    /// else by its last key.
    pub fn direction(&self, path: &KeyPath) -> Option<Direction> {
        let last = path.keys().last().and_then(|key| self.better.get(key));
        self.better.get(&path.to_string()).or(last).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_would_say() {
        for key in
            ["accuracy", "val_acc", "macro_f1", "roc_auc", "mAP", "map50", "topKRecall", "recall@5", "R2"]
        {
            assert_eq!(usual(key), Some(Direction::Higher), "{key}");
        }
        for key in ["loss", "valLoss", "log_loss", "train.loss", "RMSE", "accuracy_error", "wer"] {
            assert_eq!(usual(key), Some(Direction::Lower), "{key}");
        }
        for key in ["", "epoch", "seconds", "mapping", "lossless", "samples", "n1", "_"] {
            assert_eq!(usual(key), None, "{key}");
        }
    }

    #[test]
    fn the_whole_path_goes_before_the_last_key() {
        let text = "[metrics]\nbetter = { loss = \"lower\", \"odd.loss\" = \"higher\" }";
        let manifest = Manifest::parse(text).unwrap();
        let direction = |path: &str| manifest.direction(&path.parse().unwrap());
        assert_eq!(direction("loss"), Some(Direction::Lower));
        assert_eq!(direction("val.loss"), Some(Direction::Lower));
        assert_eq!(direction("odd.loss"), Some(Direction::Higher));
        assert_eq!(direction("loss.val"), None);
    }
}
