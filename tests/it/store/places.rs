//! Places of one account that several adapters ask for, on a real Redis: they are killed and frozen, Redis is away or
//! forgets, in any order. No place is given that somebody who is there holds, and none stays taken by who is gone.

use latchkey_shared::{
    id::AccountId,
    store::{Attendance, LeaseOutcome, LeaseTerms, LeaseToken},
};
use proptest::prelude::*;
use tokio::time::Instant;

use super::*;

const ADAPTERS: usize = 3;
const LIMIT: u32 = 4;
/// Life of a place that nobody renews, and when one is renewed.
const LIFE: u64 = 60_000;
const RENEWED: u64 = 20_000;
/// How long an adapter is there after it has said so, how often it says it, and how long what it heard holds.
const PRESENCE: u64 = 10_000;
const EACH: u64 = 1_000;
const FRESH: u64 = 3_000;
/// After a time in which nobody could say so everybody has a while to come back.
const GRACE: u64 = 3_000;
/// A place that was taken or kept so lately is nobody's who is gone: he would have to be back.
const LATELY: u64 = 5_000;
/// The test's own clock is no better, on a machine that builds meanwhile.
const SLACK: u64 = 900;

/// What happens.
#[derive(Clone, Debug)]
enum PlacesStep {
    Asks(usize),
    Ends(usize),
    Attends(usize),
    /// It is killed, and another one is started.
    Dies(usize),
    /// It stands still, and its streams stay.
    Freezes(usize),
    Thaws(usize),
    /// So many milliseconds, in which each says once a second that it is there.
    Passes(u64),
    /// Redis is away for so long.
    Outage(u64, Forgets),
}

/// What Redis has forgotten when it is back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Forgets {
    Nothing,
    Places,
    All,
}

fn steps() -> impl Strategy<Value = Vec<PlacesStep>> {
    let adapter = 0..ADAPTERS;
    let forgets = prop::sample::select(vec![Forgets::Nothing, Forgets::Places, Forgets::All]);
    let step = prop_oneof![
        12 => adapter.clone().prop_map(PlacesStep::Asks),
        4 => adapter.clone().prop_map(PlacesStep::Ends),
        4 => adapter.clone().prop_map(PlacesStep::Attends),
        2 => adapter.clone().prop_map(PlacesStep::Dies),
        2 => adapter.clone().prop_map(PlacesStep::Freezes),
        3 => adapter.prop_map(PlacesStep::Thaws),
        6 => prop::sample::select(vec![600, 1_200, 4_000, 12_000]).prop_map(PlacesStep::Passes),
        1 => (prop::sample::select(vec![8_000, 20_000, 70_000]), forgets).prop_map(|(time, what)| PlacesStep::Outage(time, what)),
    ];
    prop::collection::vec(step, 1..50)
}

/// An adapter as its process would be.
struct ModelAdapter {
    id: String,
    holds: Vec<LeaseToken>,
    is_frozen: bool,
    claimed: Option<u64>,
    heard: Option<(Attendance, u64)>,
    renewed: u64,
    /// When its places count no more, unless it says that it is there.
    gone_at: u64,
    /// When it last took a place, or said that one is its own.
    taken: u64,
}

/// One account, and everybody who asks for it.
struct Places {
    redis: redis::aio::MultiplexedConnection,
    store: TestStore,
    account: AccountId,
    adapters: Vec<ModelAdapter>,
    /// How many adapters there have been.
    started: usize,
    /// The killed: what they held, when it counts no more, and when they last took a place.
    dead: Vec<(usize, u64, u64)>,
    begun: Instant,
    passed: u64,
    /// When somebody last said that he is there.
    last: Option<u64>,
    resumed: u64,
    /// When places were last kept back for whoever holds some.
    trouble: u64,
}

impl ModelAdapter {
    fn new(number: usize) -> Self {
        let holds = Vec::new();
        let heard = None;
        Self {
            id: format!("adapter{number:04}"),
            holds,
            is_frozen: false,
            claimed: None,
            heard,
            renewed: 0,
            gone_at: 0,
            taken: 0,
        }
    }
}

impl Places {
    async fn new(redis: &Redis) -> Self {
        let mut line = redis.connection().await;
        redis::cmd("FLUSHALL").exec_async(&mut line).await.unwrap();
        let store = store(redis).await;
        let account = account(&store, "alice").await.id;
        let adapters = (0..ADAPTERS).map(ModelAdapter::new).collect();
        let started = ADAPTERS;
        let dead = Vec::new();
        let begun = Instant::now();
        Self {
            redis: line,
            store,
            account,
            adapters,
            started,
            dead,
            begun,
            passed: 0,
            last: None,
            resumed: 0,
            trouble: 0,
        }
    }

