//! Sites that chat over a socket, by their files: a scripted WebSocket, and what the adapter makes of it.

use std::time::Duration;

use support::{
    parts,
    socket::{Act, SocketSite},
    wait,
    world::{AdapterClient, World},
};
use tracing_subscriber::{layer::SubscriberExt, util::SubscriberInitExt};

use crate::chat::log::LogBuffer;

use Act::{Bytes, Cut, Hear, Ping, Stay};

const SOON: Duration = Duration::from_secs(10);
/// Everything of the practice site's file but its chat.
const HEAD: &str = include_str!("../../shared/sites/practice.toml");

pub(crate) const WEBSOCKET: &str = r#"[chat.websocket]
path = "/ws?model={model}"
mint = { id = "hex" }
[[chat.websocket.steps]]
wait = [{ when = { "/type" = "ready" } }]
take = { room = "/room" }
[[chat.websocket.steps]]
send = { type = "ask", room = "{room}", text = "{prompt}" }
[[chat.websocket.answers]]
on = { when = { "/type" = "ping" } }
send = { type = "pong", room = "{room}" }
[chat.websocket.stream]
[[chat.websocket.stream.on]]
when = { "/type" = "token", "/room" = "{room}" }
text = "/text"
[[chat.websocket.stream.on]]
when = { "/type" = "limit" }
retry_after = "/secs"
means = "rate_limited"
[[chat.websocket.stream.on]]
when = { "/type" = "end" }
means = "end"
[[chat.websocket.cancel]]
send = { type = "stop", room = "{room}" }
[[chat.websocket.cancel]]
wait = [{ when = { "/type" = "stopped" } }]
"#;

const UPLOAD: &str = r#"[chat.upload]
takes = ["file"]
item = { id = "{id}", name = "{file.name}" }
[[chat.upload.requests]]
method = "POST"
path = "/files?room={room}"
multipart = { file = "{file}" }
take = { id = "/id" }
"#;

const SOCKETIO: &str = r#"[chat.socketio]
path = "/io/"
namespace = "/chat"
auth = { user = "alice" }
[[chat.socketio.steps]]
turn = "first"
wait = [{ event = "greeting" }]
within = "100ms"
[[chat.socketio.steps]]
emit = "ask"
args = ["{prompt}"]
ack = true
take = { job = "/job" }
[[chat.socketio.answers]]
on = { event = "alive" }
ack = ["yes"]
[chat.socketio.stream]
[[chat.socketio.stream.on]]
event = "connect_error"
contains = "expired"
means = "expired"
[[chat.socketio.stream.on]]
event = "token"
text = "/0"
[[chat.socketio.stream.on]]
event = "done"
means = "end"
[[chat.socketio.cleanup]]
emit = "forget"
args = ["{job}"]
"#;

fn say(text: &str) -> Act {
    Act::Say(text.to_owned())
}

/// A world whose practice site is this one.
pub(crate) async fn world(site: &SocketSite, chat: &str) -> World {
    let head = HEAD.split("[chat]").next().unwrap();
    World::start()
        .without_broker()
        .site_file(format!("{head}{chat}"))
        .adapter_env("LATCHKEY_SITE_URLS", &format!("practice={}", site.url))
        .with_session("alice")
        .await
}

