//! What a file may say of a socket, and what is said of one that is wrong.

use super::{step::SocketAction, *};
use crate::{SiteUrls, chat::Driver, parse};

const HEAD: &str = r#"version = 1
[site]
name = "inhouse"
title = "In-house chat"
base_url = "https://chat.example.org"
models = ["big"]
[login]
[[login.steps]]
goto = "{base_url}/login"
[session]
bearer = { local_storage = "token" }
[probe]
path = "/api/me"
pointer = "/name"
"#;

const SOCKETIO: &str = r#"[chat.socketio]
path = "/ws/socket.io/"
auth = { sessionId = "{thread}" }
mint = { thread = "uuid", message = "uuid" }
[[chat.socketio.steps]]
turn = "first"
wait = [{ event = "ready" }]
within = "1s"
[[chat.socketio.steps]]
emit = "message"
args = [{ id = "{message}", text = "{prompt}" }]
ack = true
take = { job = "/job" }
[[chat.socketio.answers]]
on = { event = "alive" }
ack = []
[chat.socketio.stream]
[[chat.socketio.stream.on]]
event = "token"
when = { "/job" = "{job}" }
text = "/text"
[[chat.socketio.stream.on]]
event = "done"
means = "end"
[[chat.socketio.cancel]]
emit = "stop"
args = ["{job}"]
[chat.socketio.conversation]
keep = ["thread"]
"#;

const WEBSOCKET: &str = r#"[chat.websocket]
path = "/ws?token={bearer}"
[[chat.websocket.steps]]
send = { type = "ask", messages = "{messages}" }
[[chat.websocket.answers]]
on = { data = "ping" }
send = "pong"
[chat.websocket.stream]
[[chat.websocket.stream.on]]
when = { "/type" = "end" }
means = "end"
[[chat.websocket.stream.on]]
text = "data"
"#;

fn socket(driver: &str) -> SocketChat {
    let site = parse("inhouse.toml", &format!("{HEAD}{driver}"), &SiteUrls::new()).unwrap().site.unwrap();
    match site.chat.driver {
        Driver::Socket(socket) => *socket,
        other => panic!("{other:?}"),
    }
}

/// A good file, a piece of it, what stands there instead, and what is said of that.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    (SOCKETIO, "\"/ws", "\"ws", "inhouse.toml:16: chat.socketio.path: must start with /"),
    (
        SOCKETIO,
        "{thread}",
        "{thred}",
        "inhouse.toml:17: chat.socketio.auth.sessionId: unknown placeholder {thred}; did you mean {thread}?",
    ),
    (
        SOCKETIO,
        "{prompt}",
        "Hello",
        "inhouse.toml:19: chat.socketio.steps[1]: none tells the site what is asked; expected {prompt} or {messages}",
    ),
    (
        SOCKETIO,
        "ack = true\n",
        "",
        "inhouse.toml:23: chat.socketio.steps[2]: take and expect need something that comes: wait, or emit with ack = true",
    ),
    (
        SOCKETIO,
        "emit = \"message\"",
        "send = \"message\"",
        "inhouse.toml:23: chat.socketio.steps[2]: args and ack belong to emit",
    ),
    (
        SOCKETIO,
        "wait = [{ event = \"ready\" }]\n",
        "",
        "inhouse.toml:19: chat.socketio.steps[1]: within belongs to wait",
    ),
    (
        SOCKETIO,
        "\"{job}\" }",
        "\"{bearer}\" }",
        "inhouse.toml:34: chat.socketio.stream.on[1].when./job: only values that are minted or taken may be compared",
    ),
    (
        SOCKETIO,
        "keep = [\"thread\"]",
        "keep = [\"thred\"]",
        "inhouse.toml:43: chat.socketio.conversation.keep[1]: nothing mints or takes `thred`; did you mean `thread`?",
    ),
    (
        SOCKETIO,
        "path =",
        "namespace = \"chat\"\npath =",
        "inhouse.toml:16: chat.socketio.namespace: must start with / and has no comma",
    ),
    (WEBSOCKET, "send = \"pong\"", "ack = []", "inhouse.toml:19: chat.websocket.answers[1]: expected send"),
    (
        WEBSOCKET,
        "means = \"end\"",
        "take = { a = \"/a\" }",
        "inhouse.toml:22: chat.websocket.stream: nothing tells the end; expected a rule in `on` with means = \"end\"",
    ),
    (
        WEBSOCKET,
        "text = \"data\"",
        "text = \"text\"",
        "inhouse.toml:27: chat.websocket.stream.on[2].text: \"text\" is no JSON pointer: it starts with /, or is \"data\" for the data as it stands",
    ),
];

/// The message for a good file in which one piece was replaced.
fn mistake(driver: &str, from: &str, to: &str) -> String {
    assert!(driver.contains(from), "{from}");
    let file = format!("{HEAD}{}", driver.replacen(from, to, 1));
    parse("inhouse.toml", &file, &SiteUrls::new()).unwrap_err().to_string()
}

#[test]
fn a_socket_is_read_whole() {
    let socketio = socket(SOCKETIO);
    assert!(
        matches!(&socketio.protocol, SocketProtocol::SocketIo { namespace, auth: Some(_) } if namespace == "/")
    );
    assert!(matches!(&socketio.steps[0].act, SocketAction::Wait { within: Some(_), .. }));
    assert!(matches!(&socketio.steps[1].act, SocketAction::Emit { ack: true, .. }));
    assert_eq!((socketio.answers.len(), socketio.cancel.len()), (1, 1));
    assert_eq!(socketio.stream.format, StreamFormat::Packets);

    let websocket = socket(WEBSOCKET);
    assert_eq!(
        (&websocket.protocol, websocket.stream.format),
        (&SocketProtocol::WebSocket, StreamFormat::Messages)
    );
}

#[test]
fn every_mistake_names_its_line_and_a_remedy() {
    let wrong: Vec<String> = MISTAKES
        .iter()
        .map(|(driver, from, to, expected)| (mistake(driver, from, to), *expected))
        .filter(|(message, expected)| message != expected)
        .map(|(message, expected)| format!("\n  {message}\n  {expected}"))
        .collect();

    assert!(wrong.is_empty(), "{}", wrong.concat());
}
