//! What a selector means in one state: for `show HEAD:params.lr`, path-limited logs, and `restore`.

use std::collections::BTreeMap;

use crate::diff::accelerators::accelerator_fields;
use crate::diff::fields::Field;
use crate::diff::selector::{Part, Selector, Within};
use crate::diff::state::State;
use crate::diff::system::system_fields;
use crate::id::{Digest, Kind};
use crate::name::{PartName, TreePath};
use crate::object::{
    Code, Dataset, Definition, Environment, Feature, Features, Find, Node, ObjectError, Outcome, Package,
    Packages, Params, Placed, PlacedFeatures, TreeEntries, get as read, node_at,
};
use crate::value::{Int, KeyPath, Value};

/// What a selector means.
#[derive(Clone, Debug, PartialEq)]
pub enum Resolved {
    /// A value, or a tree of them: of params, seeds, metrics, variables, the command, the exit status, and
    /// fields of the system and accelerators.
    Value(Value),
    /// An object: a dataset, feature set, params, code, packages, system or accelerators.
    Object(Kind, Digest),
    /// A file or directory, of a dataset, the code or an output. The path is from the work tree's root.
    Node(Placed),
    /// A feature.
    Feature(Feature),
    /// A package.
    Package(Package),
    /// Several things, each with the selector's text that means it alone.
    Many(Vec<(String, Resolved)>),
}

/// What a selector means in a state; `None` if there is nothing like it.
pub fn get(find: &dyn Find, state: &State, selector: &Selector) -> Result<Option<Resolved>, ObjectError> {
    let mut out = Vec::new();
    for part in selector.parts() {
        let resolved = match Part::OUTCOME.contains(part) {
            true => state.outcome.as_ref().map(|o| of_outcome(find, o, *part, selector)).transpose()?,
            false => {
                state.definition.as_ref().map(|d| of_definition(find, d, *part, selector)).transpose()?
            }
        };
        out.extend(resolved.flatten().map(|resolved| (part.name().to_owned(), resolved)));
    }
    Ok(match (selector.parts().len(), out.len()) {
        (_, 0) => None,
        (1, _) => out.pop().map(|(_, resolved)| resolved),
        _ => Some(Resolved::Many(out)),
    })
}

/// Whether what a selector means differs. Whole parts are compared by their ids.
pub fn changed(find: &dyn Find, a: &State, b: &State, selector: &Selector) -> Result<bool, ObjectError> {
    let is_outcome = |part: &Part| Part::OUTCOME.contains(part);
    let definition = a.definition != b.definition && !selector.parts().iter().all(is_outcome);
    let outcome = a.outcome != b.outcome && selector.parts().iter().any(is_outcome);
    Ok((definition || outcome) && get(find, a, selector)? != get(find, b, selector)?)
}

fn of_definition(
    find: &dyn Find,
    definition: &Definition,
    part: Part,
    selector: &Selector,
) -> Result<Option<Resolved>, ObjectError> {
    let within = selector.within();
    Ok(match part {
        Part::Datasets => return datasets(find, definition, within),
        Part::Features => return features(find, &definition.features, within),
        Part::Params => return params(find, definition, within),
        Part::Code => return code(find, definition, within),
        Part::Command => definition
            .command
            .as_ref()
            .map(|words| Resolved::Value(Value::List(words.iter().cloned().map(Value::Text).collect()))),
        Part::Seeds => keyed(&definition.seeds, within),
        _ => return of_environment(find, &read(find, definition.environment)?, part, within),
    })
}

fn many(items: impl Iterator<Item = (String, Resolved)>) -> Option<Resolved> {
    let items: Vec<_> = items.collect();
    (!items.is_empty()).then_some(Resolved::Many(items))
}

/// A value below a map, or the map.
fn keyed(values: &BTreeMap<String, Value>, within: &Within) -> Option<Resolved> {
    match within {
        Within::Key(path) => value_at(values, path).map(Resolved::Value),
        _ => (!values.is_empty()).then(|| Resolved::Value(Value::Map(values.clone()))),
    }
}

fn value_at(values: &BTreeMap<String, Value>, path: &KeyPath) -> Option<Value> {
    let (first, rest) = path.keys().split_first()?;
    let below = rest.iter().fold(KeyPath::default(), |path, key| path.child(key));
    values.get(first)?.get(&below).cloned()
}

