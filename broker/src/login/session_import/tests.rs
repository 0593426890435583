//! What a given session becomes. `tests/it` tries each form at a site, and each mistake.

use latchkey_shared::site;
use serde_json::json;

use super::*;

const PRACTICE: &str = include_str!("../../../../shared/sites/practice.toml");
const PLAIN_OPENAI: &str = include_str!("../../../../shared/sites/plain-openai.toml");
/// `{"exp":4102444800}`, the first second of 2100.
const TOKEN_UNTIL_2100: &str = "e30.eyJleHAiOjQxMDI0NDQ4MDB9.x";

fn site(name: &str, toml: &str) -> Site {
    let urls = [(name.parse().unwrap(), "https://chat.example.org".parse().unwrap())].into();
    site::parse(name, toml, &urls).unwrap().site.unwrap()
}

fn end(import: &SessionImport, site: &Site, until: Option<Timestamp>) -> Timestamp {
    import.session(site, &import.state(site).unwrap(), until).unwrap().expires_at
}

#[test]
fn a_key_ends_only_when_it_or_the_operator_says_so() {
    let site = site("plain-openai", PLAIN_OPENAI);
    let in_2100 = Timestamp::from_secs(4_102_444_800);
    let in_2099 = Timestamp::from_secs(4_070_908_800);
    let key = SessionImport::ApiKey("sk-1".into());
    let token = SessionImport::ApiKey(TOKEN_UNTIL_2100.into());

    assert_eq!(end(&key, &site, None), Timestamp::NEVER);
    assert_eq!(end(&key, &site, Some(in_2099)), in_2099);
    assert_eq!(end(&token, &site, None), in_2100);
    assert_eq!(end(&token, &site, Some(in_2099)), in_2099);
    assert_eq!(key.origin(), SessionOrigin::ApiKey);
}

#[test]
fn a_session_that_says_nothing_ends_as_the_site_file_says_or_sooner() {
    let site = site("practice", PRACTICE);
    let bearer = SessionImport::Bearer("opaque".into());
    let soon = Timestamp::now() + std::time::Duration::from_secs(60);

    assert_eq!(end(&bearer, &site, Some(soon)), soon);
    assert!(Timestamp::now() < end(&bearer, &site, None));
    assert!(end(&bearer, &site, None) <= Timestamp::now() + site.session.life);
}

#[test]
fn a_bearer_is_put_where_the_page_would_keep_it() {
    let site = site("practice", PRACTICE);

    let state = SessionImport::Bearer(" Bearer a-token\n".into()).state(&site).unwrap();

    assert_eq!(state.local_storage["token"].expose_secret(), "a-token");
    assert_eq!(state.bearer.unwrap().expose_secret(), "a-token");
}

#[test]
fn cookies_without_a_host_are_the_sites_own_and_go_over_https_alone() {
    let site = site("practice", PRACTICE);

    let state =
        SessionImport::Cookies("Cookie: theme=a b; practice_session=\"x=y\";".into()).state(&site).unwrap();

    let header = |url: &str| {
        let header = state.cookie_header(&url.parse().unwrap());
        header.map(|header| header.expose_secret().to_owned())
    };
    assert_eq!(header("https://chat.example.org/api").unwrap(), "theme=a b; practice_session=\"x=y\"");
    assert_eq!(header("http://chat.example.org/api"), None);
    assert_eq!(header("https://example.org/"), None);
}

#[test]
fn what_no_header_can_carry_is_refused_before_it_is_sent() {
    let site = site("practice", PRACTICE);
    let origin = "https://chat.example.org";
    let cookie = |name: &str, value: &str| json!({"cookies": [{"name": name, "value": value, "domain": ".example.org", "path": "/"}]});
    let token =
        json!({"origins": [{"origin": origin, "localStorage": [{"name": "token", "value": "a\nb"}]}]});

    for wrong in [cookie("practice_session", "a\r\nx: b"), cookie("a b", "c"), token] {
        let stored: StorageState = serde_json::from_value(wrong).unwrap();
        let mistake = SessionImport::StorageState(stored).state(&site).unwrap_err();
        assert!(mistake.message.contains("header") || mistake.message.contains("token"), "{mistake}");
    }
    let stored: StorageState = serde_json::from_value(cookie("practice_session", "fine")).unwrap();
    assert_eq!(SessionImport::StorageState(stored).state(&site).unwrap().cookies.len(), 1);
}
