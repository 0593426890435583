//! What a site file may say, and what is said of one that is wrong.

use crate::{
    Bearer, Models, NamePattern, SiteUrls, check, parse,
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
            "inhouse.toml:9: login.timeuot: unknown key; did you mean `timeout`?",
        ),
        (
            "\"inhouse\"",
            "\"In House\"",
            "inhouse.toml:3: site.name: not a site name: expected 1 to 40 of a-z, 0-9 and -, starting with a letter",
        ),
        (
            "https://chat",
            "ftp://chat",
            "inhouse.toml:5: site.base_url: \"ftp://chat.example.org/app/\" is no URL like https://chat.example.org",
        ),
        (
            "https://login.example.org",
            "https://login.example.org/x",
            "inhouse.toml:6: site.origins[1]: an origin has no path; end it after the host or port",
        ),
        ("[\"big\", \"small\"]", "[]", "inhouse.toml:7: site.models: is empty; write models = [\"big\"]"),
        (
            "\"2m\"",
            "\"2\"",
            "inhouse.toml:9: login.timeout: \"2\" is no duration, expected one like \"30s\" or \"12h\"",
        ),
        (
            "goto = \"{base_url}/login\"",
            "goto = \"https://evil.example/login\"",
            "inhouse.toml:11: login.steps[1].goto: https://evil.example is not among site.origins; add it there",
        ),
        (
            "goto = \"{base_url}/login\"",
            "click = \"a\"",
            "inhouse.toml:10: login.steps[1]: the first step must be a goto",
        ),
        (
            "{password}",
            "{pasword}",
            "inhouse.toml:17: login.steps[3].value: unknown placeholder {pasword}; did you mean {password}?",
        ),
        (
            "value = \"{password}\"\n",
            "",
            "inhouse.toml:15: login.steps[3].value: fill needs it; write value = \"{username}\" or \"{password}\"",
        ),
        (
            "{base_url}/login",
            "{password}/login",
            "inhouse.toml:11: login.steps[1].goto: {password} may not be used here, only {base_url}",
        ),
        (
            "totp = \"input[name=code]\"",
            "press = \"Return\"",
            "inhouse.toml:19: login.steps[4].press: \"Return\" is unknown, expected one of Enter, Tab, Escape, Space, ArrowUp, ArrowDown",
        ),
        (
            "{ url = \"{base_url}/*\" }",
            "{ }",
            "inhouse.toml:23: login.steps[5].wait_for: expected exactly one of visible, url, text, response",
        ),
        (
            "{ text = \"Wrong password\" }",
            "{ text = \"a\", status = [400] }",
            "inhouse.toml:24: login.refusals[1]: status belongs to response; write response = \"/path\" beside it, or take it away",
        ),
        (
            "pointer = \"/token\" }",
            "}",
            "inhouse.toml:29: session.bearer: response and pointer come together and start with /",
        ),
        ("\"/name\"", "\"name\"", "inhouse.toml:33: probe.pointer: must be a JSON pointer, like /user/name"),
        (
            "equals = \"{username}\"",
            "equals = \"{password}\"",
            "inhouse.toml:34: probe.equals: {password} may not be used here, only {username}",
        ),
        (
            "\"/v1/chat/completions\"",
            "\"v1/chat/completions\"",
            "inhouse.toml:36: chat.openai.path: must start with /",
        ),
        (
            "[chat.openai]\npath = \"/v1/chat/completions\"\n",
            "[chat]\n",
            "inhouse.toml:35: chat: expected the table of exactly one driver: [chat.openai], [chat.http], [chat.socketio] or [chat.websocket]",
        ),
        (
            "[probe]",
            "[limits]\nconcurrency = 0\n[probe]",
            "inhouse.toml:32: limits.concurrency: must be at least 1",
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
fn all_mistakes_are_told_in_one_run_and_what_can_be_guessed_is_not_told_twice() {
    let wrong = GOOD
        .replace("timeout = \"2m\"", "timeout = 120\nstep_timeuot = \"5s\"")
        .replace("{password}", "{pasword}")
        .replace("\"credentials_rejected\"", "\"credentials_rejectd\"")
        .replace("cookies = [\"sid\", \"access-*\"]", "cookies = \"sid\"")
        .replace("pointer = \"/name\"\n", "")
        .replace("path = \"/v1/chat/completions\"", "path = \"v1/chat/completions\"");

    let mistakes = check("x", &wrong, &SiteUrls::new()).unwrap_err();

    let told: Vec<String> =
        mistakes.iter().map(|mistake| format!("{} {}", mistake.line, mistake.key)).collect();
    assert_eq!(
        told,
        [
            "9 login.timeout",
            "10 login.step_timeuot",
            "18 login.steps[3].value",
            "26 login.refusals[1].means",
            "29 session.cookies",
            "32 probe.pointer",
            "36 chat.openai.path",
        ]
    );
}

#[test]
fn tools_are_passed_on_by_one_driver_alone() {
    let file = include_str!("../schema/examples/http.toml");
    let told = check(
        "x",
        &file.replacen("[chat.http]\n", "[chat]\ntools = true\n[chat.http]\n", 1),
        &SiteUrls::new(),
    );
    let told: Vec<String> = told.unwrap_err().iter().map(ToString::to_string).collect();
    assert!(told.len() == 1 && told[0].contains("only [chat.openai] passes tools on"), "{told:?}");
}