fn node_below(
    find: &dyn Find,
    at: Option<&TreePath>,
    node: Node,
    path: &str,
) -> Result<Option<Resolved>, ObjectError> {
    let Ok(below) = TreePath::new(path) else { return Ok(None) };
    let full = at.map_or_else(|| path.to_owned(), |at| format!("{at}/{path}"));
    let (Ok(path), Some(node)) = (TreePath::new(&full), node_at(find, node, &below)?) else {
        return Ok(None);
    };
    Ok(Some(Resolved::Node(Placed { path, node })))
}

fn datasets(
    find: &dyn Find,
    definition: &Definition,
    within: &Within,
) -> Result<Option<Resolved>, ObjectError> {
    let object = |id: crate::id::DatasetId| Resolved::Object(Kind::Dataset, id.digest());
    let Within::Named(name, below) = within else {
        let all = definition.datasets.iter();
        return Ok(many(all.map(|(name, placed)| (format!("datasets/{name}"), object(placed.dataset)))));
    };
    let Some(placed) = definition.datasets.get(name) else { return Ok(None) };
    match below {
        None => Ok(Some(object(placed.dataset))),
        Some(path) => {
            let root = read::<Dataset>(find, placed.dataset)?.root;
            node_below(find, Some(&placed.path), root, path)
        }
    }
}

fn features(
    find: &dyn Find,
    all: &BTreeMap<PartName, PlacedFeatures>,
    within: &Within,
) -> Result<Option<Resolved>, ObjectError> {
    let object = |id: crate::id::FeaturesId| Resolved::Object(Kind::Features, id.digest());
    let Within::Named(name, below) = within else {
        return Ok(many(
            all.iter().map(|(name, placed)| (format!("features/{name}"), object(placed.features))),
        ));
    };
    let Some(placed) = all.get(name) else { return Ok(None) };
    let Some(wanted) = below else { return Ok(Some(object(placed.features))) };
    let set: Features = read(find, placed.features)?;
    Ok(set.features.into_iter().find(|feature| feature.name == *wanted).map(Resolved::Feature))
}

fn params(
    find: &dyn Find,
    definition: &Definition,
    within: &Within,
) -> Result<Option<Resolved>, ObjectError> {
    let Some(placed) = &definition.params else { return Ok(None) };
    match within {
        Within::Key(path) => {
            Ok(value_at(&read::<Params>(find, placed.params)?.values, path).map(Resolved::Value))
        }
        _ => Ok(Some(Resolved::Object(Kind::Params, placed.params.digest()))),
    }
}

fn code(find: &dyn Find, definition: &Definition, within: &Within) -> Result<Option<Resolved>, ObjectError> {
    let Some(id) = definition.code else { return Ok(None) };
    match within {
        Within::Path(path) => node_below(find, None, read::<Code>(find, id)?.root, path.as_str()),
        _ => Ok(Some(Resolved::Object(Kind::Code, id.digest()))),
    }
}

fn of_environment(
    find: &dyn Find,
    environment: &Environment,
    part: Part,
    within: &Within,
) -> Result<Option<Resolved>, ObjectError> {
    let Within::Label(label) = within else {
        return Ok(match part {
            Part::Packages => Some(Resolved::Object(Kind::Packages, environment.packages.digest())),
            Part::System => Some(Resolved::Object(Kind::System, environment.system.digest())),
            Part::Accelerators => {
                Some(Resolved::Object(Kind::Accelerators, environment.accelerators.digest()))
            }
            _ => {
                let texts = environment.variables.iter();
                let map = texts.map(|(name, text)| (name.clone(), Value::Text(text.clone()))).collect();
                Some(Resolved::Value(Value::Map(map))).filter(|_| !environment.variables.is_empty())
            }
        });
    };
    Ok(match part {
        Part::Packages => {
            let packages: Packages = read(find, environment.packages)?;
            packages.packages.into_iter().find(|package| package.name == *label).map(Resolved::Package)
        }
        Part::System => labelled(system_fields(&read(find, environment.system)?), "system", label),
        Part::Accelerators => {
            labelled(accelerator_fields(&read(find, environment.accelerators)?), "accelerators", label)
        }
        _ => environment.variables.get(label).map(|text| Resolved::Value(Value::Text(text.clone()))),
    })
}

