//! (to come)

pub mod actions;
pub mod committed;
pub mod names;

/// Text from anywhere, harmless on a terminal.
pub fn escape(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}

pub struct Style;
pub fn time(_: &crate::object::Time) -> String {
    todo!()
}
pub fn time_json(_: &crate::object::Time) -> serde_json::Value {
    todo!()
}
pub mod status {
    use super::*;
    pub fn text(_: &crate::repo::Status, _: &Style) -> String {
        todo!()
    }
    pub fn short(_: &crate::repo::Status, _: &Style) -> String {
        todo!()
    }
    pub fn json(_: &crate::repo::Status) -> serde_json::Value {
        todo!()
    }
}
pub mod diff {
    use super::*;
    pub fn text(_: &crate::diff::Diff, _: &Style) -> String {
        todo!()
    }
    pub fn stat(_: &crate::diff::Diff, _: &Style) -> String {
        todo!()
    }
    pub fn json(_: &crate::diff::Diff) -> serde_json::Value {
        todo!()
    }
}
pub mod show {
    use super::*;
    pub fn text(
        _: &crate::repo::Shown,
        _: &crate::store::Store,
        _: &Style,
    ) -> Result<String, crate::object::ObjectError> {
        todo!()
    }
    pub fn json(_: &crate::repo::Shown) -> serde_json::Value {
        todo!()
    }
}
pub mod log {
    use super::*;
    pub struct Form {
        pub oneline: bool,
        pub graph: bool,
        pub width: usize,
    }
    pub struct Lines;
    impl Lines {
        pub fn new(_: Form, _: Style) -> Self {
            todo!()
        }
        pub fn entry(&mut self, _: &crate::repo::LogEntry) -> String {
            todo!()
        }
    }
    pub fn json(_: &crate::repo::LogEntry) -> serde_json::Value {
        todo!()
    }
}
