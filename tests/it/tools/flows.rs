//! What the site is asked again, in each dialect, and what the client sees of it: one answer.

use std::time::Duration;

use serde_json::{Value, json};
use support::model::Reply;

use super::{FORMS, ToolsSite, adapter, calls, ended};

/// Plays the replies and returns the calls that the client got, its text, and how often the site was asked.
async fn play(site: &ToolsSite, replies: Vec<Reply>) -> (Vec<(String, Value)>, String, usize) {
    site.model().reset();
    site.model().always(Reply::text("Nothing more."));
    for reply in replies {
        site.model().will(reply);
    }
    let stream = site.stream().await;
    ended(&stream, &stream.raw);
    (calls(&stream), stream.text(), site.model().calls().len())
}

fn bash(command: &str) -> (String, Value) {
    ("bash".to_owned(), json!({"command": command}))
}

/// The last question that the site was asked.
fn question(site: &ToolsSite) -> String {
    let body = site.model().last_call().body;
    body["messages"].as_array().unwrap().last().unwrap()["content"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn whole_calls_take_one_question() {
    for form in FORMS {
        let site = ToolsSite::start(adapter(form), form).await;
        let three = site.block(&[
            ("bash", json!({"command": "a"})),
            ("read", json!({"filePath": "b", "limit": 3})),
            ("bash", json!({"command": "c"})),
        ]);
        let content = "let a = \"</b>\\n\";\n".repeat(if form == FORMS[0] { 20_000 } else { 2_000 });
        let large = site.block(&[("write", json!({"filePath": "a.rs", "content": content}))]);

        let (parallel, text, asked) = play(&site, vec![Reply::pieces(&["Reading.\n", &three])]).await;
        assert_eq!(
            parallel,
            [bash("a"), ("read".to_owned(), json!({"filePath": "b", "limit": 3})), bash("c")]
        );
        assert_eq!((text.trim(), asked), ("Reading.", 1));

        let (written, _, asked) = play(&site, vec![Reply::text(&large)]).await;
        assert_eq!((written[0].1["content"].as_str(), asked), (Some(content.as_str()), 1));
    }
}

#[tokio::test]
async fn what_cannot_be_used_is_asked_for_again() {
    for form in FORMS {
        let site = ToolsSite::start(adapter(form), form).await;
        let good = || Reply::text(&site.bash("ls"));
        let wrong_name = site.block(&[("shell", json!({"command": "ls"}))]);
        let wrong_parameter = site.block(&[("bash", json!({"cmd": "ls"}))]);

        for (bad, told) in [(wrong_name, "there is no tool \"shell\""), (wrong_parameter, "command")] {
            let reply = Reply::pieces(&["I look.\n", &bad]);
            let (made, text, asked) = play(&site, vec![reply, good()]).await;
            assert_eq!((made, text.trim(), asked), (vec![bash("ls")], "I look.", 2), "{bad}");
            assert!(question(&site).contains(told), "{}", question(&site));
        }
        let announced = Reply::text("I found the cause. Let me edit src/main.rs now:");
        let (made, text, asked) = play(&site, vec![announced, good()]).await;
        assert_eq!((made, asked), (vec![bash("ls")], 2));
        assert_eq!(text, "I found the cause. Let me edit src/main.rs now:");

        let (made, _, asked) = play(&site, vec![Reply::new(), good()]).await;
        assert_eq!((made, asked), (vec![bash("ls")], 2), "empty");
        let (made, _, asked) = play(&site, vec![Reply::new().reasoning("Hm."), good()]).await;
        assert_eq!((made, asked), (vec![bash("ls")], 2), "reasoning only");
    }
}

#[tokio::test]
async fn a_cut_call_is_continued_where_the_join_is_proven() {
    for form in FORMS {
        let site = ToolsSite::start(adapter(form), form).await;
        let whole = site.bash("echo one two three four five six seven eight nine ten");
        let middle = whole.find("six").unwrap();
        let head = &whole[..middle];
        let overlap = middle - 25;
        let joined = || Reply::text(&whole[overlap..]);
        let expected = vec![bash("echo one two three four five six seven eight nine ten")];

        for cut in [Reply::text(head).finish("length"), Reply::text(head), Reply::text(head).cut()] {
            let (made, _, asked) = play(&site, vec![cut, joined()]).await;
            assert_eq!((made, asked), (expected.clone(), 2));
        }
        let fresh = Reply::text(&site.bash("ls"));
        let (made, _, asked) = play(&site, vec![Reply::text(head), fresh.clone()]).await;
        assert_eq!((made, asked), (vec![bash("ls")], 2), "sent anew");
        let (made, _, asked) = play(&site, vec![Reply::text(head), Reply::text("six seven"), fresh]).await;
        assert_eq!((made, asked), (vec![bash("ls")], 3), "smaller");
        assert!(question(&site).contains("was cut off and was not carried out"), "{}", question(&site));
    }
}

#[tokio::test]
async fn a_nudge_may_be_declined_and_says_nothing_itself() {
    for form in FORMS {
        let site = ToolsSite::start(adapter(form), form).await;
        let said = "Now let me run the tests:";

        for answer in [format!("NO_TOOL_{}", site.nonce), "I would rather not.".to_owned()] {
            let (made, text, asked) = play(&site, vec![Reply::text(said), Reply::text(&answer)]).await;
            assert_eq!((made.len(), text.as_str(), asked), (0, said, 2), "{answer}");
        }
    }
}

#[tokio::test]
async fn the_mark_of_an_end_is_not_shown_and_believed_unasked() {
    for form in FORMS {
        let site = ToolsSite::start(adapter(form), form).await;
        let mark = format!("NO_TOOL_{}", site.nonce);
        let (head, rest) = mark.split_at(5);

        let ended = Reply::pieces(&["All of it is there. Next: the docs.\n", head, rest, "\n"]);
        let (made, text, asked) = play(&site, vec![ended]).await;
        assert_eq!((made.len(), text.trim(), asked), (0, "All of it is there. Next: the docs.", 1));

        let called = Reply::pieces(&[&mark, "\n", &site.bash("ls")]);
        let (made, text, asked) = play(&site, vec![called]).await;
        assert_eq!((made, text.trim(), asked), (vec![bash("ls")], "", 1));

        let whole = Reply::text("It is NO_TOOL_").piece("12 and NO_");
        let (_, text, asked) = play(&site, vec![whole]).await;
        assert_eq!((text.as_str(), asked), ("It is NO_TOOL_12 and NO_", 1));
    }
}

#[tokio::test]
async fn a_change_is_believed_only_where_a_call_can_have_made_it() {
    let site = ToolsSite::start(adapter(FORMS[0]), FORMS[0]).await;
    let claim = "I've updated `src/main.rs` so that the test passes.";
    let (made, text, asked) = play(&site, vec![Reply::text(claim)]).await;
    assert_eq!((made, text.as_str(), asked), (vec![], claim, 1), "what came before may be left out");

    for (tool, expected) in [("read", 2), ("edit", 1), ("bash", 1)] {
        let mut body = super::task();
        let call = json!({"id": "a", "type": "function", "function": {"name": tool, "arguments": "{}"}});
        let said = json!({"role": "assistant", "content": null, "tool_calls": [call]});
        let result = json!({"role": "tool", "tool_call_id": "a", "content": "ok"});
        body["messages"].as_array_mut().unwrap().extend([said, result]);
        site.model().reset();
        site.model().always(Reply::text(claim));

        let stream = site.world.adapter().stream(&body).await;

        assert_eq!((stream.text().as_str(), site.model().calls().len()), (claim, expected), "{tool}");
    }
}

#[tokio::test]
async fn a_call_in_a_form_that_nobody_reads_is_asked_for_again() {
    let form = FORMS[0];
    let site = ToolsSite::start(adapter(form), form).await;

    for said in [
        "I'll list the files:\n\nAction: bash\nAction Input: ls",
        "bash(command=\"ls\")",
        "[TOOL_CALL] bash\nls",
        "让我看看文件。\n\n调用工具：bash\nls\n\n---",
    ] {
        let (made, _, asked) = play(&site, vec![Reply::text(said), Reply::text(&site.bash("ls"))]).await;
        assert_eq!((made, asked), (vec![bash("ls")], 2), "{said}");
    }
}

#[tokio::test]
async fn what_was_no_call_comes_back_as_the_text_that_it_is() {
    let form = FORMS[0];
    let site = ToolsSite::start(adapter(form), form).await;
    let example =
        "<invoke name=\"bash\"><parameter name=\"command\">ls</parameter></invoke>\nis how one calls it.";

    for answer in [Reply::text(&format!("NO_TOOL_{}", site.nonce)), Reply::new().cut()] {
        let (made, text, asked) = play(&site, vec![Reply::text(example), answer]).await;
        assert_eq!((made.len(), text.as_str(), asked), (0, example, 2));
    }
}

#[tokio::test]
async fn words_after_the_last_call_are_not_waited_for() {
    let form = FORMS[0];
    let site = ToolsSite::start(adapter(form), form).await;
    let invented =
        Reply::text(&site.bash("ls")).piece("\nThe result is: 5 files").wait(Duration::from_secs(20));
    let silent = Reply::text(&site.bash("ls")).silence();

    for reply in [invented, silent] {
        // Less than the site takes, and more than a busy machine does.
        let limit = Duration::from_secs(15);
        let (made, text, asked) = tokio::time::timeout(limit, play(&site, vec![reply])).await.unwrap();
        assert_eq!((made, text.as_str(), asked), (vec![bash("ls")], "", 1));
    }
}

#[tokio::test]
async fn a_required_tool_is_asked_for_once() {
    let form = FORMS[0];
    let site = ToolsSite::start(adapter(form), form).await;
    let mut body = super::task();
    body["tool_choice"] = "required".into();
    let prose = || Reply::text("It is all done.");

    site.model().will(prose());
    site.model().will(Reply::text(&site.bash("ls")));
    let called = site.world.adapter().stream(&body).await;
    assert_eq!((ended(&called, ""), calls(&called)), ("tool_calls".to_owned(), vec![bash("ls")]));

    site.model().reset();
    site.model().always(prose());
    let refused = site.world.adapter().stream(&body).await;
    assert_eq!(ended(&refused, ""), "stop");
    assert_eq!(site.model().calls().len(), 2);
}

#[tokio::test]
async fn a_call_that_is_quoted_as_it_was_shown_is_not_asked_for() {
    let form = FORMS[0];
    let site = ToolsSite::start(adapter(form), form).await;
    let nonce = &site.nonce;
    let shown =
        format!("The notes say:\n\n<\u{b7}{nonce}\u{b7}invoke name=\"write\">\n<\u{b7}{nonce}\u{b7}/invoke>");

    let (made, _, asked) = play(&site, vec![Reply::text(&shown)]).await;

    assert_eq!((made.len(), asked), (0, 1), "{}", question(&site));
}
