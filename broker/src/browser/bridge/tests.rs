//! Strangers, silence, an end in the middle, and messages of any length, over a pipe without Chromium.

use std::time::Duration;

use latchkey_shared::shutdown::Tasks;
use proptest::{collection::vec, prelude::*};
use tokio::io::{BufReader, DuplexStream, ReadHalf, WriteHalf, duplex, split};
use tokio_tungstenite::{client_async, tungstenite::Error};

use super::*;

type TestPipe = DevToolsPipe<BufReader<ReadHalf<DuplexStream>>, WriteHalf<DuplexStream>>;

/// A pipe, and the side that Chromium has of it.
fn pipe() -> (TestPipe, DuplexStream) {
    let (ours, chromium) = duplex(64);
    let (from, to) = split(ours);
    (DevToolsPipe { from: BufReader::new(from), to }, chromium)
}

/// What connecting came to, by its status where it was refused.
async fn connect(address: &str) -> Result<WebSocketStream<TcpStream>, Option<u16>> {
    let authority = address.strip_prefix("ws://").unwrap().split('/').next().unwrap();
    let stream = TcpStream::connect(authority).await.map_err(|_| None)?;
    match client_async(address, stream).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(refused)) => Err(Some(refused.status().as_u16())),
        Err(_) => Err(None),
    }
}

#[tokio::test]
async fn only_who_knows_the_path_is_served_and_only_once() {
    let (pipe, mut chromium) = pipe();
    let listener = DevToolsListener::bind().await.unwrap();
    let address = listener.address().unwrap();
    let served = Tasks::new().spawn(listener.serve(pipe, CancellationToken::new()));
    let (root, path) = address.rsplit_once('/').unwrap();
    let silent: Vec<TcpStream> = {
        let port = root.strip_prefix("ws://").unwrap();
        let all = (0..STRANGERS - 2).map(|_| TcpStream::connect(port));
        futures::future::try_join_all(all).await.unwrap()
    };

    for stranger in [
        format!("{root}/"),
        format!("{root}/json/version"),
        format!("{address}x"),
        format!("{root}/{}", &path[1..]),
    ] {
        assert_eq!(connect(&stranger).await.err(), Some(Some(404)), "{stranger}");
    }
    let mut ours = connect(&address).await.unwrap();
    assert!(connect(&address).await.is_err(), "a second connection");

    ours.send(Message::text("{}")).await.unwrap();
    let mut said = [0; 3];
    chromium.read_exact(&mut said).await.unwrap();
    assert_eq!(&said, b"{}\0");
    drop(ours);
    served.await.unwrap();
    assert_eq!(chromium.read(&mut said).await.unwrap(), 0, "the pipe is closed");
    drop(silent);
}

#[tokio::test]
async fn the_end_of_chromium_and_a_stop_end_the_connection() {
    for chromium_ends in [true, false] {
        let (pipe, chromium) = pipe();
        let listener = DevToolsListener::bind().await.unwrap();
        let address = listener.address().unwrap();
        let stop = CancellationToken::new();
        let served = Tasks::new().spawn(listener.serve(pipe, stop.clone()));
        let mut ours = connect(&address).await.unwrap();

        if chromium_ends {
            drop(chromium);
        } else {
            stop.cancel();
        }

        served.await.unwrap();
        let next = timeout(Duration::from_secs(10), ours.next()).await.unwrap();
        assert!(!matches!(next, Some(Ok(Message::Text(_)))), "{next:?}");
    }
}

#[tokio::test]
async fn chromium_that_says_nothing_did_not_start() {
    let (mut silent, chromium) = pipe();
    drop(chromium);

    assert!(silent.greet().await.is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn messages_of_any_length_arrive_whole_and_in_order(
        commands in vec("[^\0]{0,300}", 0..8),
        events in vec("[^\0]{0,300}", 0..8),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let (told, heard) = runtime.block_on(async {
            let (pipe, chromium) = pipe();
            let listener = DevToolsListener::bind().await.unwrap();
            let address = listener.address().unwrap();
            Tasks::new().spawn(listener.serve(pipe, CancellationToken::new()));
            let (mut to_us, mut from_us) = connect(&address).await.unwrap().split();
            let (from, mut to) = split(chromium);
            let mut from = BufReader::new(from);
            let send = async {
                for command in &commands {
                    to_us.send(Message::text(command.as_str())).await.unwrap();
                }
            };
            let say = async {
                for event in &events {
                    write_message(&mut to, event.as_bytes()).await.unwrap();
                }
            };
            let told = async {
                let mut told = Vec::new();
                for _ in &commands {
                    told.push(read_message(&mut from).await.unwrap().unwrap());
                }
                told
            };
            let heard = async {
                let mut heard = Vec::new();
                for _ in &events {
                    heard.push(from_us.next().await.unwrap().unwrap().into_text().unwrap().to_string());
                }
                heard
            };
            let ((), (), told, heard) = tokio::join!(send, say, told, heard);
            (told, heard)
        });

        prop_assert_eq!(told, commands);
        prop_assert_eq!(heard, events);
    }
}