/// The field with this label, or those below it.
fn labelled(fields: Vec<Field>, part: &str, label: &str) -> Option<Resolved> {
    if let Some(field) = fields.iter().find(|field| field.label == label) {
        return Some(Resolved::Value(field.value.clone()));
    }
    let below = |field: &Field| field.label.strip_prefix(label).is_some_and(|rest| rest.starts_with('.'));
    let named = |field: Field| (format!("{part}.{}", field.label), Resolved::Value(field.value));
    many(fields.into_iter().filter(below).map(named))
}

fn of_outcome(
    find: &dyn Find,
    outcome: &Outcome,
    part: Part,
    selector: &Selector,
) -> Result<Option<Resolved>, ObjectError> {
    Ok(match (part, selector.within()) {
        (Part::Metrics, within) => {
            outcome.metrics.as_ref().and_then(|metrics| keyed(&metrics.values, within))
        }
        (Part::Outputs, Within::Named(name, below)) => match (outcome.outputs.get(name), below) {
            (Some(placed), Some(path)) => return node_below(find, Some(&placed.path), placed.node, path),
            (placed, _) => placed.cloned().map(Resolved::Node),
        },
        (Part::Outputs, _) => many(
            outcome
                .outputs
                .iter()
                .map(|(name, placed)| (format!("outputs/{name}"), Resolved::Node(placed.clone()))),
        ),
        _ => outcome.exit.map(|status| Resolved::Value(Value::Int(Int::from(status)))),
    })
}

/// The files of the work tree that a selector means: datasets, the files of feature sets, params and metrics,
/// source files, outputs. Empty for what has no files. A value or feature within a file means the whole file.
pub fn files(find: &dyn Find, state: &State, selector: &Selector) -> Result<Vec<Placed>, ObjectError> {
    let mut out = Vec::new();
    for part in selector.parts() {
        match (part, &state.definition, &state.outcome) {
            (Part::Datasets, Some(definition), _) => dataset_files(find, definition, selector, &mut out)?,
            (Part::Features, Some(definition), _) => {
                let wanted =
                    definition.features.iter().filter(|(name, _)| selector.matches_name(*part, name));
                out.extend(wanted.map(|(_, placed)| placed.file.clone()));
            }
            (Part::Params, Some(definition), _) => {
                out.extend(definition.params.iter().flat_map(|placed| placed.files.clone()));
            }
            (Part::Code, Some(definition), _) => code_files(find, definition, selector, &mut out)?,
            (Part::Metrics, _, Some(outcome)) => {
                out.extend(outcome.metrics.iter().flat_map(|metrics| metrics.files.clone()));
            }
            (Part::Outputs, _, Some(outcome)) => match selector.within() {
                Within::All => out.extend(outcome.outputs.values().cloned()),
                _ => out.extend(node_of(of_outcome(find, outcome, *part, selector)?)),
            },
            _ => {}
        }
    }
    Ok(out)
}

fn node_of(resolved: Option<Resolved>) -> Option<Placed> {
    match resolved {
        Some(Resolved::Node(placed)) => Some(placed),
        _ => None,
    }
}

fn dataset_files(
    find: &dyn Find,
    definition: &Definition,
    selector: &Selector,
    out: &mut Vec<Placed>,
) -> Result<(), ObjectError> {
    if let Within::Named(_, Some(_)) = selector.within() {
        out.extend(node_of(datasets(find, definition, selector.within())?));
        return Ok(());
    }
    for (_, placed) in
        definition.datasets.iter().filter(|(name, _)| selector.matches_name(Part::Datasets, name))
    {
        let dataset: Dataset = read(find, placed.dataset)?;
        out.push(Placed { path: placed.path.clone(), node: dataset.root });
    }
    Ok(())
}

/// The code's directory has no path of its own: its entries stand for it.
fn code_files(
    find: &dyn Find,
    definition: &Definition,
    selector: &Selector,
    out: &mut Vec<Placed>,
) -> Result<(), ObjectError> {
    if let Within::Path(_) = selector.within() {
        out.extend(node_of(code(find, definition, selector.within())?));
        return Ok(());
    }
    let Some(id) = definition.code else { return Ok(()) };
    let Node::Directory { tree, .. } = read::<Code>(find, id)?.root else { return Ok(()) };
    for entry in TreeEntries::new(find, tree)? {
        let entry = entry?;
        // The name of an entry is a path of one name.
        if let Ok(path) = TreePath::new(entry.name.as_str()) {
            out.push(Placed { path, node: entry.node });
        }
    }
    Ok(())
}
