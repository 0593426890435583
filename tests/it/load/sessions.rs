//! Which adapter a session comes to through the balancer of `compose/`, as the number of adapters changes.

use std::collections::{BTreeMap, BTreeSet};

use axum::{Router, routing::post};
use reqwest::Url;
use support::{balancer::Balancer, http, server};

const SESSIONS: usize = 300;

/// Who answers with its own address.
async fn adapter(tasks: &latchkey_shared::shutdown::Tasks) -> Url {
    let listener = server::listener().await;
    let url: Url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    let name = url.to_string();
    let router = Router::new()
        .route("/v1/chat/completions", post(|| async move { name }))
        .route("/metrics", axum::routing::get(|| async { "not for everybody" }))
        .route("/readyz", axum::routing::get(|| async { "not for everybody" }));
    tasks.spawn(async move { axum::serve(listener, router).await });
    url
}

async fn asked(http: &reqwest::Client, balancer: &Balancer, header: Option<(&str, String)>) -> String {
    let url = balancer.url.join("/v1/chat/completions").unwrap();
    let mut request = http.post(url).body("{}");
    if let Some((name, value)) = header {
        request = request.header(name, value);
    }
    let answer = request.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.text().await.unwrap()
}

/// Which adapter each session comes to.
async fn placed(balancer: &Balancer) -> BTreeMap<usize, String> {
    let http = http::client();
    let mut placed = BTreeMap::new();
    for session in 0..SESSIONS {
        placed.insert(
            session,
            asked(&http, balancer, Some(("X-Session-Affinity", format!("ses_{session}")))).await,
        );
    }
    placed
}

/// The sessions that moved, with where they are now.
fn moved<'a>(
    before: &BTreeMap<usize, String>,
    after: &'a BTreeMap<usize, String>,
) -> BTreeMap<usize, &'a str> {
    let moved = after.iter().filter(|(session, place)| before[*session] != **place);
    moved.map(|(session, place)| (*session, place.as_str())).collect()
}

#[tokio::test]
async fn a_session_stays_with_its_adapter_whichever_client_names_it() {
    let tasks = latchkey_shared::shutdown::Tasks::new();
    let one = adapter(&tasks).await;
    let two = adapter(&tasks).await;
    let three = adapter(&tasks).await;
    let http = http::client();
    let balancer = Balancer::start(&[&one, &two, &three]).await;

    for header in ["X-Claude-Code-Session-Id", "X-Session-Affinity", "Session-Id", "session_id"] {
        let mut places = BTreeSet::new();
        for session in 0..20 {
            let session = || Some((header, format!("{header}-{session}")));
            let first = asked(&http, &balancer, session()).await;
            for _ in 0..4 {
                assert_eq!(asked(&http, &balancer, session()).await, first, "{header}");
            }
            places.insert(first);
        }
        assert_eq!(places.len(), 3, "{header}: every adapter has some");
    }
    let mut places = BTreeSet::new();
    for _ in 0..12 {
        places.insert(asked(&http, &balancer, None).await);
    }
    assert_eq!(places.len(), 3, "who names none comes to each in turn");
}

#[tokio::test]
async fn a_third_adapter_takes_its_share_and_no_other_session_moves() {
    let tasks = latchkey_shared::shutdown::Tasks::new();
    let one = adapter(&tasks).await;
    let two = adapter(&tasks).await;
    let three = adapter(&tasks).await;
    let balancer = Balancer::start(&[&one, &two]).await;
    let before = placed(&balancer).await;

    balancer.change(&[&one, &two, &three]).await;
    let after = placed(&balancer).await;
    balancer.change(&[&one, &two]).await;
    let again = placed(&balancer).await;

    let moved = moved(&before, &after);
    assert!(moved.values().all(|place| *place == three.as_str()), "{moved:?}");
    // A third, but for how evenly 160 points an adapter lie.
    assert!((SESSIONS / 6..SESSIONS / 2).contains(&moved.len()), "{} of {SESSIONS}", moved.len());
    assert_eq!(again, before, "and back");
}

#[tokio::test]
async fn an_adapter_with_a_new_address_moves_its_own_sessions_and_what_the_new_one_takes() {
    let tasks = latchkey_shared::shutdown::Tasks::new();
    let one = adapter(&tasks).await;
    let two = adapter(&tasks).await;
    let new = adapter(&tasks).await;
    let balancer = Balancer::start(&[&one, &two]).await;
    let before = placed(&balancer).await;

    balancer.change(&[&one, &new]).await;
    let after = placed(&balancer).await;

    let moved = moved(&before, &after);
    for (session, place) in &before {
        assert!(*place == one.as_str() || moved.contains_key(session), "{place} is gone");
    }
    let stayed = before.iter().filter(|(session, _)| !moved.contains_key(*session)).count();
    assert!(stayed > SESSIONS / 8, "{stayed} of {SESSIONS} stay with the one that stayed");
}

#[tokio::test]
async fn sessions_of_an_adapter_that_is_gone_are_answered_by_the_others() {
    let tasks = latchkey_shared::shutdown::Tasks::new();
    let one = adapter(&tasks).await;
    let two = adapter(&tasks).await;
    // Nobody listens there, and the balancer has not been told yet: as in the second after a replica went.
    let gone: Vec<Url> = (0..5).map(|_| nobody()).collect();
    let all: Vec<&Url> = gone.iter().chain([&one, &two]).collect();
    let balancer = Balancer::start(&all).await;

    let placed = placed(&balancer).await;

    assert!(placed.values().all(|place| *place == one.as_str() || *place == two.as_str()), "{placed:?}");
    let http = http::client();
    for _ in 0..40 {
        asked(&http, &balancer, None).await;
    }
}

#[tokio::test]
async fn nobody_is_told_how_the_adapters_are_through_the_balancer() {
    let tasks = latchkey_shared::shutdown::Tasks::new();
    let adapter = adapter(&tasks).await;
    let http = http::client();
    let balancer = Balancer::start(&[&adapter]).await;

    for path in ["/metrics", "/readyz", "/metrics/", "//readyz", "/%6detrics", "/./metrics", "/metrics?a=b"] {
        // Not joined: that would tidy the path.
        let url = format!("{}{path}", balancer.url.as_str().trim_end_matches('/'));
        let answer = http.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 404, "{path}");
        assert!(answer.text().await.unwrap().contains("not_found_error"), "{path}");
    }
    let livez = http.get(balancer.url.join("/livez").unwrap()).send().await.unwrap();
    assert_eq!(livez.text().await.unwrap(), "ok\n");
}

/// An address at which nobody listens.
fn nobody() -> Url {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    format!("http://127.0.0.1:{port}").parse().unwrap()
}
