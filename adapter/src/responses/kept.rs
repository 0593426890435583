//! Items of answers that were given lately: a client may name one in place of sending it.
//!
//! Facts: the AI SDK's provider for OpenAI (4.0) names them in every tool loop unless it is told `store: false` (2026-11).

use std::collections::BTreeMap;

use serde_json::Value;

use crate::openai::request::InvalidRequest;

/// The type of an item that names another one.
const REFERENCE: &str = "item_reference";

/// Items of more responses are not looked for: each is a round trip to Redis, and a loop of tools has one a step.
const MOST_RESPONSES: usize = 256;

/// What was answered, by the id of the response.
pub(crate) type KeptOutputs = BTreeMap<String, Vec<Value>>;

/// The response of an item, which its id names.
fn response_of(id: &str) -> Option<String> {
    let (_, rest) = id.split_once('_')?;
    let (minted, _) = rest.rsplit_once('_')?;
    Some(format!("resp_{minted}"))
}

/// The responses whose items are named in an input, each once.
///
/// # Errors
/// When they are too many.
pub(super) fn named(input: &Value) -> Result<Vec<String>, InvalidRequest> {
    let items = input.as_array().into_iter().flatten();
    let mut ids: Vec<String> = items.filter_map(referred).filter_map(response_of).collect();
    ids.sort_unstable();
    ids.dedup();
    match ids.len() {
        ..=MOST_RESPONSES => Ok(ids),
        many => Err(InvalidRequest(format!(
            "input: names items of {many} responses, expected no more than {MOST_RESPONSES}; send the items themselves"
        ))),
    }
}

/// Puts the items in the place of those that name them, of `limit_bytes` together: one that is named a million times is
/// there as often.
///
/// # Errors
/// When one is not kept, or all of them are too long.
pub(super) fn resolve(
    input: &mut Value,
    kept: &KeptOutputs,
    limit_bytes: usize,
) -> Result<(), InvalidRequest> {
    let mut room = limit_bytes;
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
        room = room.checked_sub(found.to_string().len()).ok_or_else(|| {
            InvalidRequest(format!(
                "input: the items that it names have more than {limit_bytes} bytes; name fewer"
            ))
        })?;
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

        assert_eq!(named(&input).unwrap(), ["resp_01ab"]);
        resolve(&mut input, &kept, 1000).unwrap();
        assert_eq!(input, json!([user, call, call]));

        for id in ["fc_01ab_2", "fc_01ac_1", "x", ""] {
            let refusal = resolve(&mut json!([reference(id)]), &kept, 1000).unwrap_err();
            assert!(refusal.0.starts_with("input[0].id: ") && refusal.0.contains("store: false"));
        }
    }

    #[test]
    fn names_without_end_are_refused_before_they_cost_anything() {
        let text = json!({"type": "message", "id": "msg_01ab_0", "content": "x".repeat(900)});
        let kept = KeptOutputs::from([("resp_01ab".to_owned(), vec![text])]);
        let reference = |id: &str| json!({"type": "item_reference", "id": id});

        let mut often = Value::Array(vec![reference("msg_01ab_0"); 100_000]);
        let refusal = resolve(&mut often, &kept, 10_000).unwrap_err();
        assert!(refusal.0.starts_with("input: ") && refusal.0.contains("10000 bytes"), "{}", refusal.0);
        let written = often.as_array().unwrap().iter().filter(|item| item["type"] == "message").count();
        assert_eq!(written, 10, "no more than there is room for");

        let many: Value = (0..257).map(|number| reference(&format!("msg_{number}_0"))).collect();
        assert!(named(&many).unwrap_err().0.contains("257 responses"));
        let enough: Value = (0..256).map(|number| reference(&format!("msg_{number}_0"))).collect();
        assert_eq!(named(&enough).unwrap().len(), 256);
    }
}
