//! What each verb of a recipe does.

use std::time::Duration;

use latchkey_shared::{
    credentials::Credentials,
    site::step::{Action, Condition, LoginStep, RecipeKey},
    time::Timestamp,
};
use secrecy::SecretString;
use tokio::time::{Instant, sleep};
use url::{Origin, Url};

use super::{FailureCode, LoginError, PAUSE, PageState, RecipeRunner, foreign};
use crate::{
    browser::{ActionOutcome, BrowserError, KeyPress},
    login::totp::{self, CodeTiming, TotpCodes},
};

/// What is done to an element once it takes input.
#[derive(Clone, Copy)]
enum ElementAction<'a> {
    /// The value, and where alone it is typed.
    Fill(&'a SecretString, Option<&'a Origin>),
    Choose(&'a str),
    Click,
}

impl RecipeRunner<'_> {
    pub(super) async fn act(&mut self, step: &LoginStep, deadline: Instant) -> Result<(), LoginError> {
        match &step.action {
            Action::Goto(url) => self.goto(url, deadline).await,
            Action::Fill { selector, value } => {
                if value.is_secret() {
                    self.begin_to_type().await?;
                }
                let Credentials { username, password, .. } = self.credentials;
                let value = value.fill(&self.site.base_url, username, password);
                self.enter(selector, deadline, ElementAction::Fill(&value, step.origin.as_ref())).await
            }
            Action::Totp(selector) => self.totp(selector, deadline, step).await,
            Action::Choose { selector, option } => {
                self.enter(selector, deadline, ElementAction::Choose(option)).await
            }
            Action::Click(selector) => self.enter(selector, deadline, ElementAction::Click).await,
            Action::Press(key) => {
                self.look(&[]).await?;
                self.page.refill(&self.origins).await?;
                Ok(self.page.press(pressed(*key)).await?)
            }
            Action::WaitFor(condition) => self.wait_for(condition, deadline).await,
            Action::Assert(condition) => {
                let sight = self.look(&[condition]).await?;
                let what = || format!("`{condition}` does not hold; the page is at {}", sight.place());
                if sight.holds(condition) {
                    Ok(())
                } else {
                    Err(LoginError::new(FailureCode::AssertionFailed, what()))
                }
            }
        }
    }

    /// Opens a URL and waits until its document is parsed, not until everything in it is loaded: one hanging image
    /// would hold the login up.
    async fn goto(&self, url: &Url, deadline: Instant) -> Result<(), LoginError> {
        let before = self.look(&[]).await?;
        let same_document = before.url().is_some_and(|before| is_fragment_of(&before, url));
        self.page.leave(url).await?;
        loop {
            let sight = self.look(&[]).await?;
            if sight.has_arrived() || (same_document && sight.url().as_ref() == Some(url)) {
                return Ok(());
            }
            if Instant::now() >= deadline.min(self.end) {
                let what = format!("{url} did not open; the page is at {}", sight.place());
                return Err(LoginError::new(FailureCode::NavigationTimeout, what));
            }
            sleep(PAUSE).await;
        }
    }

    /// Acts on an element as soon as it is visible and takes input.
    async fn enter(
        &self,
        selector: &str,
        deadline: Instant,
        action: ElementAction<'_>,
    ) -> Result<(), LoginError> {
        let visible = Condition::Visible(selector.to_owned());
        let mut was_disabled = false;
        loop {
            // Values are sent to the page only once there is a field for them.
            if let Err(sight) = self.wait(&visible, deadline).await? {
                return Err(if was_disabled { disabled(selector) } else { self.missing(selector, &sight) });
            }
            match self.attempt(selector, action).await {
                Ok(ActionOutcome::Done) => return Ok(()),
                Ok(ActionOutcome::Foreign) => return Err(self.foreign(&self.look(&[]).await?, action)),
                Ok(ActionOutcome::LeadsAway) => {
                    let what = format!(
                        "the form of `{selector}` sends to an origin that the site file does not allow"
                    );
                    return Err(LoginError::new(FailureCode::OriginViolation, what));
                }
                Ok(ActionOutcome::Unfit) => {
                    let what = format!("`{selector}` is not the kind of element that the step needs");
                    return Err(LoginError::new(FailureCode::SelectorMissing, what));
                }
                Ok(ActionOutcome::Disabled) => was_disabled = true,
                Ok(ActionOutcome::Missing) | Err(BrowserError::Timeout(_)) => was_disabled = false,
                Err(error) => return Err(error.into()),
            }
            if Instant::now() >= deadline.min(self.end) {
                let sight = self.look(&[]).await?;
                return Err(if was_disabled { disabled(selector) } else { self.missing(selector, &sight) });
            }
            sleep(PAUSE).await;
        }
    }

    async fn attempt(
        &self,
        selector: &str,
        action: ElementAction<'_>,
    ) -> Result<ActionOutcome, BrowserError> {
        match action {
            ElementAction::Fill(value, origin) => {
                let only = origin.map(Origin::ascii_serialization);
                let at = only.as_ref().map_or(self.origins.as_slice(), std::slice::from_ref);
                self.page.fill(selector, value, at, &self.origins).await
            }
            ElementAction::Choose(option) => self.page.choose(selector, option, &self.origins).await,
            ElementAction::Click => {
                self.page.refill(&self.origins).await?;
                self.page.click(selector).await
            }
        }
    }

    /// Why nothing is typed where the page is.
    fn foreign(&self, page_state: &PageState<'_>, action: ElementAction<'_>) -> LoginError {
        let at = page_state.origin().unwrap_or("an unknown origin");
        let is_of_the_site = self.origins.iter().any(|origin| origin == at);
        match action {
            ElementAction::Fill(_, Some(only)) if is_of_the_site => LoginError::new(
                FailureCode::OriginViolation,
                format!("the page is at {at}, and the step types at {} alone", only.ascii_serialization()),
            ),
            _ => foreign(page_state),
        }
    }

    async fn wait_for(&self, condition: &Condition, deadline: Instant) -> Result<(), LoginError> {
        let Err(sight) = self.wait(condition, deadline).await? else { return Ok(()) };
        let code = match condition {
            Condition::Visible(_) => FailureCode::SelectorMissing,
            Condition::Url(_) | Condition::Text(_) | Condition::Response { .. } => {
                FailureCode::NavigationTimeout
            }
        };
        if sight.origin().is_none() {
            return Err(LoginError::new(FailureCode::NavigationTimeout, "the page does not answer"));
        }
        Err(LoginError::new(
            code,
            format!("`{condition}` did not come true; the page is at {}", sight.place()),
        ))
    }

    async fn totp(&mut self, selector: &str, deadline: Instant, step: &LoginStep) -> Result<(), LoginError> {
        let Some(seed) = &self.credentials.totp_seed else {
            let what = "the site asks for a one-time code, but no TOTP seed is stored";
            return Err(LoginError::new(FailureCode::NoCredentials, what));
        };
        let Some(codes) = TotpCodes::new(seed) else {
            return Err(LoginError::new(FailureCode::NoCredentials, "the stored TOTP seed is no base32"));
        };
        let visible = Condition::Visible(selector.to_owned());
        if let Err(sight) = self.wait(&visible, deadline).await? {
            return Err(self.missing(selector, &sight));
        }
        let code = codes.code(self.claim_step(&codes).await?);
        self.secrets.push(code.clone());
        self.code_typed = true;
        // Waiting for a fresh code is not the page's delay.
        let deadline = Instant::now() + self.limit(step);
        self.enter(selector, deadline, ElementAction::Fill(&code, step.origin.as_ref())).await
    }

    /// Waits for a time step whose code is fresh enough and was not typed by any login before, of whatever account.
    async fn claim_step(&self, codes: &TotpCodes) -> Result<u64, LoginError> {
        loop {
            let now = Timestamp::now();
            let wait = match totp::moment(now) {
                CodeTiming::Step(step) if self.ledger.claim_totp_step(&codes.seed, step).await? => {
                    return Ok(step);
                }
                CodeTiming::Step(_) => totp::left(now),
                CodeTiming::Wait(wait) => wait,
            };
            tracing::debug!(totp.wait_ms = %wait.as_millis(), "waiting for the next one-time code");
            self.idle(wait).await?;
        }
    }

    /// Waits, and sees the site's refusals meanwhile.
    async fn idle(&self, wait: Duration) -> Result<(), LoginError> {
        let until = Instant::now() + wait;
        while Instant::now() < until {
            if Instant::now() >= self.end {
                return Err(LoginError::new(
                    FailureCode::NavigationTimeout,
                    "the recipe's time was over before the next code",
                ));
            }
            self.look(&[]).await?;
            sleep(PAUSE.min(until - Instant::now())).await;
        }
        Ok(())
    }
}

