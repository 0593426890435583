//! Packets of Engine.IO 4 with messages of Socket.IO 5 in them, read and written. Knows no socket.
//!
//! Written after the two protocols' documents (github.com/socketio/engine.io-protocol, socket.io-protocol). Over a
//! WebSocket each packet is one text message; binary attachments are left out, and their places stay empty.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};

use crate::stream::{
    fault::Fault,
    sse::{EventSink, SseEvent},
};

/// The event that a refused connection becomes, as client libraries call it.
const REFUSED: &str = "connect_error";
/// The answer to a ping.
pub(super) const PONG: &str = "3";
const MALFORMED: Fault = Fault::Unreadable("a packet of socket.io is malformed");
/// No attachment list is longer: more than a site sends with a chat.
const LIMIT_ATTACHMENTS: usize = 4;

/// One packet.
#[derive(Debug)]
pub(super) enum Packet<'a> {
    /// The server's first word.
    Open(Handshake),
    /// It closes the connection, or this namespace.
    Close,
    /// It asks whether we are there.
    Ping,
    /// The namespace is open.
    Connected,
    /// The namespace stays closed, and why.
    Refused(&'a str),
    /// An event; with an id, it asks for an acknowledgement.
    Event { name: String, data: String, id: Option<u64> },
    /// The acknowledgement of what we sent with this id.
    Ack { id: u64, data: String },
    /// Nothing for us.
    Other,
}

/// The server's first word.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Handshake {
    ping_interval: u64,
    ping_timeout: u64,
}

impl Handshake {
    /// How long the server may be silent; then the connection is dead.
    pub(super) fn longest_silence(self) -> Duration {
        Duration::from_millis(self.ping_interval.saturating_add(self.ping_timeout))
    }
}

/// Reads one packet.
///
/// # Errors
/// When it is none.
pub(super) fn read(text: &str) -> Result<Packet<'_>, Fault> {
    let Some(kind) = text.bytes().next() else { return Err(MALFORMED) };
    let rest = text.get(1..).ok_or(MALFORMED)?;
    match kind {
        b'0' => serde_json::from_str(rest).map(Packet::Open).map_err(|_| MALFORMED),
        b'1' => Ok(Packet::Close),
        b'2' => Ok(Packet::Ping),
        b'4' => message(rest),
        b'3' | b'5' | b'6' => Ok(Packet::Other),
        _ => Err(MALFORMED),
    }
}

/// `<type>[<attachments>-][<namespace>,][<id>][<data>]`
fn message(text: &str) -> Result<Packet<'_>, Fault> {
    let Some(kind) = text.bytes().next() else { return Err(MALFORMED) };
    let mut rest = text.get(1..).ok_or(MALFORMED)?;
    if matches!(kind, b'5' | b'6') {
        let (count, after) = rest.split_once('-').ok_or(MALFORMED)?;
        if count.is_empty()
            || count.len() > LIMIT_ATTACHMENTS
            || !count.bytes().all(|byte| byte.is_ascii_digit())
        {
            return Err(MALFORMED);
        }
        rest = after;
    }
    if rest.starts_with('/') {
        // Only one namespace is ever asked for, so whatever comes is for it.
        rest = rest.split_once(',').map_or("", |(_, after)| after);
    }
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let (id, data) = rest.split_at(digits);
    let id = if id.is_empty() { None } else { Some(id.parse().map_err(|_| MALFORMED)?) };
    match kind {
        b'0' => Ok(Packet::Connected),
        b'1' => Ok(Packet::Close),
        b'2' | b'5' => {
            let mut args = args(data)?;
            if args.is_empty() {
                return Err(MALFORMED);
            }
            let name = serde_json::from_str(args.remove(0).get()).map_err(|_| MALFORMED)?;
            Ok(Packet::Event { name, data: joined(&args), id })
        }
        b'3' | b'6' => Ok(Packet::Ack { id: id.ok_or(MALFORMED)?, data: joined(&args(data)?) }),
        b'4' => Ok(Packet::Refused(data)),
        _ => Err(MALFORMED),
    }
}

fn args(data: &str) -> Result<Vec<&RawValue>, Fault> {
    serde_json::from_str(data).map_err(|_| MALFORMED)
}

/// One argument stands for itself; several, or none, are a list.
fn joined(args: &[&RawValue]) -> String {
    match args {
        [only] => only.get().to_owned(),
        several => {
            let texts: Vec<&str> = several.iter().map(|arg| arg.get()).collect();
            format!("[{}]", texts.join(","))
        }
    }
}

