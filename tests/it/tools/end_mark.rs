//! The mark with which a model ends finished work: asked for where the site file says so, never shown, and relied on only
//! where nine of ten answers keep to it.

use latchkey_bridge::dialect::CallFormat;
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use support::{
    model::Reply,
    world::{SHARED_SECRET, WorldBuilder},
};

use super::{APIS, SITE_FILE, ToolsSite, native, task, whole};

const OTHER: &str = "a-secret-of-another-tenant";
const FINISHED: &str = "The test passes now.";
const ANNOUNCED: &str = "Now let me run the tests:";
const UNCLEAR: &str = "The loader reads the file twice.";

/// A site file with these rules for the site and for its first model.
fn marked(of_site: &str, of_model: &str) -> WorldBuilder {
    let chat = format!("tools = false\n{of_site}");
    let model = format!("[chat.models.practice-1]\n{of_model}\n[chat.openai]");
    let file = SITE_FILE.replace("tools = true", &chat).replace("[chat.openai]", &model);
    let ring = format!("{SHARED_SECRET},{OTHER}");
    native().site_file(file).adapter_env("LATCHKEY_SHARED_SECRETS", &ring)
}

/// The mark that a request asks for.
fn asked_for(body: &Value) -> Option<String> {
    let prompt = body["messages"].to_string();
    let (_, rest) = prompt.rsplit_once("END_")?;
    Some(format!("END_{}", &rest[..8]))
}

/// A model that says the same in whatever conversation, its mark in the place of `MARK`, and to a nudge that nothing is
/// to be done.
fn says(site: &ToolsSite, text: &'static str) {
    site.model().reset();
    site.model().always_with(move |body: &Value| {
        let messages = body["messages"].as_array().unwrap();
        let last = messages.last().unwrap()["content"].to_string();
        match last.split_once("reply exactly NO_TOOL_") {
            Some((_, nonce)) => Reply::text(&format!("NO_TOOL_{}", &nonce[..8])),
            None => Reply::text(&text.replace("MARK", &asked_for(body).unwrap_or_default())),
        }
    });
}

/// How often the site is asked for an answer to a client, which is never shown the mark.
async fn asked(site: &ToolsSite, secret: &str) -> usize {
    let before = site.model().calls().len();
    let answer = site.world.adapter().with_secret(secret).stream(&task()).await;
    assert_eq!(answer.finish_reason(), "stop", "{}", answer.raw);
    assert!(!answer.raw.contains("END_") && !answer.raw.contains("NO_TOOL_"), "{}", answer.raw);
    site.model().calls().len() - before
}

