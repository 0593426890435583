//! Where a login page sends what is typed, and from where it comes: to and from nowhere but the site's own origins.

use std::sync::{Arc, Mutex};

use axum::{Router, extract::RawQuery, response::Html, routing::get};
use latchkey_broker::login::{FailureCode, LoginFailure};
use latchkey_shared::site::Site;
use support::{
    practice,
    server::{self, Server},
};

use super::{bench::Bench, bench::practice_site, fake};

const FIELDS: &str = "<input name=username><input name=password type=password>";

/// A login page, and all that was typed there: its script tells it with every key.
struct TypingPage {
    typed: Arc<Mutex<Vec<String>>>,
    site: Site,
    _server: Server,
}

impl TypingPage {
    async fn start(html: String) -> Self {
        let typed: Arc<Mutex<Vec<String>>> = Arc::default();
        let listener = server::listener().await;
        let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
        let told = Arc::clone(&typed);
        let router = Router::new().route("/login", get(async || Html(html))).route(
            "/typed",
            get(async move |RawQuery(query): RawQuery| {
                told.lock().unwrap().push(query.unwrap_or_default());
            }),
        );
        let site = fake::site(&url, "{ cookie = \"none\" }", "");
        Self { typed, site, _server: Server::on(listener, router) }
    }

    async fn sign_in(self) -> (Result<(), LoginFailure>, bool) {
        let bench = Bench::new(self.site).await;
        let signed_in = bench.sign_in().await.map(drop);
        let saw = self.typed.lock().unwrap().iter().any(|query| query.contains(practice::PASSWORD));
        (signed_in, saw)
    }
}

/// Tells its server of every value that a field gets.
fn telling(body: &str) -> String {
    format!(
        "<!doctype html><link rel=icon href=data:,>{body}<script>\
         addEventListener('input', (event) => fetch(location.origin + '/typed?' + event.target.value, {{ keepalive: true }}), true);\
         </script>"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_typed_into_a_form_that_sends_elsewhere() {
    for body in [
        format!("<form action=http://127.0.0.1:9/steal method=post>{FIELDS}</form>"),
        format!("<base href=http://127.0.0.1:9/><form action=login method=post>{FIELDS}</form>"),
        format!("<form>{FIELDS}<button formaction=http://127.0.0.1:9/steal>go</button></form>"),
        format!("<form id=f>{FIELDS}</form><button form=f formaction=http://127.0.0.1:9/steal>go</button>"),
        // Fields that have the names of what is asked of their form.
        format!(
            "<form action=http://127.0.0.1:9/steal>{FIELDS}<input name=action><input name=elements></form>"
        ),
        format!("<form action=mailto:x@example.org>{FIELDS}</form>"),
        format!(
            "<form action=http://127.0.0.1:9/steal>{FIELDS}<input name=getAttribute><input name=getRootNode></form>"
        ),
        // No element of its form, and sends it.
        format!("<form>{FIELDS}<input type=image alt=go formaction=http://127.0.0.1:9/steal></form>"),
        format!(
            "<div id=host></div><script>host.attachShadow({{ mode: 'open' }}).innerHTML = \
             '<form action=http://127.0.0.1:9/steal>{FIELDS}</form>'</script>"
        ),
        format!("<form action=//127.0.0.1:9/steal>{FIELDS}</form>"),
    ] {
        let (signed_in, saw) = TypingPage::start(telling(&body)).await.sign_in().await;

        let failure = signed_in.unwrap_err();
        assert_eq!(failure.code, FailureCode::OriginViolation, "{body}: {failure:?}");
        assert!(failure.message.contains("sends to an origin"), "{}", failure.message);
        assert!(!saw, "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forms_that_send_home_or_nowhere_are_typed_into() {
    for body in [
        FIELDS.to_owned(),
        format!("<form action=''>{FIELDS}</form>"),
        format!("<form action=/signin>{FIELDS}<button formaction=/other>go</button></form>"),
        // What React writes for a form that a function handles.
        format!("<form action=\"javascript:throw new Error('unexpected')\">{FIELDS}</form>"),
    ] {
        let (_, saw) = TypingPage::start(telling(&body)).await.sign_in().await;
        assert!(saw, "{body}");
    }
}

/// A document that a script made has the origin of its maker, and nobody can say who wrote it.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_typed_into_a_blob() {
    let inner =
        telling(&format!("<form>{FIELDS}</form>")).replace("</script>", "<\\/script>").replace('\'', "\\'");
    let outer = format!(
        "<!doctype html><link rel=icon href=data:,><script>\
         location = URL.createObjectURL(new Blob(['{inner}'], {{ type: 'text/html' }}))</script>"
    );

    let (signed_in, saw) = TypingPage::start(outer).await.sign_in().await;

    assert_eq!(signed_in.unwrap_err().code, FailureCode::OriginViolation);
    assert!(!saw);
}

/// With single sign-on the application's own page may show the fields too.
#[tokio::test(flavor = "multi_thread")]
async fn a_step_with_an_origin_types_there_alone() {
    let practice = super::bench::practice(|site| site.cross_origin = true).await;
    let identity = practice.identity_url().origin().ascii_serialization();
    let own = practice.url.origin().ascii_serialization();
    let only = |origin: &str| {
        let origins = format!("[site]\norigins = [\"{identity}\"]");
        let step = format!("value = \"{{password}}\"\norigin = \"{origin}\"");
        let change = |toml: String| toml.replace("[site]", &origins).replace("value = \"{password}\"", &step);
        practice_site(&practice.url, change)
    };

    let failure = Bench::new(only(&own)).await.sign_in().await.unwrap_err();
    assert_eq!(failure.code, FailureCode::OriginViolation, "{failure:?}");
    let told = format!("the page is at {identity}, and the step types at {own} alone");
    assert!(failure.message.starts_with(&told), "{}", failure.message);

    Bench::new(only(&identity)).await.sign_in().await.unwrap();
}

/// As whoever writes Redis as the broker may do it, to have the password typed at another site of the catalog.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_was_moved_to_another_site_is_typed_nowhere() {
    let practice = super::bench::practice(|_| {}).await;
    let mut bench = Bench::new(practice_site(&practice.url, |toml| toml)).await;
    let key = format!("lk:{{{}}}:account", bench.account.id);
    let mut redis = bench.redis.connection().await;
    redis::cmd("HSET").arg(&key).arg("site").arg("second").exec_async(&mut redis).await.unwrap();
    bench.site.name = "second".parse().unwrap();

    let failure = bench.sign_in().await.unwrap_err();

    assert_eq!(failure.code, FailureCode::NoCredentials, "{failure:?}");
    assert!(failure.message.contains("sealed for another site"), "{}", failure.message);
    assert!(practice.issued().is_empty());
}
