//! What a client gets where a site mends nothing: an honest end that no client repeats.

use serde_json::json;
use support::model::Reply;

use super::{APIS, FORMS, ToolsSite, adapter, calls, ended, task, whole};

#[tokio::test]
async fn a_call_that_stays_unusable_ends_with_a_sentence_that_says_so() {
    for form in FORMS {
        let site = ToolsSite::start(adapter(form), form).await;
        let misfit = site.block(&[("bash", json!({"cmd": "ls"}))]);
        let unknown = site.block(&[("shell", json!({"command": "ls"}))]);
        let cut = site.bash("echo one two three four five")[..70].to_owned();

        for (bad, sentence) in [
            (misfit, "The call of bash could not be made: its arguments do not fit the tool."),
            (unknown, "The call of shell could not be made: there is no such tool."),
            (cut, "could not be made: it was cut off before its end."),
        ] {
            for said in ["", "I look.\n"] {
                site.model().reset();
                site.model().always(Reply::pieces(&[said, &bad]));
                let stream = site.stream().await;
                assert_eq!(ended(&stream, &bad), "stop");
                assert!(
                    stream.text().starts_with(said) && stream.text().ends_with(sentence),
                    "{}",
                    stream.text()
                );
                assert!(!stream.text().contains(&site.nonce), "{}", stream.text());
                assert_eq!(site.model().calls().len(), 3, "{bad}");
                for api in APIS {
                    let got = whole(&site, api, &json!({})).await;
                    assert!(got.status == 200 && got.calls.is_empty(), "{api}: {got:?}");
                    assert!(got.text.ends_with(sentence), "{api}: {}", got.text);
                }
            }
        }
        let metrics = site.world.adapter().get("/metrics").await.body;
        assert!(metrics.contains("outcome=\"given_up\""), "{metrics}");
    }
}

#[tokio::test]
async fn a_correction_that_the_site_fails_at_is_no_reason_to_ask_all_again() {
    let form = FORMS[0];
    let site = ToolsSite::start(adapter(form), form).await;
    let bad = site.block(&[("bash", json!({"cmd": "ls"}))]);
    for failing in [Reply::text("I will").cut(), Reply::status(500, &json!({}))] {
        for api in APIS {
            site.model().reset();
            site.model().will(Reply::text(&bad));
            site.model().always(failing.clone());

            let got = whole(&site, api, &json!({})).await;

            assert_eq!(
                got.text, "The call of bash could not be made: its arguments do not fit the tool.",
                "{api}"
            );
            assert_eq!((got.status, site.model().calls().len()), (200, 2), "{api}");
        }
    }
}

#[tokio::test]
async fn what_a_site_breaks_off_never_ends_well() {
    let form = FORMS[0];
    let site = ToolsSite::start(adapter(form), form).await;
    let half = site.bash("echo one two three four five")[..70].to_owned();

    site.model().always(Reply::pieces(&["I look.\n", &half]).cut());
    let stream = site.stream().await;
    assert!(!stream.complete && !stream.done && stream.tool_calls().is_empty());

    site.model().reset();
    site.model().always(Reply::new());
    let empty = site.stream().await;
    assert_eq!((empty.status, site.model().calls().len()), (502, 2));
}

#[tokio::test]
async fn prose_in_the_place_of_a_required_call_is_one_text() {
    for form in FORMS {
        // The same question again is another one here.
        let site = ToolsSite::start(adapter(form).adapter_env("LATCHKEY_RESEND", "off"), form).await;
        let chosen =
            |api: &str| if api == "/v1/messages" { json!({"type": "any"}) } else { json!("required") };
        let mut body = task();
        body["tool_choice"] = "required".into();

        site.model().will(Reply::text("It is done."));
        site.model().will(Reply::text("All is done."));
        let stream = site.world.adapter().stream(&body).await;
        assert_eq!(
            (ended(&stream, ""), stream.text().as_str()),
            ("stop".to_owned(), "It is done.\n\nAll is done.")
        );
        for api in APIS {
            site.model().reset();
            site.model().will(Reply::text("It is done."));
            site.model().will(Reply::text("All is done."));
            let got = whole(&site, api, &json!({"tool_choice": chosen(api)})).await;
            assert_eq!((got.text.as_str(), site.model().calls().len()), ("All is done.", 2), "{api}");

            site.model().reset();
            site.model().will(Reply::text("I look."));
            site.model().will(Reply::text(&site.bash("ls")));
            let got = whole(&site, api, &json!({"tool_choice": chosen(api)})).await;
            assert_eq!((got.text.trim(), got.calls.len()), ("I look.", 1), "{api}");
        }
    }
}

#[tokio::test]
async fn words_in_the_place_of_a_corrected_call_stand_apart() {
    let form = FORMS[0];
    let site = ToolsSite::start(adapter(form), form).await;
    let bad = site.block(&[("bash", json!({"cmd": "ls"}))]);
    site.model().will(Reply::pieces(&["I look.", &bad]));
    site.model().will(Reply::text("I cannot."));

    let stream = site.stream().await;

    assert_eq!((calls(&stream).len(), stream.text().as_str()), (0, "I look.\n\nI cannot."));
}