/// Makes an event of a packet, as a site file's rules read it.
///
/// # Errors
/// When it is no packet, the site ends the connection, or whatever `sink` returns.
pub(in crate::sites::declared) fn event(packet: &[u8], sink: &mut EventSink<'_>) -> Result<(), Fault> {
    let text = std::str::from_utf8(packet).map_err(|_| MALFORMED)?;
    match read(text)? {
        Packet::Event { name, data, .. } => {
            sink(SseEvent { name: name.as_bytes(), data: data.as_bytes(), ..SseEvent::default() })
        }
        Packet::Refused(why) => {
            sink(SseEvent { name: REFUSED.as_bytes(), data: why.as_bytes(), ..SseEvent::default() })
        }
        Packet::Close
        | Packet::Open(_)
        | Packet::Ping
        | Packet::Connected
        | Packet::Ack { .. }
        | Packet::Other => Ok(()),
    }
}

/// Asks for a namespace.
pub(super) fn connect(namespace: &str, auth: Option<&Value>) -> String {
    let auth = auth.map(Value::to_string).unwrap_or_default();
    format!("40{}{auth}", prefix(namespace))
}

/// An event; with an id, it asks for an acknowledgement.
pub(super) fn emit(namespace: &str, id: Option<u64>, name: &str, args: Vec<Value>) -> String {
    let mut all = vec![json!(name)];
    all.extend(args);
    let id = id.map(|id| id.to_string()).unwrap_or_default();
    format!("42{}{id}{}", prefix(namespace), Value::Array(all))
}

/// Acknowledges an event.
pub(super) fn ack(namespace: &str, id: u64, args: Vec<Value>) -> String {
    format!("43{}{id}{}", prefix(namespace), Value::Array(args))
}

/// The main namespace is not named.
fn prefix(namespace: &str) -> String {
    if namespace == "/" { String::new() } else { format!("{namespace},") }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(text: &str) -> String {
        match read(text) {
            Ok(Packet::Open(opening)) => format!("open {:?}", opening.longest_silence()),
            Ok(packet) => format!("{packet:?}"),
            Err(fault) => fault.to_string(),
        }
    }

    #[test]
    fn packets_are_read() {
        let open =
            r#"0{"sid":"a","upgrades":[],"pingTimeout":20000,"pingInterval":25000,"maxPayload":1000000}"#;
        let packets = [
            open,
            "2",
            r#"40{"sid":"b"}"#,
            r#"44{"message":"authentication failed"}"#,
            r#"42["token",{"t":"a,b"}]"#,
            r#"42/chat,17["done"]"#,
            r#"42["two",1,"2"]"#,
            r#"430["ok"]"#,
            r#"451-["file",{"_placeholder":true,"num":0}]"#,
            "41",
        ];

        insta::assert_snapshot!(packets.map(seen).join("\n"), @r#"
        open 45s
        Ping
        Connected
        Refused("{\"message\":\"authentication failed\"}")
        Event { name: "token", data: "{\"t\":\"a,b\"}", id: None }
        Event { name: "done", data: "[]", id: Some(17) }
        Event { name: "two", data: "[1,\"2\"]", id: None }
        Ack { id: 0, data: "\"ok\"" }
        Event { name: "file", data: "{\"_placeholder\":true,\"num\":0}", id: None }
        Close
        "#);
    }

    #[test]
    fn what_is_no_packet_is_a_fault() {
        for text in ["", "9", "4", "42", "42[]", "42[1]", "42{}", "43[1]", "0x", "45x[\"a\"]", "4é"] {
            assert_eq!(read(text).err(), Some(MALFORMED), "{text:?}");
        }
    }

    #[test]
    fn packets_are_written() {
        let auth = json!({"token": "t"});

        assert_eq!(connect("/", Some(&auth)), r#"40{"token":"t"}"#);
        assert_eq!(connect("/chat", None), "40/chat,");
        assert_eq!(emit("/", Some(3), "ask", vec![json!("a"), json!(1)]), r#"423["ask","a",1]"#);
        assert_eq!(ack("/chat", 7, vec![]), "43/chat,7[]");
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[0-6]{0,3}[/a,0-9-]{0,8}.{0,20}") {
            read(&text).ok();
        }

        #[test]
        fn what_is_written_is_read(name in ".{1,8}", arg in ".{0,8}", id in any::<Option<u64>>(), space in "/[a-z]{0,4}") {
            let text = emit(&space, id, &name, vec![json!(arg)]);

            let Ok(Packet::Event { name: read_name, data, id: read_id }) = read(&text) else { panic!("{text}") };
            prop_assert_eq!((read_name, data, read_id), (name, json!(arg).to_string(), id));
        }
    }
}