    fn now(&self) -> u64 {
        self.passed + u64::try_from(self.begun.elapsed().as_millis()).unwrap()
    }

    async fn make(&mut self, step: &PlacesStep) {
        match *step {
            PlacesStep::Asks(adapter) => self.ask(adapter).await,
            PlacesStep::Ends(adapter) if !self.adapters[adapter].is_frozen => {
                if let Some(token) = self.adapters[adapter].holds.pop() {
                    self.store.adapter.release_lease(self.account, &token).await.unwrap();
                }
            }
            PlacesStep::Attends(adapter) if !self.adapters[adapter].is_frozen => self.attend(adapter).await,
            PlacesStep::Ends(_) | PlacesStep::Attends(_) => {}
            PlacesStep::Dies(adapter) => {
                let new = ModelAdapter::new(self.started);
                self.started += 1;
                let died = std::mem::replace(&mut self.adapters[adapter], new);
                self.dead.push((died.holds.len(), died.gone_at, died.taken));
            }
            PlacesStep::Freezes(adapter) => self.adapters[adapter].is_frozen = true,
            PlacesStep::Thaws(adapter) => self.adapters[adapter].is_frozen = false,
            PlacesStep::Passes(time) => {
                for _ in 0..time / EACH {
                    self.shift(EACH).await;
                    self.everybody_attends().await;
                }
                self.shift(time % EACH).await;
            }
            PlacesStep::Outage(time, forgets) => {
                self.shift(time).await;
                self.forget(forgets).await;
            }
        }
    }

    async fn everybody_attends(&mut self) {
        for adapter in 0..ADAPTERS {
            if !self.adapters[adapter].is_frozen {
                self.attend(adapter).await;
                self.renew(adapter).await;
            }
        }
    }

    /// As an adapter does once a second, and before it asks where it has not done so lately.
    async fn attend(&mut self, adapter: usize) {
        let ModelAdapter { id, claimed, holds, .. } = &self.adapters[adapter];
        let now = self.now();
        let claimed = *claimed;
        let mut heard = self.store.adapter.attend(id, claimed).await.unwrap();
        if claimed.is_some() && (claimed != Some(heard.resumed) || heard.was_gone) {
            for token in holds {
                self.store
                    .adapter
                    .claim_lease(self.account, token, Duration::from_millis(LIFE))
                    .await
                    .unwrap();
            }
            heard = self.store.adapter.attend(id, Some(heard.resumed)).await.unwrap();
            self.trouble = self.trouble.max(now);
            self.adapters[adapter].taken = now;
        }
        if heard.resumed != self.resumed {
            self.resume(now, heard.resumed);
        }
        let of_here = &mut self.adapters[adapter];
        of_here.claimed = Some(heard.resumed);
        of_here.gone_at = now + PRESENCE;
        of_here.heard = Some((heard, now));
        self.last = Some(now);
    }

    /// Whoever was there has a while to come back.
    fn resume(&mut self, now: u64, resumed: u64) {
        let last = self.last.unwrap_or(0);
        let living = self.adapters.iter_mut().map(|adapter| &mut adapter.gone_at);
        for gone_at in living.chain(self.dead.iter_mut().map(|(_, gone_at, _)| gone_at)) {
            if last < *gone_at {
                *gone_at = now + GRACE;
            }
        }
        self.resumed = resumed;
        self.trouble = now;
    }

    async fn renew(&mut self, adapter: usize) {
        let now = self.now();
        if now < self.adapters[adapter].renewed + RENEWED {
            return;
        }
        self.adapters[adapter].renewed = now;
        self.adapters[adapter].taken = now;
        for token in &self.adapters[adapter].holds {
            let life = Duration::from_millis(LIFE);
            if !self.store.adapter.renew_lease(self.account, token, life).await.unwrap() {
                self.store.adapter.claim_lease(self.account, token, life).await.unwrap();
            }
        }
    }

