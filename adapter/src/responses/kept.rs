//! Items of answers that were given lately: a client may name one in place of sending it.
//!
//! Facts: the AI SDK's provider for OpenAI (4.0) names them in every tool loop unless it is told `store: false` (2026-11).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::openai::request::InvalidRequest;

/// The type of an item that names another one.
const REFERENCE: &str = "item_reference";

/// What was answered, by the id of the response.
pub(crate) type KeptOutputs = BTreeMap<String, Vec<Value>>;

/// The response of an item, which its id names.
fn response_of(id: &str) -> Option<String> {
    let (_, rest) = id.split_once('_')?;
    let (minted, _) = rest.rsplit_once('_')?;
    Some(format!("resp_{minted}"))
}

/// The responses whose items are named in an input, each once.
pub(super) fn named(input: &Value) -> Vec<String> {
    let items = input.as_array().into_iter().flatten();
    let mut ids: Vec<String> = items.filter_map(referred).filter_map(response_of).collect();
    ids.sort_unstable();
    ids.dedup();
    ids
}

/// Puts the items in the place of those that name them.
///
/// # Errors
/// When one is not kept.
pub(super) fn resolve(input: &mut Value, kept: &KeptOutputs) -> Result<(), InvalidRequest> {
    for (index, item) in input.as_array_mut().into_iter().flatten().enumerate() {
        if item["type"] != REFERENCE {
            continue;
        }
        let id = item["id"].as_str().unwrap_or_default();
        let outputs = response_of(id).and_then(|response| kept.get(&response)).into_iter().flatten();
        let Some(found) = outputs.into_iter().find(|output| output["id"] == id).cloned() else {
            return Err(InvalidRequest(format!(
                "input[{index}].id: the item is not kept here; send the item itself, as clients do with store: false"
            )));
        };
        *item = found;
    }
    Ok(())
}

fn referred(item: &Value) -> Option<&str> {
    (item["type"] == REFERENCE).then(|| item["id"].as_str()).flatten()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_name_becomes_the_item() {
        let call = json!({"type": "function_call", "id": "fc_01ab_1", "call_id": "c", "name": "read", "arguments": "{}"});
        let kept = KeptOutputs::from([("resp_01ab".to_owned(), vec![call.clone()])]);
        let reference = |id: &str| json!({"type": "item_reference", "id": id});
        let user = json!({"role": "user", "content": "Go"});
        let mut input = json!([user, reference("fc_01ab_1"), reference("fc_01ab_1")]);

        assert_eq!(named(&input), ["resp_01ab"]);
        resolve(&mut input, &kept).unwrap();
        assert_eq!(input, json!([user, call, call]));

        for id in ["fc_01ab_2", "fc_01ac_1", "x", ""] {
            let refusal = resolve(&mut json!([reference(id)]), &kept).unwrap_err();
            assert!(refusal.0.starts_with("input[0].id: ") && refusal.0.contains("store: false"));
        }
    }
}
