//! Drafts of sites whose chat is their own.

use latchkey_shared::site::{self, SiteUrls, chat::Driver};
use tokio::time::Instant;

use super::*;

const QUESTION: &str = "Say \"hi\" to {me}";

fn touch(what: UserAction, selector: &str, text: &str) -> UserEvent {
    let url = "http://chat.test/".parse().unwrap();
    UserEvent {
        url,
        what,
        selector: selector.to_owned(),
        text: Some(text.to_owned()).filter(|text| !text.is_empty()),
    }
}

/// A person who signs in and asks.
fn touches() -> Vec<UserEvent> {
    vec![
        touch(UserAction::Fill, "input[name=user]", "alice"),
        touch(UserAction::Password, "input[type=password]", ""),
        touch(UserAction::Press, "input[type=password]", "Enter"),
        touch(UserAction::Fill, "textarea", QUESTION),
        touch(UserAction::Press, "textarea", "Enter"),
    ]
}

fn drafted(exchanges: Vec<RecordedExchange>, shown: &str) -> String {
    let tape = RecordedTraffic { touches: touches(), exchanges, sockets: Vec::new(), last: Instant::now() };
    let base_url = "http://chat.test/".parse().unwrap();
    let cookies = [("access-token-k3j9x8q2".to_owned(), "secret-of-alice".into())];
    let seen = RecordedAnswer {
        tape: &tape,
        base_url: &base_url,
        cookies: &cookies,
        local: &[],
        session: &[],
        shown,
    };
    draft("mine", &seen).unwrap()
}

fn exchange(after: usize, method: &str, path: &str, content_type: &str, answer: &str) -> RecordedExchange {
    RecordedExchange::answered(after, method, &format!("http://chat.test{path}"), content_type, answer)
}

#[test]
fn a_queue_with_a_stream_of_edits_is_drafted_like_gradios() {
    let mut join = exchange(5, "POST", "/queue/join", "application/json", r#"{"event_id":"f00dcafe12ab"}"#);
    join.body = Some(format!(
        r#"{{"data":[{},null],"fn_index":2,"session_hash":"ab3x9k2m1q"}}"#,
        serde_json::to_string(QUESTION).unwrap()
    ));
    let stream = [
        r#"{"msg":"estimation","rank":0}"#,
        r#"{"msg":"process_generating","output":{"data":["Hel"]}}"#,
        r#"{"msg":"process_generating","output":{"data":[[["append",[],"lo Al"]]]}}"#,
        r#"{"msg":"process_completed","output":{"data":["Hello Alice"]},"success":true}"#,
    ];
    let stream: String = stream.iter().map(|data| format!("data: {data}\n\n")).collect();
    let me = exchange(3, "GET", "/config", "application/json", r#"{"title":"Demo","username":"alice"}"#);

    let text = drafted(
        vec![
            me,
            join,
            exchange(5, "GET", "/queue/data?session_hash=ab3x9k2m1q", "text/event-stream", &stream),
        ],
        "Say hi to me\nHello Alice\n",
    );

    for part in [
        "cookies = [\"access-token-*\"]",
        "path = \"/config\"\npointer = \"/username\"\nequals = \"{username}\"",
        "mint = { session_hash = \"alnum\" }",
        "json = { data = [\"{prompt}\", \"{null}\"], fn_index = 2, session_hash = \"{session_hash}\" }",
        "path = \"/queue/data?session_hash={session_hash}\"",
        "when = { \"/msg\" = \"process_completed\" }\ntext_so_far = \"/output/data/0\"\nmeans = \"end\"",
        "when = { \"/msg\" = \"process_generating\" }\nhas = [\"/output/data/0\"]\ntext_edits = \"/output/data/0\"",
    ] {
        assert!(text.contains(part), "{part}\n--\n{text}");
    }
    assert!(!text.contains("secret-of-alice"), "{text}");
    let site = site::parse("mine.toml", &text, &SiteUrls::new()).unwrap().site.unwrap();
    assert!(matches!(site.chat.driver, Driver::Http(_)));
}

#[test]
fn a_job_whose_id_the_answer_names_is_taken_and_followed() {
    let mut ask = exchange(5, "POST", "/api/ask", "application/json", r#"{"job":{"id":"job-7f3a"}}"#);
    ask.body = Some(format!(r#"{{"model":"big","text":{}}}"#, serde_json::to_string(QUESTION).unwrap()));
    let stream = "{\"type\":\"text\",\"text\":\"Hi \"}\n{\"type\":\"text\",\"text\":\"Alice.\"}\n{\"type\":\"done\"}\n";

    let text = drafted(
        vec![ask, exchange(5, "GET", "/api/jobs/job-7f3a", "application/x-ndjson", stream)],
        "Hi Alice.",
    );

    for part in [
        "models = [\"big\"]",
        "take = { id = \"/job/id\" }",
        "path = \"/api/jobs/{id}\"",
        "json = { model = \"{model}\", text = \"{prompt}\" }",
        "format = \"ndjson\"",
        "when = { \"/type\" = \"done\" }\nmeans = \"end\"",
        "when = { \"/type\" = \"text\" }\nhas = [\"/text\"]\ntext = \"/text\"",
    ] {
        assert!(text.contains(part), "{part}\n--\n{text}");
    }
}

#[test]
fn what_is_missing_in_a_recording_is_told() {
    let draft_of = |touches| {
        let tape =
            RecordedTraffic { touches, exchanges: Vec::new(), sockets: Vec::new(), last: Instant::now() };
        assert!(!is_complete(&tape));
        let base_url = "http://chat.test/".parse().unwrap();
        let seen = RecordedAnswer {
            tape: &tape,
            base_url: &base_url,
            cookies: &[],
            local: &[],
            session: &[],
            shown: "",
        };
        draft("mine", &seen)
    };

    assert_eq!(draft_of(Vec::new()), Err(NoDraft::NoLogin));
    assert_eq!(draft_of(touches()), Err(NoDraft::NoQuestion));
}

#[test]
fn only_what_was_typed_openly_after_the_last_secret_marks_a_request() {
    let tape = RecordedTraffic {
        touches: touches(),
        exchanges: Vec::new(),
        sockets: Vec::new(),
        last: Instant::now(),
    };

    assert_eq!(tape.open_texts(), [r#"Say \"hi\" to {me}"#]);
}