#[tokio::test]
async fn it_is_asked_for_where_the_site_file_says_so_and_nowhere_else() {
    let mut required = task();
    required["tool_choice"] = "required".into();
    let mut shaped = task();
    shaped["response_format"] = json!({"type": "json_object"});
    for (of_site, of_model, judge, body, is_asked) in [
        ("", "", "enforce", task(), false),
        ("end_mark = true", "", "enforce", task(), true),
        ("end_mark = true", "end_mark = false", "enforce", task(), false),
        ("", "end_mark = true", "shadow", task(), true),
        ("end_mark = true", "", "off", task(), false),
        ("end_mark = true", "", "enforce", required, false),
        ("end_mark = true", "", "enforce", shaped, false),
        ("end_mark = true", "", "enforce", support::world::AdapterClient::question("Hello?"), false),
    ] {
        let world = marked(of_site, of_model).adapter_env("LATCHKEY_JUDGE", judge).await;
        world.practice.model().always(Reply::text("{}"));
        world.adapter().chat(&body).await;

        let first = &world.practice.model().calls()[0].body;
        assert_eq!(asked_for(first).is_some(), is_asked, "{of_site} {of_model} {judge} {body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn however_it_is_cut_it_is_never_shown_and_no_other_byte_is_lost() {
    // Else the same question would be given the answer of a stream before it.
    let start = marked("end_mark = true", "").adapter_env("LATCHKEY_RESEND", "off");
    let site = ToolsSite::start(start, CallFormat::Xml).await;
    let end = format!("END_{}", site.nonce);
    let runtime = tokio::runtime::Handle::current();
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    let said = "(?s)[END_ a字.]{0,9}";
    let strategy = (said, said, prop::collection::vec(1..7usize, 1..6), 0..=APIS.len());
    TestRunner::new(config)
        .run(&strategy, |(before, behind, cuts, way)| {
            let text = format!("It is done. {before} {end} {behind}.");
            let expected = format!("It is done. {before}  {behind}.");
            site.model().reset();
            site.model().will(cut(&text, &cuts));
            site.model().always(Reply::text(&format!("NO_TOOL_{}", site.nonce)));
            let got = async {
                match APIS.get(way) {
                    Some(api) => whole(&site, api, &json!({})).await.text,
                    None => site.stream().await.text(),
                }
            };
            let got = tokio::task::block_in_place(|| runtime.block_on(got));
            prop_assert_eq!(got, expected);
            Ok(())
        })
        .unwrap();

    site.model().reset();
    let thought =
        Reply::new().reasoning(&format!("I end with {}", &end[..7])).reasoning(&format!("{}.", &end[7..]));
    site.model().will(thought.piece(FINISHED).piece(&end));
    let stream = site.stream().await;
    assert!(!stream.raw.contains(&end[4..]), "{}", stream.raw);
    assert!(stream.raw.contains("I end with "), "{}", stream.raw);
}

/// A text in pieces of these sizes, over and over.
fn cut(text: &str, sizes: &[usize]) -> Reply {
    let mut rest: Vec<char> = text.chars().collect();
    let mut reply = Reply::new();
    for size in sizes.iter().cycle() {
        if rest.is_empty() {
            break;
        }
        let piece: String = rest.drain(..(*size).min(rest.len())).collect();
        reply = reply.piece(&piece);
    }
    reply
}

#[tokio::test]
async fn where_nine_of_ten_keep_to_it_it_ends_the_guess_and_its_absence_is_asked_about() {
    let site = ToolsSite::start(marked("end_mark = true", ""), CallFormat::Xml).await;
    says(&site, UNCLEAR);
    assert_eq!(asked(&site, SHARED_SECRET).await, 1, "nothing is known of it");
    says(&site, "Now let me run the tests: MARK");
    assert_eq!(asked(&site, OTHER).await, 2, "nothing is known of it");
    says(&site, "The test passes now.\n\nMARK");
    for secret in [SHARED_SECRET, OTHER].repeat(40) {
        assert_eq!(asked(&site, secret).await, 1);
    }

    for (text, times) in [
        ("Now let me run the tests: MARK", 1),
        (ANNOUNCED, 2),
        (UNCLEAR, 2),
        ("Which file is it?", 1),
        (FINISHED, 1),
    ] {
        says(&site, text);
        assert_eq!(asked(&site, SHARED_SECRET).await, times, "{text}");
    }
    let metrics = site.world.adapter().get("/metrics").await.body;
    let count = |outcome: &str| {
        let series = format!(
            "toolcall_end_mark_total{{site=\"practice\",model=\"practice-1\",outcome=\"{outcome}\"}} "
        );
        let line =
            metrics.lines().find_map(|line| line.strip_prefix("latchkey_adapter_")?.strip_prefix(&series));
        line.unwrap_or("0").to_owned()
    };
    // Two were missed before it was known of, one by the first question of this test.
    assert_eq!(["kept", "missed", "repeated", "misplaced"].map(count), ["80", "5", "0", "2"], "{metrics}");
    let nudged = "toolcall_nudge_total{site=\"practice\",model=\"practice-1\",dialect=\"xml\",step=\"unmarked\",outcome=\"declined\"} 1";
    assert!(metrics.contains(nudged), "{metrics}");
    in_the_shadow(&kept(&site).await).await;
}

/// What Redis holds of it: names and numbers.
async fn kept(site: &ToolsSite) -> Vec<(String, String, u64)> {
    let mut redis = site.world.redis.connection().await;
    let keys: Vec<String> = redis::cmd("KEYS").arg("lk:outcomes:*").query_async(&mut redis).await.unwrap();
    let mut kept = Vec::new();
    for key in keys {
        let fields: Vec<(String, u64)> =
            redis::cmd("HGETALL").arg(&key).query_async(&mut redis).await.unwrap();
        for (name, count) in fields {
            let parts: Vec<&str> = name.split('/').collect();
            if let ["end_mark", client, outcome] = parts[..] {
                assert!(client.len() == 1 && ["kept", "missed", "misplaced"].contains(&outcome), "{name}");
                kept.push((key.clone(), name, count));
            }
        }
    }
    assert!(!kept.is_empty());
    kept
}

/// A judge in the shadow counts, and goes by nothing.
async fn in_the_shadow(kept: &[(String, String, u64)]) {
    let start = marked("end_mark = true", "").adapter_env("LATCHKEY_JUDGE", "shadow");
    let site = ToolsSite { world: start.await, dialect: CallFormat::Xml, nonce: String::new() };
    let mut redis = site.world.redis.connection().await;
    for (key, name, count) in kept {
        redis::cmd("HSET").arg(key).arg(name).arg(*count).exec_async(&mut redis).await.unwrap();
    }
    says(&site, UNCLEAR);
    assert_eq!(asked(&site, SHARED_SECRET).await, 1);
    let metrics = site.world.adapter().get("/metrics").await.body;
    assert!(metrics.contains("step=\"unmarked\",outcome=\"shadow\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_model_that_repeats_it_is_asked_no_more() {
    for text in ["MARK\n\nThe test passes now. MARK", "MARK\n\nThe test passes now."] {
        let site = ToolsSite::start(marked("end_mark = true", ""), CallFormat::Xml).await;
        says(&site, text);
        for secret in [SHARED_SECRET, OTHER].repeat(16) {
            assert_eq!(asked(&site, secret).await, 1, "{text}");
        }
        assert!(asked_for(&site.model().calls()[0].body).is_some());
        assert_eq!(asked_for(&site.model().last_call().body), None, "{text}");
    }
}
