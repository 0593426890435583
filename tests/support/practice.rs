//! The practice site: a small chat site with a login page, whose every misbehaviour a test can choose.
//!
//! It is also what `scripts/up` signs in to first, so its pages are plain and readable. It keeps nothing, and it
//! checks what a real site checks: passwords, RFC 6238 codes (each once), lockout, the session's expiry.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use latchkey_shared::session::{Cookie, Session};
use latchkey_shared::time::Timestamp;
use reqwest::Url;
use tokio::net::TcpListener;

use crate::{model::ScriptedModel, server::Server};

mod accounts;
mod chat;
mod counts;
mod login;
mod pages;
mod routes;

pub use accounts::Counts;
use accounts::PracticeAccounts;

/// The username that the site knows by default.
pub const USERNAME: &str = "alice";
/// Its password.
pub const PASSWORD: &str = "correct-horse-battery";
/// A TOTP seed, for accounts that shall have one.
pub const TOTP_SEED: &str = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP";

/// Name of the session cookie.
pub const COOKIE: &str = "practice_session";

/// Name of the cookie that renews a session; it is sent to the renewal alone.
pub const REFRESH_COOKIE: &str = "practice_refresh";

/// Name of the cookie by which the site knows a browser.
pub const DEVICE_COOKIE: &str = "practice_device";

/// What a site file adds to renew sessions over HTTP.
pub const REFRESH_TABLE: &str = r#"
[refresh.http]
request = { method = "POST", path = "/api/refresh" }
bearer = "/token"
local_storage = { token = "/token" }
expires_in = "/expires_in"
"#;

/// How the site behaves.
#[derive(Clone, Debug)]
pub struct PracticeOptions {
    /// Name of the first account.
    pub username: String,
    /// Its password.
    pub password: String,
    /// Its TOTP seed in base32; with one, the site asks for a code after the password.
    pub totp_seed: Option<String>,
    /// Further accounts.
    pub accounts: Vec<PracticeAccount>,
    /// Life of a session, and of the token that says so.
    pub token_life: Duration,
    /// Wrong passwords or codes in a row that lock an account.
    pub lockout_after: u32,
    /// The login page is at another origin, which sends back to the site with a one-time ticket.
    pub cross_origin: bool,
    /// The login page sends to an origin that no site file allows and that shows the same form.
    pub foreign_origin: bool,
    /// The login page opens a JS dialog when it loads and before it submits.
    pub dialog: bool,
    /// The login page has an image whose answer never ends, so that it never finishes loading.
    pub hanging_image: bool,
    /// The login page's renderer crashes when the form is submitted.
    pub crash_renderer: bool,
    /// The login page's renderer loops for ever when the form is submitted.
    pub hung_renderer: bool,
    /// The API answers everything with 200 and the login page; only signing in works.
    pub login_page_everywhere: bool,
    /// The form stands in an open shadow root.
    pub shadow_dom: bool,
    /// How long the site thinks about a password.
    pub slow_login: Duration,
    /// Renewals over HTTP that each login is good for; none without it.
    pub renewals: Option<u32>,
    /// Renewals over HTTP are answered only when this is no longer so.
    pub hold_renewals: bool,
    /// The first codes of each account that the site refuses, right ones too.
    pub refuse_codes: u32,
    /// A code is good for once at the whole site, not for once with each account.
    pub codes_once: bool,
    /// The site knows a browser that signed in before, and signs it in again when its login page is opened.
    pub remember: bool,
}

/// One more account of the site.
#[derive(Clone, Debug)]
pub struct PracticeAccount {
    /// Its name.
    pub username: String,
    /// Its password.
    pub password: String,
    /// Its TOTP seed in base32, if the site asks for codes.
    pub totp_seed: Option<String>,
}

/// A running practice site.
#[derive(Debug)]
pub struct Practice {
    /// Its base URL, by IP address.
    pub url: Url,
    site: SiteState,
    servers: [Server; 3],
}

