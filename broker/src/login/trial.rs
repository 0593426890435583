//! A login for the author of a site file: the same corridor, without an account, and nothing is stored.

use std::{
    path::{Path, PathBuf},
    sync::atomic::AtomicU64,
};

use latchkey_shared::{
    credentials::Credentials, id::AccountId, mask::SecretMask, session::Session, site::Site,
};
use serde_json::Value;

use super::{
    LoginFailure, LoginProgress, ReportProgress, ledger::TypingLedger, probe, recipe::Recipe,
    runner::RecipeRunner,
};
use crate::browser::{Page, Supervisor};

/// What a trial needs.
pub(crate) struct LoginTrial<'a> {
    /// Where the page is opened.
    pub(crate) browser: &'a Supervisor,
    /// Asks the probe. It must not follow redirects.
    pub(crate) http: &'a reqwest::Client,
    /// The site.
    pub(crate) site: &'a Site,
    /// What is typed.
    pub(crate) credentials: &'a Credentials,
    /// Where the picture of a failure goes.
    pub(crate) artefacts: &'a Path,
    /// Where a picture goes after each step, if the author wants them.
    pub(crate) pictures: Option<&'a Path>,
}

/// A login that ended well.
pub(crate) struct TrialLogin {
    /// The session.
    pub(crate) session: Session,
    /// What the probe was answered, without secrets.
    pub(crate) answer: String,
}

impl LoginTrial<'_> {
    /// Signs in and proves the session.
    ///
    /// # Errors
    /// Why there is no session, with a picture where there was a page.
    pub(crate) async fn run(&self, report: ReportProgress<'_>) -> Result<TrialLogin, LoginFailure> {
        let session = self.sign_in(report).await?;
        report(LoginProgress::Probing);
        let answer = probe::ask(self.http, self.site, &session).await?;
        let shown = self.shown(&answer, &session);
        match probe::judge(self.site, &answer, Some(self.credentials)) {
            Ok(()) => Ok(TrialLogin { session, answer: shown }),
            Err(trouble) => {
                let mut failure = LoginFailure::from(trouble);
                failure.message += &format!("\n  the site answered: {shown}");
                Err(failure)
            }
        }
    }

    async fn sign_in(&self, report: ReportProgress<'_>) -> Result<Session, LoginFailure> {
        let typed = AtomicU64::new(0);
        let recipe = Recipe {
            browser: self.browser,
            site: self.site,
            ledger: TypingLedger::Alone(&typed),
            credentials: self.credentials,
            account: AccountId::new(),
            artefacts: Some(self.artefacts),
            pictures: self.pictures,
        };
        recipe.run(report).await.outcome.map(|fetched| fetched.session)
    }

    /// The probe's answer as an author may see it: what is long is cut, what is secret is masked.
    fn shown(&self, answer: &Value, session: &Session) -> String {
        const LONGEST: usize = 600;
        let secrets = std::iter::once(&self.credentials.password).chain(&self.credentials.totp_seed);
        let text = SecretMask::new(secrets.chain(session.secrets())).hide(&answer.to_string());
        match text.char_indices().nth(LONGEST) {
            Some((at, _)) => format!("{}...", &text[..at]),
            None => text,
        }
    }
}

/// Does the steps of a recipe on a page, in a person's place.
///
/// # Errors
/// The step that failed.
pub(crate) async fn play(page: &Page, site: &Site, credentials: &Credentials) -> Result<(), LoginFailure> {
    let typed = AtomicU64::new(0);
    RecipeRunner::new(page, site, TypingLedger::Alone(&typed), credentials).run(&|_| {}).await
}

/// Where pictures of failed trials go when nobody says where.
pub(crate) fn artefacts() -> PathBuf {
    std::env::temp_dir().join("latchkey-site-try")
}
