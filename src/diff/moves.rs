//! (to come)
pub(super) fn pair(
    _: &dyn crate::object::Find,
    list: Vec<crate::diff::files::FileChange>,
    _: usize,
) -> Result<Vec<crate::diff::files::FileChange>, crate::object::ObjectError> {
    Ok(list)
}
