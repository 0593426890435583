//! An account out of its Redis hash, whatever is in there: what cannot be read is named, and stops nothing else.

use std::{
    cell::RefCell,
    collections::{BTreeSet, HashMap},
    str::FromStr,
};

use crate::{
    account::{Account, Evidence, LastLogin, Phase, State},
    id::{AccountId, PoolName, SiteName},
    time::Timestamp,
};

/// A hash as Redis gives it; a value may be anything.
pub(in crate::store) type RedisHash = HashMap<Vec<u8>, Vec<u8>>;

/// Longer words are no words of a newer release, and are not repeated.
const LONGEST_WORD: usize = 40;

/// Reads an account. Where something of it cannot be read, it is [`State::Damaged`], and the rest is as well as it goes;
/// `listed` is the site that lists it. Fields that are not known are a newer release's business.
pub(super) fn account(id: AccountId, hash: &RedisHash, listed: Option<&SiteName>) -> Account {
    let reader = HashReader { hash, damage: RefCell::default() };
    let last_login = reader.time("last_login_at").map(|at| LastLogin {
        at,
        duration_ms: reader.required("last_login_ms").unwrap_or_default(),
        result: reader.text("last_login_result"),
        rung: reader.optional("last_login_rung"),
    });
    let evidence = reader.time("evidence_at").map(|at| Evidence { at, seen: reader.text("evidence_seen") });
    let mut site = reader.required::<SiteName>("site");
    if let (Some(told), Some(listed)) = (&site, listed)
        && told != listed
    {
        reader.damaged("site", told.as_str());
        site = None;
    }
    let reason = reader.text("reason");
    let mut account = Account {
        id,
        state: reader.state(),
        phase: reader.phase(&reason),
        reason,
        state_since: reader.time("state_since").unwrap_or_default(),
        label: reader.text("label"),
        evidence,
        pools: reader.many("pools", ' ').into_iter().collect::<BTreeSet<PoolName>>(),
        weight: reader.optional("weight").unwrap_or(1),
        concurrency: reader.optional("concurrency"),
        requests_per_minute: reader.optional("requests_per_minute"),
        schedule: Some(reader.text("schedule")).filter(|schedule| !schedule.is_empty()),
        credentials_version: reader.required("credentials_version").unwrap_or_default(),
        rejected_version: reader.optional("rejected_version").unwrap_or_default(),
        generation: reader.required("generation").unwrap_or_default(),
        session_origin: reader.optional("session_origin"),
        expires_at: reader.time("expires_at"),
        refresh_at: reader.time("refresh_at"),
        last_login,
        recent_login_ms: reader.many("recent_login_ms", ','),
        created_at: reader.time("created_at").unwrap_or_default(),
        site: site.or_else(|| listed.cloned()).unwrap_or_else(SiteName::unknown),
        damage: Vec::new(),
    };
    reader.judge(&mut account);
    account
}

/// An account whose key holds something else than a hash.
pub(super) fn lost(id: AccountId, listed: Option<&SiteName>) -> Account {
    let mut account = account(id, &RedisHash::new(), listed);
    account.reason = format!("damaged: its record is no hash; remove it: latchkey-broker account rm {id}");
    account
}

struct HashReader<'a> {
    hash: &'a RedisHash,
    /// Fields that cannot be read, with what is known of each.
    damage: RefCell<Vec<(&'static str, String)>>,
}

impl HashReader<'_> {
    fn text(&self, field: &'static str) -> String {
        let Some(value) = self.hash.get(field.as_bytes()) else { return String::new() };
        match str::from_utf8(value) {
            Ok(text) => text.to_owned(),
            Err(_) => {
                self.damaged(field, "");
                String::from_utf8_lossy(value).into_owned()
            }
        }
    }

    fn damaged(&self, field: &'static str, value: &str) {
        let is_word = value
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'-') || byte.is_ascii_digit());
        let what = match value {
            "" => field.to_owned(),
            word if is_word && word.len() <= LONGEST_WORD => format!("{field} is {word}"),
            _ => field.to_owned(),
        };
        let mut damage = self.damage.borrow_mut();
        if !damage.iter().any(|(known, _)| *known == field) {
            damage.push((field, what));
        }
    }

    fn parsed<T: FromStr>(&self, field: &'static str, text: &str) -> Option<T> {
        let parsed = text.parse().ok();
        if parsed.is_none() {
            self.damaged(field, text);
        }
        parsed
    }

    /// An empty field means that there is none.
    fn optional<T: FromStr>(&self, field: &'static str) -> Option<T> {
        let text = self.text(field);
        if text.is_empty() { None } else { self.parsed(field, &text) }
    }

    fn required<T: FromStr>(&self, field: &'static str) -> Option<T> {
        self.parsed(field, &self.text(field))
    }

    fn many<T: FromStr>(&self, field: &'static str, separator: char) -> Vec<T> {
        let text = self.text(field);
        let parts = text.split(separator).filter(|part| !part.is_empty());
        parts.filter_map(|part| self.parsed(field, part)).collect()
    }

    fn time(&self, field: &'static str) -> Option<Timestamp> {
        self.optional(field).map(Timestamp::from_millis)
    }

    fn state(&self) -> State {
        let state = self.required("state").unwrap_or(State::Damaged);
        if state == State::Damaged {
            self.damaged("state", &self.text("state"));
        }
        state
    }

    /// The field that the state's writer wrote with it. A release that has no such field said it in the reason.
    fn phase(&self, reason: &str) -> Option<Phase> {
        let text = self.text("phase");
        match text.split_once(' ') {
            Some((since, word)) if since == self.text("state_since") => match word {
                "-" => None,
                word => self.parsed("phase", word),
            },
            Some(_) | None => Phase::of_words(reason),
        }
    }

    fn judge(self, account: &mut Account) {
        let damage = self.damage.into_inner();
        if damage.is_empty() {
            return;
        }
        let what: Vec<&str> = damage.iter().map(|(_, what)| what.as_str()).collect();
        account.reason = format!(
            "damaged: cannot read {}; if a newer release wrote it, update this one, else latchkey-broker account repair {}, or rm",
            what.join(", "),
            account.id
        );
        account.state = State::Damaged;
        account.phase = None;
        account.damage = damage.into_iter().map(|(field, _)| field.to_owned()).collect();
    }
}
