//! Follows a recipe with nothing typed: a site that still knows the browser asks for nothing.

use std::{borrow::Cow, time::Duration};

use latchkey_shared::site::step::{Action, Condition, LoginStep};
use tokio::time::{Instant, sleep};
use url::Url;

use super::{CALM, LoginError, LoginProgress, PAUSE, PageState, RecipeRunner, ReportProgress};

/// How long a page may show nothing, go nowhere and hear nothing, before it is taken to stay so. Long for a page, but
/// the cost of giving up too early is a password typed.
const STILL: Duration = Duration::from_secs(10);

/// How a site met a browser that it may know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::login) enum AuthState {
    /// It is signed in.
    SignedIn,
    /// It asks for what would have to be typed.
    Asked,
    /// It did neither in time, or nothing at all for a while.
    Unclear,
}

impl RecipeRunner<'_> {
    /// Opens what the recipe opens and clicks what it clicks, in its order, until `sign` shows or something is asked
    /// for.
    pub(in crate::login) async fn follow(
        &mut self,
        sign: &Condition,
        report: ReportProgress<'_>,
    ) -> Result<AuthState, LoginError> {
        let steps = &self.site.login.steps;
        let mut next = 0;
        while let Some(step) = steps.get(next).filter(|step| matches!(step.action, Action::Goto(_))) {
            self.told(next, report);
            self.act(step, Instant::now() + self.limit(step)).await?;
            next += 1;
        }
        loop {
            let Some(met) = self.meet(sign, next).await? else { return Ok(AuthState::Unclear) };
            let Encounter::Step(index) = met else { return Ok(AuthState::SignedIn) };
            let step = &steps[index];
            if is_typed(step) {
                return Ok(AuthState::Asked);
            }
            self.told(index, report);
            self.act(step, Instant::now() + self.limit(step)).await?;
            // What was clicked may stand there for a moment still.
            next = index + 1;
        }
    }

    /// Waits for the sign, or for the first element that a later step acts on; what is met must stay for a moment.
    async fn meet(&self, sign: &Condition, from: usize) -> Result<Option<Encounter>, LoginError> {
        let steps = self.site.login.steps.iter().enumerate().skip(from);
        let elements: Vec<(usize, Cow<'_, Condition>)> =
            steps.filter_map(|(index, step)| Some((index, element(step)?))).collect();
        let conditions: Vec<&Condition> =
            std::iter::once(sign).chain(elements.iter().map(|(_, condition)| &**condition)).collect();
        let end = (Instant::now() + self.site.login.step_timeout).min(self.end);
        let mut met: Option<(Encounter, Instant)> = None;
        let mut still = (None, Instant::now());
        loop {
            let sight = self.look(&conditions).await?;
            let scene = Some(self.scene(&sight));
            if still.0 != scene || self.page.network().document().is_awaited() {
                still = (scene, Instant::now());
            }
            let step = || elements.iter().find(|(_, condition)| sight.holds(condition));
            let now = match sight.holds(sign) {
                true => Some(Encounter::Sign),
                false => step().map(|(index, _)| Encounter::Step(*index)),
            };
            met = match (now, met) {
                (Some(now), Some((before, since))) if now == before => Some((before, since)),
                (Some(now), _) => Some((now, Instant::now())),
                (None, _) => None,
            };
            match met {
                Some((met, since)) if since.elapsed() >= CALM => return Ok(Some(met)),
                None if still.1.elapsed() >= STILL => return Ok(None),
                _ if Instant::now() >= end => return Ok(None),
                _ => sleep(PAUSE).await,
            }
        }
    }

    /// What changes as long as a page is on its way.
    fn scene(&self, page_state: &PageState<'_>) -> (Option<Url>, u64) {
        (page_state.url(), self.page.network().heard())
    }

    fn told(&self, index: usize, report: ReportProgress<'_>) {
        let steps = &self.site.login.steps;
        let action = &steps[index].action;
        let verb = action.verb();
        let target = action.target();
        report(LoginProgress::Step { index: index + 1, total: steps.len(), verb, target });
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Encounter {
    Sign,
    Step(usize),
}

/// The element that a step acts on.
fn element(step: &LoginStep) -> Option<Cow<'_, Condition>> {
    match &step.action {
        Action::Fill { selector, .. }
        | Action::Choose { selector, .. }
        | Action::Click(selector)
        | Action::Totp(selector) => Some(Cow::Owned(Condition::Visible(selector.clone()))),
        Action::Goto(_) | Action::Press(_) | Action::WaitFor(_) | Action::Assert(_) => None,
    }
}

/// Whether a step gives the site something that only the account's owner knows.
fn is_typed(step: &LoginStep) -> bool {
    matches!(step.action, Action::Fill { .. } | Action::Totp(_))
}