fn disabled(selector: &str) -> LoginError {
    LoginError::new(FailureCode::SelectorMissing, format!("`{selector}` is there, but takes no input"))
}

/// Whether going from one to the other stays in the document.
fn is_fragment_of(before: &Url, url: &Url) -> bool {
    let mut before = before.clone();
    let mut after = url.clone();
    before.set_fragment(None);
    after.set_fragment(None);
    url.fragment().is_some() && before == after
}

fn pressed(key: RecipeKey) -> KeyPress {
    let (virtual_code, text) = match key {
        RecipeKey::Enter => (13, "\r"),
        RecipeKey::Tab => (9, ""),
        RecipeKey::Escape => (27, ""),
        RecipeKey::Space => (32, " "),
        RecipeKey::ArrowUp => (38, ""),
        RecipeKey::ArrowDown => (40, ""),
    };
    let name = if key == RecipeKey::Space { " " } else { key.name() };
    KeyPress { key: name, code: key.name(), virtual_code, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_fragment_stays_in_the_document() {
        let stays = |from: &str, to: &str| is_fragment_of(&from.parse().unwrap(), &to.parse().unwrap());

        assert!(stays("http://a/b", "http://a/b#c"));
        assert!(!stays("http://a/b#c", "http://a/b"));
        assert!(!stays("http://a/b", "http://a/b"));
        assert!(!stays("http://a/", "http://a/b#c"));
    }
}