    async fn ask(&mut self, adapter: usize) {
        if self.adapters[adapter].is_frozen {
            return;
        }
        let fresh = |(_, at): &(Attendance, u64)| self.now() < at + FRESH;
        if !self.adapters[adapter].heard.as_ref().is_some_and(fresh) {
            self.attend(adapter).await;
        }
        let (heard, at) = self.adapters[adapter].heard.clone().unwrap();
        if !heard.is_open {
            assert!(at < self.trouble + GRACE + EACH + SLACK, "nobody is let in: {heard:?}");
            return;
        }
        let token = LeaseToken::of(&self.adapters[adapter].id);
        let terms = LeaseTerms {
            concurrency: LIMIT,
            requests_per_minute: None,
            pools: None,
            absent: &heard.absent,
            ttl: Duration::from_millis(LIFE),
        };
        let now = self.now();
        match self.store.adapter.lease(self.account, &token, terms).await.unwrap() {
            LeaseOutcome::Held => {
                let held = self.held_by(|gone_at, _| now + SLACK < gone_at, false);
                assert!(held < LIMIT as usize, "{held} were held of {LIMIT} by who was there");
                self.adapters[adapter].holds.push(token);
                self.adapters[adapter].taken = now;
            }
            LeaseOutcome::Full => {
                let held = self.held_by(|gone_at, taken| at < gone_at.max(taken + LATELY) + SLACK, true);
                assert!(held >= LIMIT as usize, "{held} were held of {LIMIT}, and yet all were taken");
            }
            other => panic!("{other:?}"),
        }
    }

    /// How many places are held by those of whom this is true, the killed with them or not.
    fn held_by(&self, counts: impl Fn(u64, u64) -> bool, with_dead: bool) -> usize {
        let living =
            self.adapters.iter().map(|adapter| (adapter.holds.len(), adapter.gone_at, adapter.taken));
        let dead = self.dead.iter().copied().filter(|_| with_dead);
        let held = living.chain(dead).filter(|(_, gone_at, taken)| counts(*gone_at, *taken));
        held.map(|(held, ..)| held).sum()
    }

    async fn forget(&mut self, forgets: Forgets) {
        let places = format!("lk:{{{}}}:leases", self.account);
        if forgets != Forgets::Nothing {
            redis::cmd("DEL").arg(places).exec_async(&mut self.redis).await.unwrap();
            self.dead.clear();
        }
        if forgets == Forgets::All {
            redis::cmd("DEL").arg("lk:adapters").exec_async(&mut self.redis).await.unwrap();
            // Nobody can know of them, until they come back and say what they hold.
            let now = self.now();
            self.adapters.iter_mut().for_each(|adapter| adapter.gone_at = adapter.gone_at.min(now));
        }
    }

    /// Time passes: all that Redis knows is so much older.
    async fn shift(&mut self, time: u64) {
        self.passed += time;
        let earlier = |number: &str| match number.parse::<u64>() {
            Ok(number) if number > time => (number - time).to_string(),
            _ => number.to_owned(),
        };
        let known: Vec<(String, String)> =
            redis::cmd("HGETALL").arg("lk:adapters").query_async(&mut self.redis).await.unwrap();
        for (name, value) in known {
            let value: Vec<String> = value.split(' ').map(earlier).collect();
            let mut set = redis::cmd("HSET");
            set.arg("lk:adapters").arg(name).arg(value.join(" ")).exec_async(&mut self.redis).await.unwrap();
        }
        for adapter in &mut self.adapters {
            adapter.claimed = adapter.claimed.map(|claimed| claimed.saturating_sub(time));
        }
        self.resumed = self.resumed.saturating_sub(time);
        pass(&mut self.redis, &format!("lk:{{{}}}:leases", self.account), time).await;
    }
}

/// Has all places of a key end so much sooner.
async fn pass(redis: &mut redis::aio::MultiplexedConnection, key: &str, time: u64) {
    let places: Vec<(String, u64)> =
        redis::cmd("ZRANGE").arg(key).arg(0).arg(-1).arg("WITHSCORES").query_async(redis).await.unwrap();
    for (place, end) in places {
        redis::cmd("ZADD").arg(key).arg(end - time).arg(place).exec_async(redis).await.unwrap();
    }
    let left: i64 = redis::cmd("PTTL").arg(key).query_async(redis).await.unwrap();
    let left = left.saturating_sub_unsigned(time);
    redis::cmd("PEXPIRE").arg(key).arg(left).exec_async(redis).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_place_is_given_twice_and_none_stays_with_who_is_gone() {
    let redis = Redis::start().await;

    hold(128, &steps(), async |steps| {
        let mut places = Places::new(&redis).await;
        for step in &steps {
            places.make(step).await;
        }
    });
}
