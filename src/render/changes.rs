//! Changes of values, fields, features, packages and metrics as rows of tables.

use crate::diff::{
    FeatureChange, FeatureField, FieldChange, Judgement, MetricChange, PackageChange, ValueChange,
    ValueChangeKind, VersionChange,
};
use crate::object::{Feature, Package};
use crate::render::escape::escape;
use crate::render::number::{in_unit, measured, percent, ratio, signed, value_text};
use crate::render::style::{Role, Style};
use crate::render::table::{Cell, Table, dim, plain};
use crate::value::Value;

/// Widest that a value is shown.
const MAX_VALUE: usize = 40;

/// The name with the sign of what became of it, and the value or both values.
fn name_and_values(style: &Style, name: &str, old: Option<String>, new: Option<String>) -> [Cell; 2] {
    let clip = |text: String| style.clip(&text, MAX_VALUE);
    match (old.map(clip), new.map(clip)) {
        (Some(old), Some(new)) => [plain(name), plain(style.change(&old, &new))],
        (None, Some(new)) => [Cell::new(Role::Added, format!("+ {name}")), plain(new)],
        (Some(old), None) => [Cell::new(Role::Removed, format!("{} {name}", style.minus())), plain(old)],
        (None, None) => [plain(name), plain("")],
    }
}

pub(super) fn value(table: &mut Table, style: &Style, change: &ValueChange) {
    let text = |value: &Option<Value>| value.as_ref().map(|value| escape(&value.to_string()).into_owned());
    let note = match change.kind() {
        ValueChangeKind::Retyped => {
            let of = |value: &Option<Value>| value.as_ref().map_or("", Value::type_name);
            dim(style.change(of(&change.old), of(&change.new)))
        }
        _ => dim(change.ratio().map(|it| ratio(style, it)).unwrap_or_default()),
    };
    let [name, values] =
        name_and_values(style, &escape(&change.path.to_string()), text(&change.old), text(&change.new));
    table.row([name, values, note]);
}

/// A field before and after, as text that is not safe to print yet.
pub fn field_texts(change: &FieldChange) -> (Option<String>, Option<String>) {
    let text = |value: &Option<Value>| value.as_ref().map(|value| in_unit(value, change.unit));
    (text(&change.old), text(&change.new))
}

pub(super) fn field(table: &mut Table, style: &Style, change: &FieldChange) {
    let text = |value: &Option<Value>| value.as_ref().map(|value| in_unit(value, change.unit));
    table.row(name_and_values(style, &escape(&change.label), text(&change.old), text(&change.new)));
}

pub(super) fn feature(table: &mut Table, style: &Style, change: &FeatureChange) {
    let name = escape(change.name()).into_owned();
    let (old, new) = match (&change.old, &change.new) {
        (Some(old), Some(new)) => (old, new),
        (None, _) => return table.row([Cell::new(Role::Added, format!("+ {name}"))]),
        (_, None) => return table.row([Cell::new(Role::Removed, format!("{} {name}", style.minus()))]),
    };
    for (at, of) in change.fields().into_iter().enumerate() {
        let name = if at == 0 { name.clone() } else { String::new() };
        let clip = |feature: &Feature| style.clip(&feature_field(feature, of), MAX_VALUE);
        table.row([plain(name), dim(of.as_str()), plain(style.change(&clip(old), &clip(new)))]);
    }
}

fn feature_field(feature: &Feature, field: FeatureField) -> String {
    let text = match field {
        FeatureField::Type => feature.dtype.clone(),
        FeatureField::Columns => Some(feature.columns.join(", ")).filter(|text| !text.is_empty()),
        FeatureField::Transform => feature.transform.clone(),
        FeatureField::Description => feature.description.clone(),
    };
    text.map_or_else(|| "none".to_owned(), |text| escape(&text).into_owned())
}

pub(super) fn package(table: &mut Table, style: &Style, change: &PackageChange) {
    let version = |package: &Option<Package>| package.as_ref().map(|p| escape(&p.version).into_owned());
    let (old, new) = (version(&change.old), version(&change.new));
    let same_version = old == new;
    let mut row = match same_version {
        true => [plain(escape(change.name())), plain(new.unwrap_or_default())].to_vec(),
        false => name_and_values(style, &escape(change.name()), old, new).to_vec(),
    };
    row.push(class(change.class, change.is_from_elsewhere()));
    table.row(row);
}

pub(super) fn class(class: VersionChange, elsewhere: bool) -> Cell {
    match class {
        VersionChange::Other if elsewhere => dim("other origin"),
        VersionChange::Major | VersionChange::Downgrade => Cell::new(Role::Changed, class.as_str()),
        VersionChange::Added | VersionChange::Removed => plain(""),
        class => dim(class.as_str()),
    }
}

pub(super) fn metric(table: &mut Table, style: &Style, change: &MetricChange) {
    let short = |value: &Option<Value>| value.as_ref().map(measured);
    let (mut old, mut new) = (short(&change.old), short(&change.new));
    if old == new {
        // They differ further to the right than is usually shown.
        (old, new) = (change.old.as_ref().map(value_text), change.new.as_ref().map(value_text));
    }
    let [name, values] = name_and_values(style, &escape(&change.path.to_string()), old, new);
    let judgement = match change.judgement() {
        Judgement::Better => Cell::new(Role::Better, "better"),
        Judgement::Worse => Cell::new(Role::Worse, "worse"),
        Judgement::Unknown => plain(""),
    };
    let delta = change.delta().map(|delta| signed(style, delta)).unwrap_or_default();
    let relative = change.relative().map(|relative| percent(style, relative)).unwrap_or_default();
    table.row([name, values, Cell::right(Role::Plain, delta), Cell::right(Role::Dim, relative), judgement]);
}
