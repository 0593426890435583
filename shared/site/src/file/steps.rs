//! The steps of a recipe as they stand in the file: one table each, with exactly one verb.

use std::time::Duration;

use serde::Deserialize;
use toml::Spanned;
use url::{Origin, Url};

use super::{SiteFileSource, template::template};
use crate::{
    SiteFileDiagnostic,
    condition::RawCondition,
    duration::some_duration,
    selector,
    step::{Action, Condition, LoginStep, RecipeKey},
    text::Placeholder,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawStep {
    goto: Option<Spanned<String>>,
    fill: Option<Spanned<String>>,
    click: Option<Spanned<String>>,
    press: Option<Spanned<String>>,
    choose: Option<Spanned<String>>,
    totp: Option<Spanned<String>>,
    wait_for: Option<Spanned<RawCondition>>,
    assert: Option<Spanned<RawCondition>>,
    value: Option<Spanned<String>>,
    when_visible: Option<Spanned<String>>,
    origin: Option<Spanned<String>>,
    #[serde(default, deserialize_with = "some_duration")]
    timeout: Option<Duration>,
}

pub(super) fn check(
    source: &SiteFileSource<'_>,
    raw: Spanned<Vec<Spanned<RawStep>>>,
    base_url: &Url,
    origins: &[Origin],
) -> Result<Vec<LoginStep>, SiteFileDiagnostic> {
    let at = raw.span().start;
    let mut steps = Vec::new();
    let raw = raw.into_inner();
    let begins = raw.first().is_some_and(|step| step.get_ref().goto.is_some());
    for step in raw {
        steps.extend(source.keep(self::step(source, step, base_url, origins)));
    }
    if begins { Ok(steps) } else { Err(source.mistake(at, "the first step must be a goto")) }
}

fn step(
    source: &SiteFileSource<'_>,
    raw: Spanned<RawStep>,
    base_url: &Url,
    origins: &[Origin],
) -> Result<LoginStep, SiteFileDiagnostic> {
    let at = raw.span().start;
    let raw = raw.into_inner();
    let selectors = [&raw.fill, &raw.click, &raw.choose, &raw.totp, &raw.when_visible];
    for selector in selectors.into_iter().flatten() {
        selector::check(selector.get_ref()).map_err(|why| source.mistake(selector.span().start, why))?;
    }
    let when_visible = raw.when_visible.clone().map(Spanned::into_inner);
    let timeout = raw.timeout;
    let origin = raw.origin.clone();
    let action = action(source, at, raw, base_url, origins)?;
    let origin = origin.map(|text| self::origin(source, &text, &action, origins)).transpose()?;
    Ok(LoginStep { action, when_visible, origin, timeout, line: source.line(at) })
}

fn action(
    source: &SiteFileSource<'_>,
    at: usize,
    raw: RawStep,
    base_url: &Url,
    origins: &[Origin],
) -> Result<Action, SiteFileDiagnostic> {
    let mut value = raw.value;
    let mut found = Vec::new();
    if let Some(url) = raw.goto {
        found.push(Action::Goto(goto(source, &url, base_url, origins)?));
    }
    if let Some(selector) = raw.fill {
        let value = value.take().ok_or_else(|| {
            source.mistake_about(at, "value", "fill needs it; write value = \"{username}\" or \"{password}\"")
        })?;
        let value = template(source, &value, &[Placeholder::Username, Placeholder::Password])?;
        found.push(Action::Fill { selector: selector.into_inner(), value });
    }
    if let Some(selector) = raw.choose {
        let option = value.take().ok_or_else(|| {
            source.mistake_about(at, "value", "choose needs it; write value = the option's value or text")
        })?;
        found.push(Action::Choose { selector: selector.into_inner(), option: option.into_inner() });
    }
    if let Some(key) = raw.press {
        found.push(Action::Press(self::key(source, &key)?));
    }
    found.extend(raw.click.map(|selector| Action::Click(selector.into_inner())));
    found.extend(raw.totp.map(|selector| Action::Totp(selector.into_inner())));
    if let Some(condition) = raw.wait_for {
        found.push(Action::WaitFor(self::condition(source, condition, base_url)?));
    }
    if let Some(condition) = raw.assert {
        found.push(Action::Assert(self::condition(source, condition, base_url)?));
    }
    if let Some(value) = value {
        return Err(source.mistake(
            value.span().start,
            "value belongs to fill or choose; take it away, or write the field's selector as fill",
        ));
    }
    <[Action; 1]>::try_from(found).map(|[action]| action).map_err(|found| {
        let verbs = "goto, fill, click, press, choose, totp, wait_for, assert";
        let has: Vec<&str> = found.iter().map(Action::verb).collect();
        match has.as_slice() {
            [] => source.mistake(at, format!("the step does nothing; expected one of {verbs}")),
            several => {
                let several = several.join(" and ");
                source.mistake(
                    at,
                    format!("a step does one thing, and this one has {several}; make it two steps"),
                )
            }
        }
    })
}

fn goto(
    source: &SiteFileSource<'_>,
    text: &Spanned<String>,
    base_url: &Url,
    origins: &[Origin],
) -> Result<Url, SiteFileDiagnostic> {
    let at = text.span().start;
    let filled = template(source, text, &[Placeholder::BaseUrl])?.fill_base_url(base_url);
    let url: Url = filled.parse().map_err(|_| {
        source.mistake(at, format!("{filled:?} is no URL; write {{base_url}}/... or the whole address"))
    })?;
    if !origins.contains(&url.origin()) {
        let origin = url.origin().ascii_serialization();
        return Err(source.mistake(at, format!("{origin} is not among site.origins; add it there")));
    }
    Ok(url)
}

/// Where alone a step types.
fn origin(
    source: &SiteFileSource<'_>,
    text: &Spanned<String>,
    action: &Action,
    origins: &[Origin],
) -> Result<Origin, SiteFileDiagnostic> {
    let at = text.span().start;
    if !matches!(action, Action::Fill { .. } | Action::Totp(_)) {
        return Err(source.mistake(at, "origin belongs to fill or totp; take it away"));
    }
    let wanted = text.get_ref();
    let same = origins.iter().find(|origin| origin.ascii_serialization() == wanted.trim_end_matches('/'));
    same.cloned().ok_or_else(|| {
        let known: Vec<String> = origins.iter().map(Origin::ascii_serialization).collect();
        source.mistake(
            at,
            format!("{wanted:?} is not among site.origins, expected one of {}", known.join(", ")),
        )
    })
}

fn key(source: &SiteFileSource<'_>, name: &Spanned<String>) -> Result<RecipeKey, SiteFileDiagnostic> {
    let found = RecipeKey::ALL.into_iter().find(|key| key.name() == name.get_ref());
    found.ok_or_else(|| {
        let names: Vec<&str> = RecipeKey::ALL.iter().map(|key| key.name()).collect();
        let expected = names.join(", ");
        source.mistake(
            name.span().start,
            format!("unknown key {:?}, expected one of {expected}", name.get_ref()),
        )
    })
}

fn condition(
    source: &SiteFileSource<'_>,
    raw: Spanned<RawCondition>,
    base_url: &Url,
) -> Result<Condition, SiteFileDiagnostic> {
    let at = raw.span().start;
    raw.into_inner().check(base_url).map_err(|why| source.mistake(at, why))
}
