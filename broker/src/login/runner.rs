//! Runs a recipe: one step at a time, each with a deadline, with an eye on every way in which the site says no.

use std::{borrow::Cow, path::PathBuf, time::Duration};

use latchkey_shared::{
    credentials::Credentials,
    site::{
        Site,
        step::{Action, Condition, LoginStep},
    },
};
use secrecy::{ExposeSecret, SecretString};
use tokio::time::{Instant, sleep};

use super::{
    FailureCode, LoginFailure, LoginProgress, ReportProgress, failure::LoginError, ledger::TypingLedger,
    screenshot,
};
use crate::browser::Page;

mod act;
mod auth_state;
mod page_state;

pub(super) use auth_state::AuthState;
use page_state::PageState;

/// How often the page is looked at.
const PAUSE: Duration = Duration::from_millis(30);
/// How long something optional may take to appear when nothing tells that it will not.
const SETTLE: Duration = Duration::from_secs(2);
/// How long the sign that something optional will not appear must last.
const CALM: Duration = Duration::from_millis(200);

/// A recipe in progress on one page.
pub(super) struct RecipeRunner<'a> {
    pub(super) page: &'a Page,
    pub(super) site: &'a Site,
    pub(super) ledger: TypingLedger<'a>,
    pub(super) credentials: &'a Credentials,
    /// Where a picture goes after each step, if anywhere.
    pub(super) pictures: Option<PathBuf>,
    /// Origins that may be typed at, as JavaScript prints them.
    origins: Vec<String>,
    secrets: Vec<SecretString>,
    password_typed: bool,
    code_typed: bool,
    /// End of the whole recipe.
    end: Instant,
    /// Since when steps wait for what comes next; they share one limit.
    waiting_since: Option<Instant>,
    /// Since when the next step could do its work.
    settling: Option<Instant>,
}

/// What must be there for the next step that is not optional.
struct ExpectedNext<'a> {
    condition: Cow<'a, Condition>,
    /// The recipe names it as a sign; otherwise it is the element that the step acts on.
    is_sign: bool,
    limit: Duration,
}

impl<'a> RecipeRunner<'a> {
    pub(super) fn new(
        page: &'a Page,
        site: &'a Site,
        ledger: TypingLedger<'a>,
        credentials: &'a Credentials,
    ) -> Self {
        let secrets = std::iter::once(&credentials.password).chain(&credentials.totp_seed);
        let secrets = secrets.filter(|secret| !secret.expose_secret().is_empty()).cloned().collect();
        Self {
            page,
            site,
            ledger,
            credentials,
            pictures: None,
            origins: site.origins.iter().map(url::Origin::ascii_serialization).collect(),
            secrets,
            password_typed: false,
            code_typed: false,
            end: Instant::now() + site.login.timeout,
            waiting_since: None,
            settling: None,
        }
    }

    /// Runs every step.
    pub(super) async fn run(&mut self, report: ReportProgress<'_>) -> Result<(), LoginFailure> {
        let steps = &self.site.login.steps;
        for (index, step) in steps.iter().enumerate() {
            let verb = step.action.verb();
            let target = step.action.target();
            tracing::debug!(step.index = index + 1, step.verb = verb, step.target = target, "login step");
            report(LoginProgress::Step { index: index + 1, total: steps.len(), verb, target });
            self.step(index, step).await.map_err(|trouble| trouble.at(index, step))?;
            if let Some(directory) = &self.pictures {
                let name = format!("{:02}-{verb}.png", index + 1);
                screenshot::of_step(self.page, &self.secrets, &directory.join(name)).await;
            }
        }
        Ok(())
    }

    /// Everything that must not be seen on a picture.
    pub(super) fn secrets(&self) -> &[SecretString] {
        &self.secrets
    }

    /// Whether the site has been given the password, so that failing again may lock the account.
    pub(super) fn password_typed(&self) -> bool {
        self.password_typed
    }

    /// Whether the site has been given a one-time code.
    pub(super) fn code_typed(&self) -> bool {
        self.code_typed
    }

    /// Notes that the password is typed from now on, here and in the account.
    async fn begin_to_type(&mut self) -> Result<(), LoginError> {
        if !self.password_typed {
            self.ledger.begin_to_type().await?;
            self.password_typed = true;
        }
        Ok(())
    }

    async fn step(&mut self, index: usize, step: &LoginStep) -> Result<(), LoginError> {
        let since = *self.waiting_since.get_or_insert_with(Instant::now);
        if let Some(selector) = &step.when_visible {
            let expected = self.expected_after(index);
            if !self.comes_up(selector, expected.as_ref(), since).await? {
                return Ok(());
            }
            // It is there: the action itself has its full time.
            self.waiting_since = Some(Instant::now());
        }
        let since = self.waiting_since.take().unwrap_or(since);
        self.settling = None;
        self.act(step, since + self.limit(step)).await
    }

