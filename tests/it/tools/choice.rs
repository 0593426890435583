//! A choice of tools is a permission: in all three APIs, in each form, and at sites that take tools.

use serde_json::{Value, json};
use support::model::Reply;

use super::{APIS, CallFormat, FORMS, ToolsSite, adapter, native, whole};

/// A choice in the words of an API.
fn worded(api: &str, kind: &str, name: &str) -> Option<Value> {
    let function = json!({"type": "function", "function": {"name": name}});
    let plain = json!({"type": "function", "name": name});
    Some(match (api, kind) {
        ("/v1/chat/completions", "named") => function,
        ("/v1/chat/completions", mode) => {
            json!({"type": "allowed_tools", "allowed_tools": {"mode": mode, "tools": [function]}})
        }
        ("/v1/responses", "named") => plain,
        ("/v1/responses", mode) => json!({"type": "allowed_tools", "mode": mode, "tools": [plain]}),
        (_, "named") => json!({"type": "tool", "name": name}),
        // Anthropic's API has no such choice.
        _ => return None,
    })
}

#[tokio::test]
async fn a_call_that_the_choice_leaves_out_is_asked_for_again() {
    for form in FORMS {
        let site = ToolsSite::start(adapter(form), form).await;
        let read = site.block(&[("read", json!({"filePath": "a"}))]);
        for (api, kind) in APIS.iter().flat_map(|api| ["named", "auto", "required"].map(|kind| (api, kind))) {
            let Some(choice) = worded(api, kind, "read") else { continue };
            let more = json!({"tool_choice": choice});

            site.model().reset();
            site.model().will(Reply::text(&site.bash("rm notes")));
            site.model().always(Reply::text(&read));
            let got = whole(&site, api, &more).await;
            assert_eq!(got.calls, [("read".to_owned(), json!({"filePath": "a"}))], "{api} {kind}");
            assert_eq!(site.model().calls().len(), 2, "{api} {kind}");

            site.model().reset();
            site.model().always(Reply::text(&site.bash("rm notes")));
            let got = whole(&site, api, &more).await;
            assert!(
                got.status == 200 && got.calls.is_empty() && !got.text.is_empty(),
                "{api} {kind}: {got:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_site_that_takes_tools_is_held_to_the_choice_too() {
    let site = ToolsSite { world: native().await, dialect: CallFormat::Xml, nonce: String::new() };
    let call = |name: &str, arguments: &Value| Reply::new().tool_call(0, "a", name, &arguments.to_string());
    for (api, kind) in APIS.iter().flat_map(|api| ["named", "auto", "required"].map(|kind| (api, kind))) {
        let Some(choice) = worded(api, kind, "read") else { continue };
        let more = json!({"tool_choice": choice});

        site.model().reset();
        site.model().will(call("read", &json!({"filePath": "a"})));
        assert_eq!(whole(&site, api, &more).await.calls.len(), 1, "{api} {kind}");
        site.model().will(call("bash", &json!({"command": "rm notes"})));
        let got = whole(&site, api, &more).await;
        assert!(got.status == 502 && got.calls.is_empty(), "{api} {kind}: {got:?}");
    }
}

#[tokio::test]
async fn a_choice_of_a_tool_that_is_not_declared_is_refused() {
    for site in [
        ToolsSite::start(adapter(CallFormat::Xml), CallFormat::Xml).await,
        ToolsSite { world: native().await, dialect: CallFormat::Xml, nonce: String::new() },
    ] {
        for (api, kind) in APIS.iter().flat_map(|api| ["named", "auto", "required"].map(|kind| (api, kind))) {
            let Some(choice) = worded(api, kind, "shell") else { continue };
            let got = whole(&site, api, &json!({"tool_choice": choice.clone()})).await;
            assert_eq!(got.status, 400, "{api} {kind}");
            let got = whole(&site, api, &json!({"tool_choice": choice, "tools": []})).await;
            assert_eq!(got.status, 400, "{api} {kind}, no tools");
        }
        assert!(site.model().calls().len() <= 1);
    }
}
