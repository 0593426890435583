//! Pictures and files: on to a site that takes them, else a refusal that says so.

use latchkey_bridge::dialect::Form;
use serde_json::{Value, json};
use support::model::Reply;

use super::{Site, adapter, native, task};

fn shown(mut body: Value, part: &Value) -> Value {
    body["messages"][0]["content"] = json!([{"type": "text", "text": "What is this?"}, part]);
    body
}

#[tokio::test]
async fn a_picture_goes_to_a_site_that_takes_parts_and_is_refused_elsewhere() {
    let picture = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let file = json!({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,AAAA"}});
    let takes = native().await;
    takes.practice.model().always(Reply::text("A dot."));
    let text_only = Site::start(adapter(Form::Xml), Form::Xml).await;

    let seen = takes.adapter().chat(&shown(task(), &picture)).await;
    assert_eq!(seen.text(), "A dot.");
    assert_eq!(takes.practice.model().last_call().body["messages"][0]["content"][1], picture);

    for (part, word) in [(picture, "takes no picture"), (file, "takes no file")] {
        let refused = text_only.world.adapter().chat(&shown(task(), &part)).await;
        assert_eq!((refused.status, text_only.model().calls().len()), (400, 0), "{}", refused.body);
        assert!(
            refused.body.contains("messages[0].content[1]") && refused.body.contains(word),
            "{}",
            refused.body
        );
    }
}

#[tokio::test]
async fn a_picture_of_long_ago_does_not_end_the_conversation() {
    let site = Site::start(adapter(Form::Xml), Form::Xml).await;
    let picture = json!({"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}});
    let mut body = shown(task(), &picture);
    body["messages"].as_array_mut().unwrap().push(json!({"role": "user", "content": "And without it?"}));
    site.model().will(Reply::text("Fine."));

    let answer = site.world.adapter().chat(&body).await;

    assert_eq!(answer.text(), "Fine.");
    let prompt = site.model().last_call().body["messages"].to_string();
    assert!(prompt.contains("picture left out") && !prompt.contains("base64"), "{prompt}");
}