    fn limit(&self, step: &LoginStep) -> Duration {
        step.timeout.unwrap_or(self.site.login.step_timeout)
    }

    /// Whether the element of an optional step appears: until the next step that is not optional can do its work,
    /// or would be late.
    async fn comes_up(
        &mut self,
        selector: &str,
        expected: Option<&ExpectedNext<'_>>,
        since: Instant,
    ) -> Result<bool, LoginError> {
        let wanted = Condition::Visible(selector.to_owned());
        let conditions: Vec<&Condition> =
            std::iter::once(&wanted).chain(expected.map(|expected| &*expected.condition)).collect();
        let end = expected.map_or(Instant::now() + SETTLE, |expected| since + expected.limit).min(self.end);
        let mut came_up = false;
        loop {
            let sight = self.look(&conditions).await?;
            if sight.holds(&wanted) {
                return Ok(true);
            }
            let next = expected.filter(|expected| sight.holds(&expected.condition));
            came_up |= next.is_none();
            // A field or button that was there from the start may be left from the page before.
            let calm = if came_up || next.is_some_and(|next| next.is_sign) { CALM } else { SETTLE };
            self.settling = next.map(|_| self.settling.unwrap_or_else(Instant::now));
            let is_settled = self.settling.is_some_and(|from| from.elapsed() >= calm);
            if is_settled || Instant::now() >= end {
                return Ok(false);
            }
            sleep(PAUSE).await;
        }
    }

    /// What the next step that is not optional waits for; `None` when that cannot be seen.
    fn expected_after(&self, index: usize) -> Option<ExpectedNext<'a>> {
        let next = self.site.login.steps[index + 1..].iter().find(|step| step.when_visible.is_none())?;
        let (condition, is_sign) = match &next.action {
            Action::Fill { selector, .. }
            | Action::Choose { selector, .. }
            | Action::Click(selector)
            | Action::Totp(selector) => (Cow::Owned(Condition::Visible(selector.clone())), false),
            Action::WaitFor(condition) | Action::Assert(condition) => (Cow::Borrowed(condition), true),
            Action::Goto(_) | Action::Press(_) => return None,
        };
        Some(ExpectedNext { condition, is_sign, limit: self.limit(next) })
    }

    /// Looks at the page once. A refusal that shows, a page that cannot be had and a selector that is none end the
    /// login here.
    async fn look(&self, conditions: &[&Condition]) -> Result<PageState<'_>, LoginError> {
        let sight = PageState::take(self.page, self.site, conditions).await?;
        if let Some(refusal) = self.site.login.refusals.iter().find(|refusal| sight.holds(&refusal.when)) {
            return Err(LoginError::new(
                refusal.means.into(),
                format!("the site refused ({})", refusal.when),
            ));
        }
        sight.check_document()?;
        Ok(sight)
    }

    /// Waits until a condition holds; gives what was seen last when it does not until the deadline.
    async fn wait(
        &self,
        condition: &Condition,
        deadline: Instant,
    ) -> Result<Result<(), PageState<'_>>, LoginError> {
        let deadline = deadline.min(self.end);
        loop {
            let sight = self.look(&[condition]).await?;
            if sight.holds(condition) {
                return Ok(Ok(()));
            }
            if Instant::now() >= deadline {
                return Ok(Err(sight));
            }
            sleep(PAUSE).await;
        }
    }

    /// Why an element did not appear.
    fn missing(&self, selector: &str, page_state: &PageState<'_>) -> LoginError {
        let Some(origin) = page_state.origin() else {
            return LoginError::new(FailureCode::NavigationTimeout, "the page does not answer");
        };
        let at = page_state.place();
        // The browser's own error page, when the event that tells why was late or lost.
        if at.to_string().starts_with("chrome-error:") {
            return LoginError::new(FailureCode::SiteDown, "the browser could not open the site");
        }
        if origin != "null" && !self.origins.iter().any(|allowed| allowed == origin) {
            return foreign(page_state);
        }
        LoginError::new(
            FailureCode::SelectorMissing,
            format!("`{selector}` did not become visible; the page is at {at}"),
        )
    }
}

/// The page is where nothing may be typed.
fn foreign(page_state: &PageState<'_>) -> LoginError {
    let origin = page_state.origin().unwrap_or("an unknown origin");
    LoginError::new(
        FailureCode::OriginViolation,
        format!("the login page is at {origin}, which the site file does not allow"),
    )
}