/// A signed-in state, as the site hands it out.
#[derive(Clone, Debug)]
pub struct SessionParts {
    /// Whose it is.
    pub username: String,
    /// Value of the cookie [`COOKIE`].
    pub cookie: String,
    /// The bearer token, kept in `localStorage` as `token`.
    pub token: String,
    /// Value of the cookie [`REFRESH_COOKIE`].
    pub refresh: String,
    /// Value of the cookie [`DEVICE_COOKIE`].
    pub device: String,
    /// When the site forgets it.
    pub expires_at: Timestamp,
}

/// What all parts of the site share.
#[derive(Clone, Debug)]
struct SiteState(Arc<PracticeState>);

#[derive(Debug)]
struct PracticeState {
    options: Mutex<PracticeOptions>,
    accounts: PracticeAccounts,
    model: ScriptedModel,
    foreign: Mutex<Vec<String>>,
    origins: Origins,
}

/// Where the three faces of the site are.
#[derive(Clone, Debug)]
struct Origins {
    site: Url,
    identity: Url,
    foreign: Url,
}

impl Practice {
    /// Starts a site on free ports.
    pub async fn start(options: PracticeOptions) -> Self {
        Self::on(crate::server::listener().await, options).await
    }

    /// Starts a site on a listener; its login origins take free ports.
    pub async fn on(listener: TcpListener, options: PracticeOptions) -> Self {
        let identity = crate::server::listener().await;
        let foreign = crate::server::listener().await;
        let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
        let url = |host: &str, port: u16| -> Url { format!("http://{host}:{port}").parse().unwrap() };
        let origins = Origins {
            site: format!("http://{}", listener.local_addr().unwrap()).parse().unwrap(),
            identity: url("localhost", port(&identity)),
            foreign: url("localhost", port(&foreign)),
        };
        let site = SiteState::new(options, origins.clone());
        let servers = [
            Server::on(listener, routes::site(site.clone())),
            Server::on(identity, routes::identity(site.clone())),
            Server::on(foreign, routes::foreign(site.clone())),
        ];
        Self { url: origins.site, site, servers }
    }

    /// What answers the chats.
    #[must_use]
    pub fn model(&self) -> ScriptedModel {
        self.site.0.model.clone()
    }

    /// Changes how the site behaves, from the next request on. Accounts are fixed at the start.
    pub fn change(&self, change: impl FnOnce(&mut PracticeOptions)) {
        change(&mut self.site.0.options.lock().unwrap());
    }

    /// Signs in without a browser.
    ///
    /// # Panics
    /// When the site does not know the user.
    #[must_use]
    pub fn sign_in(&self, username: &str) -> SessionParts {
        let life = self.site.options().token_life;
        self.site.0.accounts.sign_in(username, life)
    }

    /// Signs in without a browser, as a browser is after a login that is good for so many renewals still.
    ///
    /// # Panics
    /// When the site does not know the user.
    #[must_use]
    pub fn sign_in_renewable(&self, username: &str, renewals: u32) -> SessionParts {
        let life = self.site.options().token_life;
        self.site.0.accounts.sign_in_renewable(username, life, renewals)
    }

    /// Forgets every session: the next call with one is a 401.
    pub fn expire_all(&self) {
        self.site.0.accounts.expire(|_| true);
    }

    /// Forgets the sessions of one user.
    pub fn expire(&self, username: &str) {
        self.site.0.accounts.expire(|session| session.username == username);
    }

    /// Forgets every session of a user but the newest.
    pub fn expire_issued_before_the_last(&self, username: &str) {
        let newest = self.issued().into_iter().rfind(|parts| parts.username == username);
        let newest = newest.expect("the user signed in").token;
        self.site.0.accounts.expire(|session| session.username == username && session.token != newest);
    }

    /// Forgets what renews sessions, and every browser: only a password signs in again.
    pub fn forget_browsers(&self) {
        self.site.0.accounts.forget_browsers();
    }

    /// Opens a locked account.
    pub fn unlock(&self, username: &str) {
        self.site.0.accounts.unlock(username);
    }

    /// Whether a session of this cookie or token lives.
    #[must_use]
    pub fn knows(&self, secret: &str) -> bool {
        self.site.0.accounts.session(secret).is_some()
    }

    /// Every session that the site ever handed out, expired ones too: what a hunt for leaks looks for.
    #[must_use]
    pub fn issued(&self) -> Vec<SessionParts> {
        self.site.0.accounts.issued()
    }

