//! Lists of edits, as Gradio sends them from the second event on: `[["append", [], " word"]]`.
//!
//! Each edit is an action (`append`, `replace`, `add`, `delete`), a path of keys and positions, and a value
//! (`gradio_client`'s `apply_edit`, measured on 6.31.0).

use serde_json::Value;

use crate::stream::fault::Fault;

const NO_EDIT: Fault = Fault::Unreadable("an edit is not one");

/// What a list of edits does.
pub(super) enum EditOutcome<'a> {
    /// It adds this to a text, and nothing else.
    Appended(&'a str),
    /// Anything else.
    Changed,
}

/// Applies a list of edits.
///
/// # Errors
/// When it is none, or does not fit the value.
pub(super) fn apply<'a>(target: &mut Value, edits: &'a Value) -> Result<EditOutcome<'a>, Fault> {
    let edits = edits.as_array().ok_or(NO_EDIT)?;
    let mut appended = None;
    for edit in edits {
        let [Value::String(action), Value::Array(path), value] = edit.as_array().ok_or(NO_EDIT)?.as_slice()
        else {
            return Err(NO_EDIT);
        };
        match (&mut *target, path.as_slice(), value) {
            (Value::String(text), [], Value::String(more)) if action == "append" => {
                text.push_str(more);
                appended = Some(more.as_str());
            }
            _ => one(target, action, path, value)?,
        }
    }
    Ok(match appended {
        Some(more) if edits.len() == 1 => EditOutcome::Appended(more),
        _ => EditOutcome::Changed,
    })
}

fn one(target: &mut Value, action: &str, path: &[Value], value: &Value) -> Result<(), Fault> {
    let Some((last, way)) = path.split_last() else {
        return match action {
            "replace" => {
                *target = value.clone();
                Ok(())
            }
            "append" => append(target, value),
            _ => Err(NO_EDIT),
        };
    };
    let mut parent = target;
    for step in way {
        parent = child(parent, step).ok_or(NO_EDIT)?;
    }
    match action {
        "append" => append(child(parent, last).ok_or(NO_EDIT)?, value),
        "replace" => {
            *child(parent, last).ok_or(NO_EDIT)? = value.clone();
            Ok(())
        }
        "add" => add(parent, last, value.clone()),
        "delete" => delete(parent, last),
        _ => Err(NO_EDIT),
    }
}

fn child<'a>(parent: &'a mut Value, step: &Value) -> Option<&'a mut Value> {
    match parent {
        Value::Array(items) => items.get_mut(position(step)?),
        Value::Object(fields) => fields.get_mut(step.as_str()?),
        _ => None,
    }
}

fn append(target: &mut Value, value: &Value) -> Result<(), Fault> {
    match (target, value) {
        (Value::String(text), Value::String(more)) => text.push_str(more),
        (Value::Array(items), Value::Array(more)) => items.extend(more.iter().cloned()),
        _ => return Err(NO_EDIT),
    }
    Ok(())
}

fn add(parent: &mut Value, step: &Value, value: Value) -> Result<(), Fault> {
    match parent {
        Value::Array(items) => {
            let at = position(step).filter(|at| *at <= items.len()).ok_or(NO_EDIT)?;
            items.insert(at, value);
        }
        Value::Object(fields) => {
            fields.insert(step.as_str().ok_or(NO_EDIT)?.to_owned(), value);
        }
        _ => return Err(NO_EDIT),
    }
    Ok(())
}

fn delete(parent: &mut Value, step: &Value) -> Result<(), Fault> {
    match parent {
        Value::Array(items) => {
            let at = position(step).filter(|at| *at < items.len()).ok_or(NO_EDIT)?;
            items.remove(at);
        }
        Value::Object(fields) => {
            fields.remove(step.as_str().ok_or(NO_EDIT)?);
        }
        _ => return Err(NO_EDIT),
    }
    Ok(())
}

fn position(step: &Value) -> Option<usize> {
    step.as_u64()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn edited(mut value: Value, edits: &Value) -> Option<Value> {
        apply(&mut value, edits).ok().map(|_| value)
    }

    #[test]
    fn every_action_is_applied_at_its_path() {
        let value = json!({"a": ["x", "y"], "b": "text"});
        let edits = json!([
            ["append", ["b"], "!"], ["add", ["a", 1], "new"], ["delete", ["a", 0], null],
            ["replace", ["a", 1], {"z": 1}], ["add", ["c"], []], ["append", ["c"], [1]],
        ]);

        assert_eq!(edited(value, &edits), Some(json!({"a": ["new", {"z": 1}], "b": "text!", "c": [1]})));
    }

    #[test]
    fn an_edit_that_does_not_fit_is_a_fault_and_no_panic() {
        for edits in [
            json!([["append", [3], "x"]]),
            json!([["add", ["a", 9], 1]]),
            json!([["fly", [], 1]]),
            json!("x"),
        ] {
            assert_eq!(edited(json!({"a": []}), &edits), None, "{edits}");
        }
    }
}
