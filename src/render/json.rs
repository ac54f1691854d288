//! Values, objects and diffs as JSON. What JSON cannot say (NaN, infinities, large integers) is text.

use serde_json::{Map, Value as Json, json};

use crate::diff::{
    DatasetDiff, Diff, FeaturesDiff, Field, FieldChange, FileChange, FileChangeKind, FilesDiff, Judgement,
    Line, Lines, MetricChange, PackagesDiff, ProfileDiff, Replaced, ValueChange,
};
use crate::encoding::{DecodeError, DecodeProblem, Reader};
use crate::id::{Digest, Kind};
use crate::object::{MAX_WEIGHT, Node, Time};
use crate::render::number::date;
use crate::value::Value;

/// A value.
pub fn value_json(value: &Value) -> Json {
    match value {
        Value::Null => Json::Null,
        Value::Bool(value) => json!(value),
        Value::Int(int) => match (i64::try_from(int.get()), u64::try_from(int.get())) {
            (Ok(value), _) => json!(value),
            (_, Ok(value)) => json!(value),
            _ => json!(int.get().to_string()),
        },
        Value::Float(value) if value.is_finite() => json!(value),
        Value::Float(_) => json!(value.to_string()),
        Value::Text(text) => json!(text),
        Value::List(list) => list.iter().map(value_json).collect(),
        Value::Map(map) => {
            Json::Object(map.iter().map(|(key, value)| (key.clone(), value_json(value))).collect())
        }
    }
}

/// Fields by label.
pub fn fields_json(fields: &[Field]) -> Json {
    Json::Object(fields.iter().map(|field| (field.label.clone(), value_json(&field.value))).collect())
}

/// An object of any kind, from its canonical bytes: the fields that it is encoded with, ids in hexadecimal digits.
pub fn object_json(kind: Kind, id: Digest, bytes: &[u8]) -> Result<Json, DecodeError> {
    let mut reader = Reader::within(bytes, MAX_WEIGHT);
    let content = any(&mut reader)?;
    reader.finish()?;
    Ok(json!({"schema": "mdl.object/1", "kind": kind.name(), "id": id.to_string(), "value": content}))
}

/// Anything that canonical bytes can hold. The reader bounds the depth.
fn any(reader: &mut Reader<'_>) -> Result<Json, DecodeError> {
    Ok(match reader.peek_major()? {
        0 => json!(reader.unsigned()?),
        1 => {
            let number = -1 - i128::from(reader.negative()?);
            i64::try_from(number).map_or_else(|_| json!(number.to_string()), |number| json!(number))
        }
        2 => bytes_json(reader.bytes()?),
        3 => json!(reader.text()?),
        4 => Json::Array(reader.list(any)?),
        5 => {
            let (mut entries, mut out) = (reader.map()?, Map::new());
            while let Some(key) = entries.next(reader)? {
                out.insert(key.to_owned(), any(reader)?);
            }
            Json::Object(out)
        }
        7 if reader.peek_float() => value_json(&Value::Float(reader.float()?)),
        7 => reader.simple()?.map_or(Json::Null, Json::Bool),
        _ => return Err(reader.error(DecodeProblem::Expected("a value"))),
    })
}

fn bytes_json(bytes: &[u8]) -> Json {
    match Digest::from_slice(bytes) {
        Some(id) => json!(id.to_string()),
        None => json!({"bytes": bytes.len()}),
    }
}

/// A moment: for programs, and for people.
pub(super) fn time_json(time: &Time) -> Json {
    json!({"millis": time.millis, "zone": time.zone, "text": date(time)})
}

/// A node of a tree.
pub(super) fn node_json(node: &Node) -> Json {
    match node {
        Node::File { content, size, executable } => {
            json!({"type": "file", "content": content.to_string(), "size": size, "executable": executable})
        }
        Node::Symlink { content, size } => {
            json!({"type": "symlink", "content": content.to_string(), "size": size})
        }
        Node::Directory { tree, files, bytes } => {
            json!({"type": "directory", "tree": tree.to_string(), "files": files, "bytes": bytes})
        }
    }
}

