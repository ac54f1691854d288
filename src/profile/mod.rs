//! (to come)

/// (to come)
pub fn merge(profiles: impl IntoIterator<Item = crate::object::Profile>) -> crate::object::Profile {
    let _ = profiles.into_iter();
    todo!()
}
