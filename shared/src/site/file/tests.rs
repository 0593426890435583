//! What a site file may say, and what is said of one that is wrong.

use crate::site::{
    Bearer, Models, NamePattern, SiteUrls, parse,
    step::{Action, Condition},
};

const GOOD: &str = r#"version = 1
[site]
name = "inhouse"
title = "In-house chat"
base_url = "https://chat.example.org/app/"
origins = ["https://login.example.org"]
models = ["big", "small"]
[login]
timeout = "2m"
[[login.steps]]
goto = "{base_url}/login"
[[login.steps]]
fill = "input[name=user]"
value = "{username}"
[[login.steps]]
fill = "input[name=pass]"
value = "{password}"
[[login.steps]]
totp = "input[name=code]"
when_visible = "input[name=code]"
timeout = "5s"
[[login.steps]]
wait_for = { url = "{base_url}/*" }
[[login.refusals]]
means = "credentials_rejected"
when = { text = "Wrong password" }
[session]
cookies = ["sid", "access-*"]
bearer = { response = "/api/token", pointer = "/token" }
life = "8h"
[probe]
path = "/api/me"
pointer = "/name"
equals = "{username}"
[chat.openai]
path = "/v1/chat/completions"
"#;

/// The message for a good file in which one piece was replaced.
fn mistake(from: &str, to: &str) -> String {
    assert!(GOOD.contains(from), "{from}");
    parse("inhouse.toml", &GOOD.replacen(from, to, 1), &SiteUrls::new()).unwrap_err().to_string()
}

#[test]
fn a_good_file_becomes_a_site() {
    let site = parse("inhouse.toml", GOOD, &SiteUrls::new()).unwrap().site.unwrap();

    assert_eq!(site.url("/api/me").as_str(), "https://chat.example.org/app/api/me");
    assert_eq!(site.models, Models::Fixed(vec!["big".to_owned(), "small".to_owned()]));
    assert_eq!(site.origins.len(), 2);
    assert_eq!(site.login.steps.len(), 5);
    assert_eq!(site.login.steps[3].line, 18);
    assert!(matches!(&site.login.steps[2].action, Action::Fill { value, .. } if value.is_secret()));
    let Action::WaitFor(Condition::Url(NamePattern::Prefix(url))) = &site.login.steps[4].action else {
        panic!("{:?}", site.login.steps[4]);
    };
    assert_eq!(url, "https://chat.example.org/app/");
    assert!(matches!(site.session.bearer, Some(Bearer::Response { .. })));
    assert!(site.session.cookies[1].matches("access-1"));
}

#[test]
fn a_url_from_outside_replaces_the_files_own() {
    let urls = SiteUrls::from([("inhouse".parse().unwrap(), "http://127.0.0.1:9000".parse().unwrap())]);

    let site = parse("inhouse.toml", GOOD, &urls).unwrap().site.unwrap();

    assert_eq!(site.url("/api/me").as_str(), "http://127.0.0.1:9000/api/me");
}

#[test]
fn a_file_without_an_address_is_checked_all_the_same() {
    let nowhere = GOOD.replace("base_url = \"https://chat.example.org/app/\"\n", "");
    let broken = nowhere.replace("{password}", "{pasword}");

    assert!(parse("x.toml", &nowhere, &SiteUrls::new()).unwrap().site.is_none());
    assert!(parse("x.toml", &broken, &SiteUrls::new()).is_err());
}

