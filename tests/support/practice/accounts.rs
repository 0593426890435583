//! Who may sign in to the practice site, who is signed in, and what happened to each.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_shared::time::Timestamp;
use serde_json::json;
use totp_rs::{Builder, Secret, Totp};

use super::{PracticeAccount, SessionParts, counts::StreamCounts};

/// What happened to one account.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Logins that ended well, those of [`super::Practice::sign_in`] not counted.
    pub logins: u32,
    /// Sessions that were renewed over HTTP.
    pub renewals: u32,
    /// Browsers that were signed in because the site knew them.
    pub silent_logins: u32,
    /// Wrong passwords.
    pub wrong_passwords: u32,
    /// Wrong codes, or right ones for the second time.
    pub wrong_codes: u32,
    /// Passwords and codes sent while the account was locked.
    pub while_locked: u32,
    /// Chats that run.
    pub streams: u32,
    /// The most chats that ever ran at once.
    pub max_streams: u32,
    /// Chats whose peer went before the end.
    pub cancelled_streams: u32,
}

/// What the site says to a password or a code.
pub(super) enum Verdict {
    SignedIn(SessionParts),
    /// The password is right; a code is wanted together with this.
    CodeWanted(String),
    Rejected,
    Locked,
}

#[derive(Debug)]
pub(super) struct PracticeAccounts(Mutex<AccountTable>);

#[derive(Debug)]
struct AccountTable {
    entries: BTreeMap<String, Entry>,
    /// Usernames whose password was right and whose code is awaited.
    pending: HashMap<String, String>,
    used_codes: BTreeSet<String>,
    /// One-time tickets of the cross-origin login.
    tickets: HashMap<String, SessionParts>,
    issued: Vec<SessionParts>,
    /// Cookies and tokens that live.
    live: HashMap<String, SessionParts>,
    /// Whom a refresh cookie renews, and how often still.
    renewals: HashMap<String, (String, u32)>,
    /// Whose browser a device cookie knows.
    devices: HashMap<String, String>,
}

#[derive(Debug)]
struct Entry {
    password: String,
    totp: Option<Totp>,
    used_step: u64,
    failures: u32,
    counts: Counts,
    streams: Arc<StreamCounts>,
}

impl PracticeAccounts {
    pub(super) fn new(accounts: &[PracticeAccount]) -> Self {
        let entries =
            accounts.iter().map(|account| (account.username.clone(), Entry::new(account))).collect();
        let pending = HashMap::new();
        let tickets = HashMap::new();
        let live = HashMap::new();
        let renewals = HashMap::new();
        let devices = HashMap::new();
        let issued = Vec::new();
        let used_codes = BTreeSet::new();
        Self(Mutex::new(AccountTable {
            entries,
            pending,
            used_codes,
            tickets,
            issued,
            live,
            renewals,
            devices,
        }))
    }

    pub(super) fn password(&self, username: &str, password: &str, rules: Rules) -> Verdict {
        let mut table = self.0.lock().unwrap();
        let Some(entry) = table.entries.get_mut(username) else { return Verdict::Rejected };
        if entry.is_locked(rules) {
            return Verdict::Locked;
        }
        if entry.password != password {
            entry.counts.wrong_passwords += 1;
            return entry.fail(rules);
        }
        if entry.totp.is_none() {
            return Verdict::SignedIn(table.begin_session(username, rules));
        }
        let pending = random();
        table.pending.insert(pending.clone(), username.to_owned());
        Verdict::CodeWanted(pending)
    }

    pub(super) fn code(&self, pending: &str, code: &str, rules: Rules) -> Verdict {
        let mut table = self.0.lock().unwrap();
        let Some(username) = table.pending.get(pending).cloned() else { return Verdict::Rejected };
        let is_used = rules.codes_once && table.used_codes.contains(code);
        let entry = table.entries.get_mut(&username).unwrap();
        if entry.is_locked(rules) {
            return Verdict::Locked;
        }
        let is_refused = is_used || entry.counts.wrong_codes < rules.refuse_codes;
        if is_refused || !entry.accepts(code) {
            entry.counts.wrong_codes += 1;
            return entry.fail(rules);
        }
        table.used_codes.insert(code.to_owned());
        table.pending.remove(pending);
        Verdict::SignedIn(table.begin_session(&username, rules))
    }

    pub(super) fn sign_in(&self, username: &str, life: Duration) -> SessionParts {
        let mut table = self.0.lock().unwrap();
        assert!(table.entries.contains_key(username), "the practice site knows no {username}");
        table.issue(username, life)
    }

    pub(super) fn sign_in_renewable(&self, username: &str, life: Duration, renewals: u32) -> SessionParts {
        let parts = self.sign_in(username, life);
        self.0.lock().unwrap().renewals.insert(parts.refresh.clone(), (username.to_owned(), renewals));
        parts
    }

    /// Renews a session by its refresh cookie, which is good for once.
    pub(super) fn renew(&self, refresh: &str, rules: Rules) -> Option<SessionParts> {
        let mut table = self.0.lock().unwrap();
        let (username, left) = table.renewals.remove(refresh)?;
        let left = left.checked_sub(1)?;
        table.entries.get_mut(&username).unwrap().counts.renewals += 1;
        let parts = table.issue(&username, rules.token_life);
        table.renewals.insert(parts.refresh.clone(), (username, left));
        Some(parts)
    }

