//! JSON of a schema, at sites that have no field for it: written into the prompt, checked, and asked for once more.

use serde_json::{Value, json};
use support::model::Reply;

use super::{APIS, CallFormat, FORMS, SITE_FILE, ToolsSite, adapter, native, whole};

fn schema() -> Value {
    json!({"type": "object", "properties": {"colour": {"type": "string"}, "size": {"type": "integer"}},
        "required": ["colour", "size"], "additionalProperties": false})
}

/// The wish for it in the words of an API.
fn wish(api: &str) -> Value {
    match api {
        "/v1/messages" => json!({"output_config": {"format": {"type": "json_schema", "schema": schema()}}}),
        "/v1/responses" => {
            json!({"text": {"format": {"type": "json_schema", "name": "a", "schema": schema(), "strict": true}}})
        }
        _ => {
            json!({"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": schema()}}})
        }
    }
}

const GOOD: &str = "{\"colour\": \"red\", \"size\": 3}";

#[tokio::test]
async fn an_answer_beside_tools_is_json_or_asked_for_again() {
    for form in FORMS {
        let site = ToolsSite::start(adapter(form), form).await;
        let fenced = format!("```json\n{GOOD}\n```");
        for api in APIS {
            for (first, asked) in [(GOOD, 1), (&fenced, 1), ("It is red.", 2), ("{\"colour\": \"red\"}", 2)] {
                site.model().reset();
                site.model().will(Reply::text(first));
                site.model().always(Reply::text(GOOD));
                let got = whole(&site, api, &wish(api)).await;
                assert_eq!((got.text.as_str(), site.model().calls().len()), (GOOD, asked), "{api} {first}");
                let body = &site.model().last_call().body;
                assert!(body["response_format"].is_null(), "{body}");
                assert!(body["messages"].to_string().contains("additionalProperties"), "{body}");
            }
            site.model().reset();
            site.model().will(Reply::pieces(&["I look.\n", &site.bash("ls")]));
            let got = whole(&site, api, &wish(api)).await;
            assert_eq!((got.calls.len(), site.model().calls().len()), (1, 1), "{api}");

            site.model().reset();
            site.model().always(Reply::text("It is red."));
            let got = whole(&site, api, &wish(api)).await;
            assert_eq!(got.text, "It is red.\n\nThis answer is not the JSON that was asked for.", "{api}");
            assert_eq!(site.model().calls().len(), 2, "{api}");
        }
        let mut body = super::task();
        body.as_object_mut().unwrap().extend(wish(APIS[0]).as_object().unwrap().clone());
        site.model().reset();
        site.model().will(Reply::pieces(&["It is", " red."]));
        site.model().will(Reply::pieces(&["```", "json\n", GOOD, "\n```"]));
        let stream = site.world.adapter().stream(&body).await;
        assert!(stream.done && stream.text() == GOOD, "{}", stream.raw);
    }
}

#[tokio::test]
async fn a_chat_that_has_the_field_is_given_it() {
    for start in [native(), native().site_file(SITE_FILE.replace("tools = true", "tools = false"))] {
        let site = ToolsSite { world: start.await, dialect: CallFormat::Xml, nonce: String::new() };
        for api in APIS {
            let mut more = wish(api);
            more["tools"] = json!([]);
            site.model().will(Reply::text(GOOD));
            assert_eq!(whole(&site, api, &more).await.text, GOOD, "{api}");
            assert_eq!(site.model().last_call().body["response_format"]["type"], "json_schema", "{api}");
        }
    }
}

#[tokio::test]
async fn a_site_that_takes_tools_is_given_both_in_all_apis() {
    let site = ToolsSite { world: native().await, dialect: CallFormat::Xml, nonce: String::new() };
    for api in APIS {
        site.model().will(Reply::text(GOOD));
        assert_eq!(whole(&site, api, &wish(api)).await.text, GOOD, "{api}");
        let body = site.model().last_call().body;
        assert_eq!(body["response_format"]["type"], "json_schema", "{api}");
        assert_eq!(body["tools"].as_array().map(Vec::len), Some(4), "{api}");
        assert!(!body["messages"].to_string().contains("additionalProperties"), "{api}");
    }
}
