//! `[login]`: what the person did until the last secret was sent.

use super::answer::{RecordedAnswer, path};
use crate::browser::{RecordedExchange, RecordedTraffic, UserAction, UserEvent};

/// Drafts the recipe; `question` is the field that shows that the site is signed in to.
pub(super) fn draft(seen: &RecordedAnswer<'_>, last_secret: usize, question: &UserEvent) -> String {
    let touches = &seen.tape.touches;
    let sends = |event: &&UserEvent| matches!(event.what, UserAction::Click | UserAction::Press);
    let sent = touches[last_secret + 1..].iter().take_while(sends).take(1).count();
    let steps = &touches[..=last_secret + sent];
    let mut text = String::from("[login]\n");
    let first = steps.first().map_or(seen.base_url, |touch| &touch.url);
    let first_path = path(seen.base_url, first).unwrap_or("/").split(['?', '#']).next().unwrap_or("/");
    text += &format!("\n[[login.steps]]\ngoto = \"{{base_url}}{first_path}\"\n");
    let username = username(steps);
    let mut after_code = "";
    for (index, touch) in steps.iter().enumerate() {
        let selector = &touch.selector;
        text += &match touch.what {
            UserAction::Fill if Some(index) == username => step("fill", selector, "value = \"{username}\"\n"),
            UserAction::Fill | UserAction::Choose => {
                let verb = if touch.what == UserAction::Fill { "fill" } else { "choose" };
                let value = serde_json::Value::from(touch.text.as_deref().unwrap_or_default()).to_string();
                step(
                    verb,
                    selector,
                    &format!("value = {} # VERIFY: the same for every account?\n", braces(&value)),
                )
            }
            UserAction::Password => step("fill", selector, "value = \"{password}\"\n"),
            UserAction::Code => {
                after_code = selector;
                step("totp", selector, &format!("when_visible = {selector:?}\n"))
            }
            UserAction::Click if after_code.is_empty() => step("click", selector, ""),
            UserAction::Click => step("click", selector, &format!("when_visible = {after_code:?}\n")),
            UserAction::Press => "\n[[login.steps]]\npress = \"Enter\"\n".to_owned(),
        };
    }
    text += &format!(
        "\n# The field where the question is typed shows that the site is signed in to.\n[[login.steps]]\nwait_for = {{ visible = {:?} }}\n",
        question.selector
    );
    text + &refusal(seen, last_secret)
}

fn step(verb: &str, selector: &str, more: &str) -> String {
    format!("\n[[login.steps]]\n{verb} = {selector:?}\n{more}")
}

/// Braces are placeholders in a site file, and a person's own have no spelling there.
fn braces(text: &str) -> String {
    text.replace(['{', '}'], "")
}

/// The last text before the first password.
fn username(steps: &[UserEvent]) -> Option<usize> {
    let password = steps.iter().position(|touch| touch.what == UserAction::Password).unwrap_or(steps.len());
    steps[..password].iter().rposition(|touch| touch.what == UserAction::Fill)
}

/// The username that was typed.
pub(super) fn typed_username(tape: &RecordedTraffic) -> Option<&str> {
    username(&tape.touches).and_then(|at| tape.touches[at].text.as_deref())
}

/// How the site says no was not seen; where it would say it was.
fn refusal(seen: &RecordedAnswer<'_>, last_secret: usize) -> String {
    let sent = seen.tape.exchanges.iter().find(|exchange| {
        last_secret < exchange.after
            && exchange.method == "POST"
            && path(seen.base_url, &exchange.url).is_some()
    });
    let at = sent
        .and_then(|exchange| path(seen.base_url, &exchange.url))
        .map(|path| path.split('?').next().unwrap_or(path));
    let Some(at) = at else {
        return "\n# VERIFY: sign in with a wrong password and add what the page shows then.\n# [[login.refusals]]\n# means = \"credentials_rejected\"\n# when = { text = \"...\" }\n".to_owned();
    };
    // What it answered to a sign-in that went well is no refusal.
    let went_well = |status: &u16| {
        let of_it = |exchange: &&RecordedExchange| {
            path(seen.base_url, &exchange.url).is_some_and(|path| path.starts_with(at))
        };
        seen.tape.exchanges.iter().filter(of_it).any(|exchange| exchange.status == Some(*status))
    };
    let refused: Vec<u16> = [400, 401, 403, 422].into_iter().filter(|status| !went_well(status)).collect();
    format!(
        "\n# VERIFY: sign in with a wrong password; the site may say it with another status, or in a text of the page.\n\
         [[login.refusals]]\nmeans = \"credentials_rejected\"\nwhen = {{ response = {at:?}, status = {refused:?} }}\n"
    )
}
