//! A soak: many accounts with short sessions, steady chat, and parts that die meanwhile. Nothing may be lost.
//!
//! The practice site counts what it is asked for: what each account's lives needed, and what came on top.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use latchkey_shared::{id::AccountId, time::Timestamp};
use serde::Serialize;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, sleep_until},
};

use crate::{
    model::Reply,
    processes,
    world::{AdapterClient, Admin},
};

mod stage;

use stage::SoakStage;

/// How a soak shall be.
#[derive(Clone, Copy, Debug)]
pub struct SoakPlan {
    /// How long there is chat.
    pub length: Duration,
    /// Accounts of the site.
    pub accounts: usize,
    /// Life of a session.
    pub life: Duration,
    /// Renewals over HTTP that a login is good for.
    pub renewals: u32,
    /// Conversations at once.
    pub chats: usize,
}

/// For the last accounts that something was cut off of to be signed in again.
const RECOVERY: Duration = Duration::from_secs(60);

/// What came of it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct SoakReport {
    /// Chats that were answered whole.
    pub answered: u64,
    /// Chats that were not, each with what it got instead.
    pub failed: Vec<String>,
    /// Sessions that the site gave for a refresh cookie: each is a browser that was not opened.
    pub renewed_over_http: u64,
    /// Sessions that the site gave for a password.
    pub typed: u64,
    /// Sessions that an account got although the one before had most of its life before it.
    pub early: u64,
    /// Logins that were in the air when something was killed; each may have to be made once more.
    pub in_the_air: u64,
    /// Accounts that served after the last chat.
    pub serving: usize,
    /// How long it took until each had.
    pub recovered_in_secs: f64,
    /// All accounts.
    pub accounts: usize,
    /// Where the others stand, and why.
    pub others: Vec<String>,
    /// Processes of Chromium that were left.
    pub left: usize,
    /// What was done to it, with the seconds since the start.
    pub blows: Vec<(f64, &'static str)>,
}

impl SoakReport {
    /// What must not be, in words; empty when the soak went well.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        let mut complaints: Vec<String> =
            self.failed.iter().take(5).map(|failure| format!("a chat failed: {failure}")).collect();
        if self.answered == 0 {
            complaints.push("no chat was answered".to_owned());
        }
        if self.early > self.in_the_air {
            let early = self.early;
            let air = self.in_the_air;
            complaints.push(format!("{early} sessions came early, and only {air} logins were cut off"));
        }
        if self.serving < self.accounts {
            complaints
                .push(format!("{} of {} accounts served after the last chat", self.serving, self.accounts));
            complaints.extend(self.others.iter().take(5).cloned());
        }
        if self.left > 0 {
            complaints.push(format!("{} processes of Chromium are left", self.left));
        }
        complaints
    }
}

#[derive(Debug, Default)]
struct Tally {
    answered: AtomicU64,
    failed: std::sync::Mutex<Vec<String>>,
    over: AtomicBool,
}

/// Runs a soak; `say` is told what happens.
///
/// # Panics
/// When it cannot be set up.
pub async fn run(plan: SoakPlan, say: &dyn Fn(&str)) -> SoakReport {
    let mut stage = SoakStage::set(plan, say).await;
    let model = stage.practice.model();
    model.always(Reply::text("one, ").wait(Duration::from_millis(20)).piece("two").usage(1, 2));
    let begun = Instant::now();
    let tally = Arc::new(Tally::default());
    let mut chats = JoinSet::new();
    for number in 0..plan.chats {
        let adapter = AdapterClient::new(&stage.adapters[number % stage.adapters.len()].url);
        chats.spawn(chat(adapter, Arc::clone(&tally)));
    }

    let mut report = SoakReport { accounts: plan.accounts, ..SoakReport::default() };
    let blows: [(f64, &'static str); 4] = [
        (0.2, "a broker is killed"),
        (0.3, "it starts again"),
        (0.45, "Chromium is killed"),
        (0.65, "Redis is killed and starts again"),
    ];
    for (share, blow) in blows {
        sleep_until(begun + plan.length.mul_f64(share)).await;
        let secs = begun.elapsed().as_secs_f64();
        say(&format!("{secs:5.0} s  {:6} answers; {blow}", tally.answered.load(Ordering::Relaxed)));
        report.in_the_air += stage.strike(blow).await;
        report.blows.push((secs, blow));
    }
    sleep_until(begun + plan.length).await;
    tally.over.store(true, Ordering::Relaxed);
    while let Some(ended) = chats.join_next().await {
        ended.expect("a chat does not panic");
    }

    report.answered = tally.answered.load(Ordering::Relaxed);
    report.failed = tally.failed.lock().unwrap().clone();
    count_sessions(&stage, plan, &mut report);
    let recovering = Instant::now();
    // Not all at one moment: with lives this short, somebody always waits for a browser.
    let mut served = BTreeSet::new();
    while served.len() < plan.accounts && recovering.elapsed() < RECOVERY {
        served.append(&mut serving(&stage).await);
        sleep(Duration::from_millis(500)).await;
    }
    report.serving = served.len();
    report.others = others(&stage, &served).await;
    report.recovered_in_secs = recovering.elapsed().as_secs_f64();
    let brokers = stage.end().await;
    let left = || brokers.iter().map(|pid| processes::descendants(*pid).len()).sum::<usize>();
    crate::wait::holds_within(Duration::from_secs(10), || left() == 0).await;
    report.left = left();
    report
}

/// Asks again and again until it is over.
async fn chat(adapter: AdapterClient, tally: Arc<Tally>) {
    while !tally.over.load(Ordering::Relaxed) {
        let stream = adapter.ask_streamed("hi").await;
        if stream.done && stream.text() == "one, two" {
            tally.answered.fetch_add(1, Ordering::Relaxed);
        } else {
            let what = format!("{} {}", stream.status, stream.raw.chars().take(300).collect::<String>());
            tally.failed.lock().unwrap().push(what);
        }
        sleep(Duration::from_millis(100)).await;
    }
}

/// Reads from the site's own book what it was asked for.
fn count_sessions(stage: &SoakStage, plan: SoakPlan, report: &mut SoakReport) {
    // Renewals are planned for two thirds of a life at the earliest, and for less where logins are slow.
    let too_soon = plan.life.mul_f64(0.3);
    for username in stage.usernames() {
        let counts = stage.practice.counts(username);
        report.renewed_over_http += u64::from(counts.renewals);
        report.typed += u64::from(counts.logins);
        let issued = stage.practice.issued();
        let ends: Vec<Timestamp> =
            issued.iter().filter(|parts| parts.username == *username).map(|parts| parts.expires_at).collect();
        let early = ends.windows(2).filter(|pair| pair[0].until(pair[1]) < too_soon).count();
        report.early += early as u64;
    }
}

async fn serving(stage: &SoakStage) -> BTreeSet<AccountId> {
    let admin = Admin::new(&stage.brokers[0].url);
    let now = Timestamp::now();
    let accounts = admin.accounts().await;
    accounts.iter().filter(|account| account.serves(now)).map(|account| account.id).collect()
}

async fn others(stage: &SoakStage, served: &BTreeSet<AccountId>) -> Vec<String> {
    let admin = Admin::new(&stage.brokers[0].url);
    let now = Timestamp::now();
    let accounts = admin.accounts().await;
    let others = accounts.iter().filter(|account| !served.contains(&account.id));
    others
        .map(|account| {
            let due = account.refresh_at.map_or_else(|| "never".to_owned(), |due| due.to_string());
            format!("{} is {} ({}), due {due}, now {now}", account.label, account.state, account.reason)
        })
        .collect()
}