#[test]
fn every_mistake_names_its_line_and_a_remedy() {
    let cases = [
        (
            "timeout = \"2m\"",
            "timeuot = \"2m\"",
            "inhouse.toml:9: unknown field `timeuot`, expected one of `timeout`, `step_timeout`, `steps`, `refusals`; did you mean `timeout`?",
        ),
        ("version = 1", "version = 2", "inhouse.toml:1: version must be 1"),
        (
            "\"inhouse\"",
            "\"In House\"",
            "inhouse.toml:3: not a site name: expected 1 to 40 of a-z, 0-9 and -, starting with a letter",
        ),
        (
            "https://chat",
            "ftp://chat",
            "inhouse.toml:5: base_url: \"ftp://chat.example.org/app/\" is no URL like https://chat.example.org",
        ),
        (
            "https://login.example.org",
            "https://login.example.org/x",
            "inhouse.toml:6: origins: an origin has no path",
        ),
        ("[\"big\", \"small\"]", "[]", "inhouse.toml:3: expected models = [\"...\"] or models_from = {...}"),
        ("\"2m\"", "\"2\"", "inhouse.toml:9: \"2\" is no duration, expected one like \"30s\" or \"12h\""),
        (
            "goto = \"{base_url}/login\"",
            "goto = \"https://evil.example/login\"",
            "inhouse.toml:11: goto: https://evil.example is not among site.origins; add it there",
        ),
        (
            "goto = \"{base_url}/login\"",
            "click = \"a\"",
            "inhouse.toml:10: the first step of login.steps must be a goto",
        ),
        (
            "{password}",
            "{pasword}",
            "inhouse.toml:17: unknown placeholder {pasword}, expected {base_url}, {username} or {password}",
        ),
        ("value = \"{password}\"\n", "", "inhouse.toml:15: fill needs a value"),
        ("{base_url}/login", "{password}/login", "inhouse.toml:11: {password} may not be used here"),
        (
            "totp = \"input[name=code]\"",
            "totp = \"a\"\nclick = \"b\"",
            "inhouse.toml:18: a step needs exactly one of goto, fill, click, press, choose, totp, wait_for, assert",
        ),
        (
            "totp = \"input[name=code]\"",
            "press = \"Return\"",
            "inhouse.toml:19: unknown key \"Return\", expected one of Enter, Tab, Escape, Space, ArrowUp, ArrowDown",
        ),
        (
            "{ url = \"{base_url}/*\" }",
            "{ }",
            "inhouse.toml:23: expected exactly one of visible, url, text, response",
        ),
        (
            "{ text = \"Wrong password\" }",
            "{ text = \"a\", status = [400] }",
            "inhouse.toml:24: status belongs to response",
        ),
        (
            "\"credentials_rejected\"",
            "\"credentials_rejectd\"",
            "inhouse.toml:25: unknown variant `credentials_rejectd`, expected one of `credentials_rejected`, `account_locked`, `rate_limited`, `human_required`, `site_down`; did you mean `credentials_rejected`?",
        ),
        (
            "pointer = \"/token\" }",
            "}",
            "inhouse.toml:29: bearer: response and pointer come together and start with /",
        ),
        ("\"/name\"", "\"name\"", "inhouse.toml:33: probe.pointer must be a JSON pointer: it starts with /"),
        (
            "equals = \"{username}\"",
            "equals = \"{password}\"",
            "inhouse.toml:34: {password} may not be used here",
        ),
        (
            "\"/v1/chat/completions\"",
            "\"v1/chat/completions\"",
            "inhouse.toml:36: chat.openai.path must start with /",
        ),
        (
            "[chat.openai]\npath = \"/v1/chat/completions\"\n",
            "[chat]\n",
            "inhouse.toml:35: chat: expected the table of exactly one driver: [chat.openai], [chat.http], [chat.socketio] or [chat.websocket]",
        ),
        (
            "title = \"In-house chat\"",
            "title = 3",
            "inhouse.toml:4: invalid type: integer `3`, expected a string",
        ),
        (
            "[probe]",
            "[limits]\nconcurrency = 0\n[probe]",
            "inhouse.toml:32: limits.concurrency must be at least 1",
        ),
    ];

    let wrong: Vec<String> = cases
        .iter()
        .map(|(from, to, expected)| (mistake(from, to), *expected))
        .filter(|(message, expected)| message != expected)
        .map(|(message, expected)| format!("\n  {message}\n  {expected}"))
        .collect();

    assert!(wrong.is_empty(), "{}", wrong.concat());
}

#[test]
fn the_built_in_files_are_right() {
    let urls = ["practice", "open-webui", "gradio", "librechat"]
        .map(|name| (name.parse().unwrap(), "http://127.0.0.1:1".parse().unwrap()));

    let catalog = crate::site::catalog::Catalog::load(&[], &SiteUrls::from(urls)).unwrap();

    assert_eq!(catalog.sites().count(), 4);
}