    /// Signs a browser in that the site knows.
    pub(super) fn recognize(&self, device: &str, rules: Rules) -> Option<SessionParts> {
        let mut table = self.0.lock().unwrap();
        let username = table.devices.get(device)?.clone();
        table.entries.get_mut(&username).unwrap().counts.silent_logins += 1;
        let parts = table.issue(&username, rules.token_life);
        table.devices.insert(parts.device.clone(), username);
        Some(parts)
    }

    pub(super) fn forget_browsers(&self) {
        let mut table = self.0.lock().unwrap();
        table.renewals.clear();
        table.devices.clear();
    }

    pub(super) fn ticket(&self, parts: SessionParts) -> String {
        let ticket = random();
        self.0.lock().unwrap().tickets.insert(ticket.clone(), parts);
        ticket
    }

    pub(super) fn redeem(&self, ticket: &str) -> Option<SessionParts> {
        self.0.lock().unwrap().tickets.remove(ticket)
    }

    /// The session of a cookie or a token, if it lives.
    pub(super) fn session(&self, secret: &str) -> Option<SessionParts> {
        let now = Timestamp::now();
        self.0.lock().unwrap().live.get(secret).filter(|parts| now < parts.expires_at).cloned()
    }

    pub(super) fn expire(&self, which: impl Fn(&SessionParts) -> bool) {
        self.0.lock().unwrap().live.retain(|_, parts| !which(parts));
    }

    pub(super) fn unlock(&self, username: &str) {
        self.0.lock().unwrap().entries.get_mut(username).unwrap().failures = 0;
    }

    pub(super) fn issued(&self) -> Vec<SessionParts> {
        self.0.lock().unwrap().issued.clone()
    }

    pub(super) fn counts(&self, username: &str) -> Counts {
        let table = self.0.lock().unwrap();
        let entry = table.entries.get(username).expect("the practice site knows the user");
        let (streams, max_streams, cancelled_streams) = entry.streams.numbers();
        Counts { streams, max_streams, cancelled_streams, ..entry.counts }
    }

    pub(super) fn streams(&self, username: &str) -> Arc<StreamCounts> {
        self.0.lock().unwrap().entries[username].streams.clone()
    }
}

/// What decides about a password, from the site's options.
#[derive(Clone, Copy)]
pub(super) struct Rules {
    pub(super) lockout_after: u32,
    pub(super) token_life: Duration,
    /// Renewals that a login is good for.
    pub(super) renewals: u32,
    /// The first codes of each account that are refused.
    pub(super) refuse_codes: u32,
    /// Whether a code is good for once at the whole site.
    pub(super) codes_once: bool,
}

impl AccountTable {
    fn begin_session(&mut self, username: &str, rules: Rules) -> SessionParts {
        let entry = self.entries.get_mut(username).unwrap();
        entry.failures = 0;
        entry.counts.logins += 1;
        let parts = self.issue(username, rules.token_life);
        self.renewals.insert(parts.refresh.clone(), (username.to_owned(), rules.renewals));
        self.devices.insert(parts.device.clone(), username.to_owned());
        parts
    }

    fn issue(&mut self, username: &str, life: Duration) -> SessionParts {
        let expires_at = Timestamp::now() + life;
        let cookie = random();
        let token = token(username, expires_at);
        let username = username.to_owned();
        let refresh = random();
        let device = random();
        let parts = SessionParts { username, cookie, token, refresh, device, expires_at };
        self.issued.push(parts.clone());
        self.live.insert(parts.cookie.clone(), parts.clone());
        self.live.insert(parts.token.clone(), parts.clone());
        parts
    }
}

impl Entry {
    fn new(account: &PracticeAccount) -> Self {
        let totp = |seed: &String| {
            let secret = Secret::try_from_base32(seed.replace(' ', "")).expect("a TOTP seed is base32");
            Builder::new().with_secret(secret).build_noncompliant()
        };
        Self {
            password: account.password.clone(),
            totp: account.totp_seed.as_ref().map(totp),
            used_step: 0,
            failures: 0,
            counts: Counts::default(),
            streams: Arc::default(),
        }
    }

    /// RFC 6238, section 5.2: one step of skew either way, each step at most once.
    fn accepts(&mut self, code: &str) -> bool {
        let step = self.totp.as_ref().and_then(|totp| totp.check_current(code));
        let fresh = step.is_some_and(|step| self.used_step < step);
        if fresh {
            self.used_step = step.unwrap_or_default();
        }
        fresh
    }

    fn is_locked(&mut self, rules: Rules) -> bool {
        let locked = rules.lockout_after <= self.failures;
        self.counts.while_locked += u32::from(locked);
        locked
    }

    fn fail(&mut self, rules: Rules) -> Verdict {
        self.failures += 1;
        if rules.lockout_after <= self.failures { Verdict::Locked } else { Verdict::Rejected }
    }
}

/// A token in the shape of a JWT with a true `exp`. The site looks tokens up, so the signature is only random.
fn token(username: &str, expires_at: Timestamp) -> String {
    let claims = json!({"sub": username, "exp": expires_at.millis() / 1000, "jti": random()});
    let part = |json: serde_json::Value| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}.{}", part(json!({"alg": "HS256", "typ": "JWT"})), part(claims), random())
}

fn random() -> String {
    URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>())
}