    /// What happened to one account.
    ///
    /// # Panics
    /// When the site does not know the user.
    #[must_use]
    pub fn counts(&self, username: &str) -> Counts {
        self.site.0.accounts.counts(username)
    }

    /// Bodies that were submitted at the foreign origin. None may ever be.
    #[must_use]
    pub fn foreign_submissions(&self) -> Vec<String> {
        self.site.0.foreign.lock().unwrap().clone()
    }

    /// The origin of the login page when [`PracticeOptions::cross_origin`] is set.
    #[must_use]
    pub fn identity_url(&self) -> Url {
        self.site.0.origins.identity.clone()
    }

    /// The origin of the foreign login page.
    #[must_use]
    pub fn foreign_url(&self) -> Url {
        self.site.0.origins.foreign.clone()
    }

    /// Takes the site down.
    pub async fn stop(&self) {
        for server in &self.servers {
            server.stop().await;
        }
    }
}

impl SessionParts {
    /// The session that a login captures with the built-in site file.
    #[must_use]
    pub fn session(&self, url: &Url) -> Session {
        let cookie = Cookie {
            name: COOKIE.to_owned(),
            value: self.cookie.as_str().into(),
            domain: url.host_str().unwrap().to_owned(),
            path: "/".to_owned(),
            secure: false,
            http_only: true,
            expires_at: Some(self.expires_at),
        };
        Session {
            cookies: vec![cookie],
            bearer: Some(self.token.as_str().into()),
            local_storage: [("token".to_owned(), self.token.as_str().into())].into(),
            session_storage: std::collections::BTreeMap::new(),
            user_agent: "Mozilla/5.0 (practice)".to_owned(),
            captured_at: Timestamp::now(),
            expires_at: self.expires_at,
        }
    }
}

impl Default for PracticeOptions {
    fn default() -> Self {
        Self {
            username: USERNAME.to_owned(),
            password: PASSWORD.to_owned(),
            totp_seed: None,
            accounts: Vec::new(),
            token_life: Duration::from_secs(60 * 60),
            lockout_after: 3,
            cross_origin: false,
            foreign_origin: false,
            dialog: false,
            hanging_image: false,
            crash_renderer: false,
            hung_renderer: false,
            login_page_everywhere: false,
            shadow_dom: false,
            slow_login: Duration::ZERO,
            renewals: None,
            hold_renewals: false,
            refuse_codes: 0,
            codes_once: false,
            remember: false,
        }
    }
}

impl PracticeOptions {
    /// Accounts with these names, each with [`PASSWORD`] and no TOTP.
    #[must_use]
    pub fn with_accounts(usernames: &[&str]) -> Self {
        let (first, others) = usernames.split_first().expect("a site has an account");
        let account = |name: &&str| PracticeAccount::new(name);
        Self {
            username: (*first).to_owned(),
            accounts: others.iter().map(account).collect(),
            ..Self::default()
        }
    }

    /// The account of this name.
    #[must_use]
    pub fn account(&self, username: &str) -> Option<PracticeAccount> {
        self.all_accounts().into_iter().find(|account| account.username == username)
    }

    fn all_accounts(&self) -> Vec<PracticeAccount> {
        let first = PracticeAccount {
            username: self.username.clone(),
            password: self.password.clone(),
            totp_seed: self.totp_seed.clone(),
        };
        std::iter::once(first).chain(self.accounts.iter().cloned()).collect()
    }
}

impl PracticeAccount {
    /// An account with [`PASSWORD`] and no TOTP.
    #[must_use]
    pub fn new(username: &str) -> Self {
        Self { username: username.to_owned(), password: PASSWORD.to_owned(), totp_seed: None }
    }
}

impl SiteState {
    fn new(options: PracticeOptions, origins: Origins) -> Self {
        let accounts = PracticeAccounts::new(&options.all_accounts());
        let shared = PracticeState {
            options: Mutex::new(options),
            accounts,
            model: ScriptedModel::new(),
            foreign: Mutex::default(),
            origins,
        };
        Self(Arc::new(shared))
    }

    fn options(&self) -> PracticeOptions {
        self.0.options.lock().unwrap().clone()
    }
}
