//! The strategies: how a session is come by, the cheapest way first; a browser late, and a password last.

use std::time::Duration;

use latchkey_shared::{
    account::{Phase, Rung, SessionOrigin},
    credentials::Credentials,
    session::Session,
    site::{
        refresh::HttpRefresh,
        step::{Action, Condition},
    },
    store::LoginLock,
    vault::RecordOwner,
};
use tokio::time::timeout;

use super::{
    FailureCode, LoginAttempt, LoginDone, LoginFailure, LoginProgress, ProvedSession, Trigger,
    browser_turn::too_long,
    capture,
    failure::LoginError,
    ledger::TypingLedger,
    parts, probe,
    recipe::{self, Recipe, RecipeRun},
    renew,
    renewal::{FetchedSession, RenewalOutcome, ends_the_login},
    runner::{AuthState, RecipeRunner},
};
use crate::browser::Page;

/// A session that was proved, and where it was come by.
struct ProvedRenewal {
    fetched: FetchedSession,
    rung: Rung,
    evidence: String,
}

impl<'a> LoginAttempt<'a> {
    /// Climbs until a session is proved, and publishes it.
    pub(super) async fn try_strategies(&mut self, lock: &LoginLock) -> Result<LoginDone, LoginFailure> {
        let credentials = self.credentials().await?;
        let proved = match self.saved_browser_state().await {
            Some(kept) => Box::pin(self.renew(&kept, credentials.as_ref())).await?,
            None => None,
        };
        let proved = match proved {
            Some(proved) => proved,
            None => match self.still_works(credentials.as_ref()).await? {
                Some((session, evidence)) => return self.go_on(lock, &session, evidence).await,
                None => self.type_it(credentials.as_ref()).await?,
            },
        };
        let ProvedRenewal { fetched: FetchedSession { state, session }, rung, evidence } = proved;
        (self.report)(LoginProgress::Publishing);
        let state = self.keeps_state().then_some(&state);
        let origin = self.origin_after(rung);
        self.publish(lock, ProvedSession { session: &session, state, origin, rung: Some(rung), evidence })
            .await?;
        Ok(LoginDone {
            generation: lock.generation,
            expires_at: session.expires_at,
            rung: Some(rung),
            duration: self.began.elapsed(),
        })
    }

    /// The session that an operator gave, where nothing leads to another, if the site knows it still: what works is no
    /// failure. One that ends is looked at only for an operator; before its end he is to be told in time.
    async fn still_works(
        &self,
        credentials: Option<&Credentials>,
    ) -> Result<Option<(Session, String)>, LoginError> {
        let is_looked_at = match self.account.session_origin {
            Some(SessionOrigin::ApiKey) => true,
            Some(SessionOrigin::Import) => self.trigger == Trigger::Operator,
            Some(SessionOrigin::Login) | None => false,
        };
        let types = credentials.is_some() && !self.site.login.is_given();
        if types || !is_looked_at {
            return Ok(None);
        }
        let id = self.account.id;
        let Some(stored) = self.context.store.session(id).await? else { return Ok(None) };
        let Ok(session) =
            self.context.session_vault.open(&stored.sealed, RecordOwner::of(self.account), stored.generation)
        else {
            return Ok(None);
        };
        match self.probe(&session, credentials).await {
            Ok(evidence) => Ok(Some((session, evidence))),
            // That says nothing of the session.
            Err(trouble)
                if matches!(
                    trouble.code,
                    FailureCode::SiteDown | FailureCode::RateLimited | FailureCode::TlsError
                ) =>
            {
                Err(trouble)
            }
            Err(_) => Ok(None),
        }
    }

    /// Goes on with a session that works.
    async fn go_on(
        &self,
        lock: &LoginLock,
        session: &Session,
        evidence: String,
    ) -> Result<LoginDone, LoginFailure> {
        (self.report)(LoginProgress::Publishing);
        let origin = self.account.session_origin.unwrap_or(SessionOrigin::Import);
        self.publish(lock, ProvedSession { session, state: None, origin, rung: None, evidence }).await?;
        let generation = lock.generation;
        let expires_at = session.expires_at;
        Ok(LoginDone { generation, expires_at, rung: None, duration: self.began.elapsed() })
    }

    /// A renewal of what an operator gave is still what he gave: when it ends for good, he has to give another.
    fn origin_after(&self, rung: Rung) -> SessionOrigin {
        match (rung, self.account.session_origin) {
            (Rung::Http | Rung::Restored, Some(SessionOrigin::Import)) => SessionOrigin::Import,
            (Rung::Http | Rung::Restored | Rung::Recipe, _) => SessionOrigin::Login,
        }
    }

