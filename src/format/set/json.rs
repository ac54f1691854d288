//! Where a value stands in a JSON text that was read before.

use jiter::{Jiter, Peek};

use super::Spot;

pub(super) fn find(text: &str, keys: &[String]) -> Option<Spot> {
    let mut jiter = Jiter::new(text.as_bytes()).with_allow_inf_nan();
    let mut peek = jiter.peek().ok()?;
    for key in keys {
        peek = match peek {
            Peek::Object => in_map(&mut jiter, key)?,
            Peek::Array => in_list(&mut jiter, key.parse().ok()?)?,
            _ => return None,
        };
    }
    let start = jiter.current_index();
    jiter.known_skip(peek).ok()?;
    Some(Spot { range: start..jiter.current_index(), before: "" })
}

fn in_map(jiter: &mut Jiter<'_>, key: &str) -> Option<Peek> {
    let mut is_it = jiter.known_object().ok()?? == key;
    loop {
        let peek = jiter.peek().ok()?;
        if is_it {
            return Some(peek);
        }
        jiter.known_skip(peek).ok()?;
        is_it = jiter.next_key().ok()?? == key;
    }
}

fn in_list(jiter: &mut Jiter<'_>, index: usize) -> Option<Peek> {
    let mut peek = jiter.known_array().ok()??;
    for _ in 0..index {
        jiter.known_skip(peek).ok()?;
        peek = jiter.array_step().ok()??;
    }
    Some(peek)
}