pub(crate) fn ready() -> Act {
    say(r#"{"type":"ready","room":7}"#)
}

pub(crate) fn token(text: &str) -> Act {
    say(&format!(r#"{{"type":"token","room":7,"text":"{text}"}}"#))
}

#[tokio::test]
async fn a_websocket_is_asked_and_answers() {
    let script = [
        ready(),
        Hear("ask"),
        Ping,
        say(r#"{"type":"ping"}"#),
        Hear("pong"),
        token("Gu"),
        say(r#"{"type":"token","room":8,"text":"of another room"}"#),
        token("ten Tag."),
        say(r#"{"type":"end"}"#),
        Stay,
    ];
    let site = SocketSite::start(&script).await;
    let world = world(&site, WEBSOCKET).await;

    let streamed = world.adapter().ask_streamed("Hello").await;

    assert_eq!(streamed.text(), "Guten Tag.", "{}", streamed.raw);
    assert_eq!((streamed.finish_reason(), streamed.done, streamed.complete), ("stop", true, true));
    let heard = [r#"{"room":7,"text":"Hello","type":"ask"}"#, r#"{"room":7,"type":"pong"}"#];
    assert_eq!(site.heard(), heard);
    let opened = site.opened().remove(0);
    assert_eq!(opened.path, "/ws?model=practice-1");
    assert!(opened.cookie.starts_with("practice_session="), "{opened:?}");
    assert_eq!(opened.origin, site.url.origin().ascii_serialization());
    wait::until(SOON, || site.closed() == 1).await;
    world.stop().await;
}

/// However the socket closes: without the site's own end mark the answer is not whole.
/// What is known before the question is known to the upload, and pings are answered while it takes its time.
#[tokio::test]
async fn a_file_is_uploaded_before_the_question_while_its_socket_is_heard() {
    let script = [ready(), Ping, Hear("ask"), token("Tulip."), say(r#"{"type":"end"}"#), Stay];
    let site = SocketSite::start(&script).await;
    let naming = WEBSOCKET.replace(r#"text = "{prompt}" }"#, r#"text = "{prompt}", files = "{uploads}" }"#);
    let world = world(&site, &format!("{UPLOAD}{naming}")).await;
    let mut question = AdapterClient::question("");
    question["messages"][0] = parts::user("Which?", &[parts::file("notes.txt", "The word is tulip.")]);

    let answer = world.adapter().chat(&question).await;

    assert_eq!(answer.text(), "Tulip.", "{}", answer.body);
    let asked = r#"{"files":[{"id":"f1","name":"notes.txt"}],"room":7,"text":"Which?\n[file: notes.txt]","type":"ask"}"#;
    assert_eq!(site.heard(), [asked]);
    let [posted] = site.posted().try_into().unwrap();
    for part in [
        "POST /files?room=7 ",
        "practice_session=",
        "filename=\"notes.txt\"",
        "text/plain",
        "The word is tulip.",
    ] {
        assert!(posted.contains(part), "{part}: {posted}");
    }
    world.stop().await;
}

#[tokio::test]
async fn a_socket_that_closes_before_the_end_has_cut_the_answer() {
    let polite = [ready(), Hear("ask"), token("Half")];
    let rude = [ready(), Hear("ask"), token("Half"), Cut];
    for script in [&polite[..], &rude[..]] {
        let site = SocketSite::start(script).await;
        let world = world(&site, WEBSOCKET).await;

        let streamed = world.adapter().ask_streamed("Hello").await;

        streamed.assert_cut("Half");
        world.stop().await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_has_the_answer_stopped_over_its_socket() {
    let log = LogBuffer::default();
    tracing_subscriber::registry().with(log.layer("latchkey_adapter=debug")).init();
    let script = [ready(), Hear("ask"), token("Once"), Hear("stop"), say(r#"{"type":"stopped"}"#), Stay];
    let site = SocketSite::start(&script).await;
    let world = world(&site, WEBSOCKET).await;
    let mut response = world.adapter().open(&AdapterClient::question("A long story")).await;
    assert!(response.chunk().await.unwrap().is_some());
    let id = response.headers()["x-oneapi-request-id"].to_str().unwrap().to_owned();

    drop(response);

    wait::until(SOON, || site.closed() == 1).await;
    assert_eq!(site.heard().last().unwrap(), r#"{"room":7,"type":"stop"}"#);
    assert_eq!(log.ids_of("the site confirmed that its answer is over"), [id]);
    world.stop().await;
}

#[tokio::test]
async fn a_refusal_is_told_whether_the_socket_opens_or_not() {
    let limited = SocketSite::start(&[ready(), Hear("ask"), say(r#"{"type":"limit","secs":9}"#), Stay]).await;
    let busy = "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 9\r\nContent-Length: 0\r\n\r\n";
    for site in [limited, SocketSite::refusing(busy).await] {
        let world = world(&site, WEBSOCKET).await;

        let answer = world.adapter().ask("Hello").await;

        assert_eq!((answer.status, answer.header("retry-after")), (429, "9"), "{}", answer.body);
        world.stop().await;
    }
}

#[tokio::test]
async fn what_opens_no_socket_is_told_as_such() {
    let unauthorized = "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n";
    let plain = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
    for (answer, status) in [(unauthorized, 502), (plain, 502)] {
        let site = SocketSite::refusing(answer).await;
        let world = world(&site, WEBSOCKET).await;

        let answer = world.adapter().ask("Hello").await;

        assert_eq!(answer.status, status, "{}", answer.body);
        world.stop().await;
    }
}

const OPEN: &str = r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;

#[tokio::test]
async fn socketio_is_asked_and_answers() {
    let script = [
        say(OPEN),
        Hear("40/chat,"),
        say(r#"40/chat,{"sid":"b"}"#),
        Hear("ask"),
        // Before the acknowledgement, and all the same a piece of the answer.
        say(r#"42/chat,["token","Gu",1]"#),
        say(r#"43/chat,0[{"job":5}]"#),
        say("2"),
        Hear("3"),
        say(r#"42/chat,11["alive"]"#),
        Hear("yes"),
        say(r#"451-/chat,["picture",{"_placeholder":true,"num":0}]"#),
        Bytes,
        say(r#"42/chat,["token","ten Tag.",2]"#),
        say(r#"42/chat,["done"]"#),
        Hear("forget"),
        Stay,
    ];
    let site = SocketSite::start(&script).await;
    let world = world(&site, SOCKETIO).await;

    let streamed = world.adapter().ask_streamed("Hello").await;

    assert_eq!(streamed.text(), "Guten Tag.", "{}", streamed.raw);
    assert_eq!((streamed.finish_reason(), streamed.done, streamed.complete), ("stop", true, true));
    wait::until(SOON, || site.closed() == 1).await;
    let heard = [
        r#"40/chat,{"user":"alice"}"#,
        r#"42/chat,0["ask","Hello"]"#,
        "3",
        r#"43/chat,11["yes"]"#,
        r#"42/chat,["forget",5]"#,
    ];
    assert_eq!(site.heard(), heard);
    assert_eq!(site.opened()[0].path, "/io/?EIO=4&transport=websocket");
    world.stop().await;
}

#[tokio::test]
async fn a_refused_connection_of_socketio_is_what_its_file_says() {
    for (why, code) in [("session expired", "forgot"), ("out of order", "failed")] {
        let script = [say(OPEN), Hear("40"), say(&format!(r#"44/chat,{{"message":"{why}"}}"#)), Stay];
        let site = SocketSite::start(&script).await;
        let world = world(&site, SOCKETIO).await;

        let answer = world.adapter().ask("Hello").await;

        assert_eq!(answer.status, 502, "{}", answer.body);
        let is_of_the_session = answer.body.contains("session");
        assert_eq!(is_of_the_session, code == "forgot", "{}", answer.body);
        world.stop().await;
    }
}

/// A namespace may close while the socket stays.
#[tokio::test]
async fn a_closed_namespace_of_socketio_has_cut_the_answer() {
    let script = [
        say(OPEN),
        Hear("40"),
        say("40/chat,"),
        Hear("ask"),
        say(r#"43/chat,0[{"job":5}]"#),
        say(r#"42/chat,["token","Half",1]"#),
        say("41/chat,"),
        Stay,
    ];
    let site = SocketSite::start(&script).await;
    let world = world(&site, SOCKETIO).await;

    let streamed = world.adapter().ask_streamed("Hello").await;

    streamed.assert_cut("Half");
    world.stop().await;
}

/// A site that promised to ping, and does not, is gone.
#[tokio::test]
async fn a_silent_socketio_is_cut() {
    let open = r#"0{"sid":"a","upgrades":[],"pingInterval":100,"pingTimeout":200}"#;
    let script = [
        say(open),
        Hear("40"),
        say("40/chat,"),
        Hear("ask"),
        say(r#"43/chat,0[{"job":5}]"#),
        say(r#"42/chat,["token","Half",1]"#),
        Stay,
    ];
    let site = SocketSite::start(&script).await;
    let world = world(&site, SOCKETIO).await;

    let streamed = world.adapter().ask_streamed("Hello").await;

    streamed.assert_cut("Half");
    world.stop().await;
}

#[tokio::test]
async fn a_message_beyond_all_measure_is_not_taken() {
    let huge = format!(r#"{{"type":"token","room":7,"text":"{}"}}"#, "x".repeat(17 * 1024 * 1024));
    let site = SocketSite::start(&[ready(), Hear("ask"), Act::Say(huge), Stay]).await;
    let world = world(&site, WEBSOCKET).await;

    let answer = world.adapter().ask("Hello").await;

    assert_eq!(answer.status, 502, "{}", answer.body);
    world.stop().await;
}