fn option(value: &Option<Value>) -> Json {
    value.as_ref().map_or(Json::Null, value_json)
}

fn list<T>(items: &[T], each: impl Fn(&T) -> Json) -> Json {
    items.iter().map(each).collect()
}

fn replaced<T: Clone>(change: &Option<Replaced<T>>) -> Json
where
    Json: From<T>,
{
    let side = |side: &Option<T>| side.clone().map_or(Json::Null, Json::from);
    change.as_ref().map_or(Json::Null, |it| json!({"old": side(&it.old), "new": side(&it.new)}))
}

/// A diff. Parts without a difference are left out.
pub fn diff_json(diff: &Diff) -> Json {
    let verdict = diff.verdict();
    let mut out = json!({
        "schema": "mdl.diff/1",
        "equal": diff.is_empty(),
        "verdict": verdict.to_string(),
        "only": list(&diff.only, |selector| json!(selector.to_string())),
        "identical": verdict.identical,
    });
    let outputs = list(&diff.outputs, |output| {
        let node = |placed: &Option<crate::object::Placed>| {
            placed.as_ref().map(|it| json!({"path": it.path.as_str(), "node": node_json(&it.node)}))
        };
        let (old, new) = (node(&output.old), node(&output.new));
        json!({"name": output.name.as_str(), "old": old, "new": new, "files": files(&output.files)})
    });
    let params =
        json!({"values": list(&diff.params.values, value_change), "files": list(&diff.params.files, file)});
    let parts = [
        ("datasets", list(&diff.datasets, dataset)),
        ("params", params),
        ("features", list(&diff.features, features)),
        ("code", files(&diff.code)),
        ("command", replaced(&diff.command)),
        ("seeds", list(&diff.seeds, value_change)),
        ("packages", packages(&diff.packages)),
        ("system", list(&diff.system, field_change)),
        ("accelerators", list(&diff.accelerators, field_change)),
        ("variables", list(&diff.variables, field_change)),
        ("metrics", list(&diff.metrics.values, metric_json)),
        ("outputs", outputs),
        ("exit", replaced(&diff.exit)),
    ];
    for (part, (name, json)) in crate::diff::Part::ALL.into_iter().zip(parts) {
        debug_assert_eq!(part.name(), name);
        if !diff.is_same(part) {
            out[name] = json;
        }
    }
    out
}

fn value_change(change: &ValueChange) -> Json {
    json!({
        "path": change.path.to_string(),
        "old": option(&change.old),
        "new": option(&change.new),
        "change": format!("{:?}", change.kind()).to_lowercase(),
        "ratio": change.ratio(),
    })
}

fn field_change(change: &FieldChange) -> Json {
    json!({"label": change.label, "old": option(&change.old), "new": option(&change.new)})
}

/// A change of a metric.
pub(super) fn metric_json(change: &MetricChange) -> Json {
    let judgement = match change.judgement() {
        Judgement::Better => Some("better"),
        Judgement::Worse => Some("worse"),
        Judgement::Unknown => None,
    };
    json!({
        "path": change.path.to_string(),
        "old": option(&change.old),
        "new": option(&change.new),
        "delta": change.delta(),
        "relative": change.relative(),
        "direction": change.better.map(|direction| direction.as_str()),
        "judgement": judgement,
    })
}

fn file(change: &FileChange) -> Json {
    let what = match change.kind() {
        FileChangeKind::Added => "added",
        FileChangeKind::Removed => "removed",
        FileChangeKind::Modified => "modified",
        FileChangeKind::Moved => "moved",
        FileChangeKind::Mode => "mode",
        FileChangeKind::Retyped => "retyped",
    };
    let mut out = json!({
        "path": change.path,
        "change": what,
        "old": change.old.as_ref().map(node_json),
        "new": change.new.as_ref().map(node_json),
    });
    if let Some(from) = &change.from {
        out["from"] = json!(from);
    }
    if let Some(lines) = &change.lines {
        out["lines"] = lines_json(lines);
    }
    out
}