    /// What the browser kept, if it can be read. Without it there is still the recipe.
    async fn saved_browser_state(&self) -> Option<Session> {
        let id = self.account.id;
        let stored = match self.context.store.state(id).await {
            Ok(stored) => stored?,
            Err(error) => {
                tracing::warn!(%error, "cannot read what the browser kept");
                return None;
            }
        };
        match self.context.credentials_vault.open_state(
            &stored.sealed,
            RecordOwner::of(self.account),
            stored.generation,
        ) {
            Ok(kept) => Some(kept),
            Err(error) => {
                tracing::warn!(%error, "cannot open what the browser kept; the whole recipe is run");
                None
            }
        }
    }

    /// The rungs on which nothing is typed.
    async fn renew(
        &self,
        kept: &Session,
        credentials: Option<&Credentials>,
    ) -> Result<Option<ProvedRenewal>, LoginFailure> {
        // Whoever waited for a browser could not be renewed without one.
        let over_http =
            self.site.refresh.http.as_ref().filter(|_| self.account.phase != Some(Phase::WaitsForBrowser));
        if let Some(rule) = over_http {
            let climbed = self.renew_over_http(rule, kept).await;
            if let Some(proved) = self.prove(Rung::Http, climbed, kept, credentials).await? {
                return Ok(Some(proved));
            }
        }
        let Some(sign) = self.sign().filter(|_| self.site.refresh.restore) else { return Ok(None) };
        let climbed = self.in_a_browser(Box::pin(self.restore(kept, sign))).await;
        self.prove(Rung::Restored, climbed, kept, credentials).await
    }

    async fn renew_over_http(
        &self,
        rule: &HttpRefresh,
        kept: &Session,
    ) -> Result<RenewalOutcome, LoginError> {
        (self.report)(LoginProgress::Renewing);
        renew::renew(&self.context.http, self.site, rule, kept).await
    }

    /// What shows that nothing needs to be typed.
    pub(super) fn sign(&self) -> Option<&Condition> {
        let last = self.site.login.steps.last().and_then(|step| match &step.action {
            Action::WaitFor(condition) | Action::Assert(condition) => Some(condition),
            _ => None,
        });
        self.site.refresh.signed_in.as_ref().or(last)
    }

    /// Opens a browser with what it kept, first without the session: an identity provider may still know the browser,
    /// and a page that finds a session that is dead may sign out there too. Then with all of it: the site may renew it.
    async fn restore(&self, kept: &Session, sign: &Condition) -> Result<RenewalOutcome, LoginError> {
        (self.report)(LoginProgress::Restoring);
        let rest = parts::without_session(self.site, kept);
        if !rest.cookies.is_empty() {
            match self.visit(&rest, sign).await? {
                RenewalOutcome::Up(fetched) => return Ok(RenewalOutcome::Up(fetched)),
                RenewalOutcome::Refused(why) => {
                    tracing::debug!(login.rung = %Rung::Restored, "not known without the session: {why}");
                }
            }
        }
        self.visit(kept, sign).await
    }

    async fn visit(&self, kept: &Session, sign: &Condition) -> Result<RenewalOutcome, LoginError> {
        let page = self.context.browser.open(capture::watch(self.site)).await?;
        let climbed = self.look_in(&page, kept, sign).await;
        page.close().await;
        climbed
    }

    async fn look_in(
        &self,
        page: &Page,
        kept: &Session,
        sign: &Condition,
    ) -> Result<RenewalOutcome, LoginError> {
        let waiting = page.restore(kept, &self.site.base_url.origin()).await?;
        let nothing = Credentials::none();
        let mut runner = RecipeRunner::new(page, self.site, self.ledger(), &nothing);
        let welcome = runner.follow(sign, self.report).await?;
        page.stop_restoring(waiting).await?;
        match welcome {
            AuthState::SignedIn => {}
            AuthState::Asked => return Ok(RenewalOutcome::Refused("the site asks to sign in".to_owned())),
            AuthState::Unclear => {
                return Ok(RenewalOutcome::Refused(
                    "the site neither asks to sign in nor shows itself".to_owned(),
                ));
            }
        }
        Ok(RenewalOutcome::Up(Box::new(recipe::fetch(page, self.site, self.report).await?)))
    }

    /// Whether a session is another than the one that was kept, or lives longer.
    fn is_newer(&self, session: &Session, kept: &Session) -> bool {
        const WORTH_IT: Duration = Duration::from_secs(1);

        let lives_longer = self.account.expires_at.is_none_or(|old| old + WORTH_IT < session.expires_at);
        lives_longer || !parts::is_same(session, &parts::of_session(self.site, kept))
    }

