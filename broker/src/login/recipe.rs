//! The whole recipe on a page of its own, and what the browser has afterwards.
//!
//! A site may refuse a right one-time code: it, or somebody else with the same seed, has seen it within this time step.
//! So the first refusal after a code proves nothing; the recipe is run once more, with a fresh code and a fresh browser.

use std::path::Path;

use latchkey_shared::{credentials::Credentials, id::AccountId, site::Site};

use super::{
    FailureCode, LoginFailure, LoginProgress, ReportProgress, capture, failure::LoginError,
    ledger::TypingLedger, parts, renewal::FetchedSession, runner::RecipeRunner, screenshot,
};
use crate::browser::{Page, Supervisor};

/// What a recipe is run with.
pub(super) struct Recipe<'a> {
    pub(super) browser: &'a Supervisor,
    pub(super) site: &'a Site,
    pub(super) ledger: TypingLedger<'a>,
    pub(super) credentials: &'a Credentials,
    /// Whose pictures are taken.
    pub(super) account: AccountId,
    /// Where the picture of a failure goes, if anywhere.
    pub(super) artefacts: Option<&'a Path>,
    /// Where a picture goes after each step, if anywhere.
    pub(super) pictures: Option<&'a Path>,
}

/// How it ended.
pub(super) struct RecipeRun {
    pub(super) outcome: Result<FetchedSession, LoginFailure>,
    /// Whether the site has been given the password, so that failing again may lock the account.
    pub(super) password_typed: bool,
}

impl Recipe<'_> {
    /// From an empty page to a captured state; the page is closed in any case.
    pub(super) async fn run(&self, report: ReportProgress<'_>) -> RecipeRun {
        let mut code_refused = false;
        loop {
            let page = match self.browser.open(capture::watch(self.site)).await {
                Ok(page) => page,
                Err(error) => {
                    let outcome = Err(LoginError::from(error).into());
                    return RecipeRun { outcome, password_typed: code_refused };
                }
            };
            let mut runner = RecipeRunner::new(&page, self.site, self.ledger, self.credentials);
            runner.pictures = self.pictures.map(Path::to_owned);
            let mut outcome = match runner.run(report).await {
                Ok(()) => self.fetch(&page, report).await.map_err(LoginFailure::from),
                Err(failure) => Err(failure),
            };
            let rejected = |failure: &LoginFailure| failure.code == FailureCode::CredentialsRejected;
            let again = !code_refused && runner.code_typed() && outcome.as_ref().is_err_and(rejected);
            if let (Err(failure), Some(directory), false) = (&mut outcome, self.artefacts, again) {
                let id = self.account;
                let code = failure.code;
                failure.screenshot = screenshot::take(&page, runner.secrets(), directory, id, code).await;
            }
            let password_typed = runner.password_typed() || code_refused;
            page.close().await;
            if !again {
                return RecipeRun { outcome, password_typed };
            }
            code_refused = true;
            tracing::info!(site = %self.site.name, "the site refused a one-time code; trying once more with a fresh one");
        }
    }

    async fn fetch(&self, page: &Page, report: ReportProgress<'_>) -> Result<FetchedSession, LoginError> {
        fetch(page, self.site, report).await
    }
}

/// Takes the session out of a browser that is signed in.
pub(super) async fn fetch(
    page: &Page,
    site: &Site,
    report: ReportProgress<'_>,
) -> Result<FetchedSession, LoginError> {
    report(LoginProgress::Capturing);
    let state = capture::state(page, site).await?;
    let session = parts::session(site, &state, None)?;
    Ok(FetchedSession { state, session })
}