fn lines_json(lines: &Lines) -> Json {
    let diff = match lines {
        Lines::Text(diff) => diff,
        Lines::Binary => return json!({"not_compared": "binary"}),
        Lines::TooLarge => return json!({"not_compared": "too large"}),
        Lines::Missing => return json!({"not_compared": "missing"}),
    };
    let hunks = list(&diff.hunks, |hunk| {
        let lines = list(&hunk.lines, |line| match line {
            Line::Same(text) => json!(format!(" {text}")),
            Line::Added(text) => json!(format!("+{text}")),
            Line::Removed(text) => json!(format!("-{text}")),
        });
        json!({
            "old_start": hunk.old_start,
            "old_lines": hunk.old_lines,
            "new_start": hunk.new_start,
            "new_lines": hunk.new_lines,
            "lines": lines,
        })
    });
    json!({"added": diff.added, "removed": diff.removed, "hunks": hunks})
}

fn files(files: &FilesDiff) -> Json {
    let totals = files.totals();
    json!({
        "changes": list(&files.changes, file),
        "truncated": files.truncated,
        "totals": {
            "added": totals.added,
            "removed": totals.removed,
            "modified": totals.modified,
            "moved": totals.moved,
            "mode": totals.mode,
            "bytes_added": totals.bytes_added,
            "bytes_removed": totals.bytes_removed,
            "lines_added": totals.lines_added,
            "lines_removed": totals.lines_removed,
        },
    })
}

fn dataset(dataset: &DatasetDiff) -> Json {
    let tree = |side: &Option<crate::diff::PlacedTree>| {
        side.as_ref().map(|it| json!({"path": it.path.as_str(), "node": node_json(&it.node)}))
    };
    json!({
        "name": dataset.name.as_str(),
        "old": tree(&dataset.old),
        "new": tree(&dataset.new),
        "fields": list(&dataset.fields, field_change),
        "files": files(&dataset.files),
        "profile": dataset.profile.as_ref().map(profile),
    })
}

fn profile(profile: &ProfileDiff) -> Json {
    json!({
        "rows": replaced(&profile.rows),
        "columns": list(&profile.columns, |it| json!({"name": it.name, "old": it.old, "new": it.new})),
        "reordered": profile.reordered,
        "restated": profile.restated,
    })
}

fn features(set: &FeaturesDiff) -> Json {
    let feature = |feature: &crate::object::Feature| {
        json!({
            "dtype": feature.dtype,
            "columns": feature.columns,
            "transform": feature.transform,
            "description": feature.description,
        })
    };
    let change = |change: &crate::diff::FeatureChange| {
        json!({
            "name": change.name(),
            "old": change.old.as_ref().map(feature),
            "new": change.new.as_ref().map(feature),
            "fields": change.fields().iter().map(|field| field.as_str()).collect::<Vec<_>>(),
        })
    };
    json!({
        "name": set.name.as_str(),
        "features": list(&set.features, change),
        "reordered": set.reordered,
        "datasets_added": list(&set.datasets_added, |name| json!(name.as_str())),
        "datasets_removed": list(&set.datasets_removed, |name| json!(name.as_str())),
        "files": list(&set.files, file),
    })
}

fn packages(diff: &PackagesDiff) -> Json {
    let package =
        |package: &crate::object::Package| json!({"version": package.version, "origin": package.origin});
    let interpreter =
        |it: &crate::object::Interpreter| json!({"implementation": it.implementation, "version": it.version});
    let changes = list(&diff.packages, |change| {
        json!({
            "ecosystem": change.ecosystem(),
            "name": change.name(),
            "old": change.old.as_ref().map(package),
            "new": change.new.as_ref().map(package),
            "class": change.class.as_str(),
        })
    });
    let of = diff.interpreter.as_ref().map(|change| {
        json!({
            "old": change.old.as_ref().map(interpreter),
            "new": change.new.as_ref().map(interpreter),
            "class": change.class.as_str(),
        })
    });
    json!({"interpreter": of, "packages": changes, "locks": list(&diff.locks, file)})
}