    /// The last strategy: the whole recipe.
    async fn type_it(&mut self, credentials: Option<&Credentials>) -> Result<ProvedRenewal, LoginFailure> {
        let credentials = match credentials {
            Some(credentials) if !self.site.login.is_given() => credentials,
            Some(_) | None => return Err(self.nothing_to_type().into()),
        };
        if self.account.rejected_version == self.credentials_version {
            let what = "the site refused these credentials before";
            return Err(LoginError::new(FailureCode::CredentialsRejected, what).into());
        }
        self.not_paused().await?;
        let fetched = {
            let _turn = self.turn().await?;
            // A code that was refused is followed by a second run.
            let limit = self.browser_limit();
            let typed = timeout(limit, Box::pin(self.run_recipe(credentials))).await;
            typed.map_err(|_| too_long(limit))??
        };
        let evidence = self.probe(&fetched.session, Some(credentials)).await?;
        Ok(ProvedRenewal { fetched, rung: Rung::Recipe, evidence })
    }

    /// Why the last strategy is not there.
    fn nothing_to_type(&self) -> LoginError {
        match self.account.session_origin {
            Some(SessionOrigin::ApiKey) => LoginError::new(
                FailureCode::SessionNeeded,
                "the key that was given works no longer, or ends soon",
            ),
            Some(SessionOrigin::Import) => LoginError::new(
                FailureCode::SessionNeeded,
                "the session that was given ends, and nothing renews it",
            ),
            None if self.site.login.is_given() => LoginError::new(
                FailureCode::SessionNeeded,
                "nobody signs in at this site, and no session was given",
            ),
            Some(SessionOrigin::Login) | None => {
                LoginError::new(FailureCode::NoCredentials, "no credentials are stored")
            }
        }
    }

    /// Whether something may be typed: a site that refused several accounts has changed, or somebody else has.
    async fn not_paused(&self) -> Result<(), LoginError> {
        if self.trigger == Trigger::Operator {
            return Ok(());
        }
        match self.context.store.site_paused(&self.site.name).await? {
            None => Ok(()),
            Some(left) => {
                let left = humantime::format_duration(Duration::from_secs(left.as_secs()));
                let what = format!("several accounts were refused at the site; nothing is typed for {left}");
                Err(LoginError::new(FailureCode::SitePaused, what))
            }
        }
    }

    /// Runs the recipe, and remembers what was typed.
    async fn run_recipe(&mut self, credentials: &Credentials) -> Result<FetchedSession, LoginFailure> {
        let recipe = Recipe {
            browser: &self.context.browser,
            site: self.site,
            ledger: self.ledger(),
            credentials,
            account: self.account.id,
            artefacts: self.context.artefacts.as_deref(),
            pictures: None,
        };
        let RecipeRun { outcome, password_typed } = Box::pin(recipe.run(self.report)).await;
        self.password_typed = password_typed;
        outcome
    }

    /// Where every broker sees what is typed.
    fn ledger(&self) -> TypingLedger<'a> {
        TypingLedger::Account { store: &self.context.store, id: self.account.id }
    }

    /// Proves what a strategy led to; `None` when the next one is worth a try.
    async fn prove(
        &self,
        rung: Rung,
        climbed: Result<RenewalOutcome, LoginError>,
        kept: &Session,
        credentials: Option<&Credentials>,
    ) -> Result<Option<ProvedRenewal>, LoginFailure> {
        let why = match climbed {
            Ok(RenewalOutcome::Up(fetched)) if !self.is_newer(&fetched.session, kept) => {
                "it is the old session".to_owned()
            }
            Ok(RenewalOutcome::Up(fetched)) => match self.probe(&fetched.session, credentials).await {
                Ok(evidence) => return Ok(Some(ProvedRenewal { fetched: *fetched, rung, evidence })),
                Err(trouble) if ends_the_login(trouble.code) => return Err(trouble.into()),
                Err(trouble) => trouble.what,
            },
            Ok(RenewalOutcome::Refused(why)) => why,
            Err(trouble) if ends_the_login(trouble.code) => return Err(trouble.into()),
            Err(trouble) => trouble.what,
        };
        tracing::info!(login.rung = %rung, "not renewed so: {why}");
        Ok(None)
    }

    async fn probe(
        &self,
        session: &Session,
        credentials: Option<&Credentials>,
    ) -> Result<String, LoginError> {
        (self.report)(LoginProgress::Probing);
        probe::check(&self.context.http, self.site, session, credentials).await
    }
}
