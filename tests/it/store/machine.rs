//! The state machine of an account, tried on a real Redis: several brokers, an operator, and a clock that is moved, in
//! any order, held to the one table and to what must never be.

use latchkey_broker::login::{
    FailureCode, LoginError, LoginFailure, LoginHold, TypedSecrets, begin_to_type, record_failure,
    recover_interrupted,
};
use latchkey_shared::{
    account::{LastLogin, Phase},
    id::AccountId,
    shutdown::Tasks,
};
use proptest::prelude::*;

use super::{clock::Clock, *};

const BROKERS: usize = 3;
/// How long a login's lock lives that nobody renews.
const LOCK: Duration = Duration::from_secs(15);
/// How long after its claim an account is due again. Longer than the lock.
const CLAIM: Duration = Duration::from_secs(30);
/// Times are stored in whole milliseconds.
const BLUR: Duration = Duration::from_millis(2);

/// What somebody does.
#[derive(Clone, Debug)]
enum MachineStep {
    Begins(usize),
    Types(usize),
    Publishes(usize),
    Fails(usize, FailureCode),
    Waits(usize),
    Undoes(usize),
    /// A broker is killed in the middle of its login.
    Dies(usize),
    Renews(usize),
    /// A broker looks for what is due, and sees to it.
    Looks(usize),
    Settles,
    TimePasses(Duration),
    SwitchedOff,
    SwitchedOn,
    SessionsRefused,
    CredentialsReplaced,
    SessionRevoked,
    Deleted,
}

fn steps() -> impl Strategy<Value = Vec<MachineStep>> {
    let code = prop::sample::select(vec![
        FailureCode::CredentialsRejected,
        FailureCode::AccountLocked,
        FailureCode::SiteDown,
        FailureCode::SelectorMissing,
        FailureCode::HumanRequired,
    ]);
    let step = prop_oneof![
        6 => (0..BROKERS).prop_map(MachineStep::Begins),
        3 => (0..BROKERS).prop_map(MachineStep::Types),
        4 => (0..BROKERS).prop_map(MachineStep::Publishes),
        4 => ((0..BROKERS), code).prop_map(|(broker, code)| MachineStep::Fails(broker, code)),
        2 => (0..BROKERS).prop_map(MachineStep::Waits),
        2 => (0..BROKERS).prop_map(MachineStep::Undoes),
        2 => (0..BROKERS).prop_map(MachineStep::Dies),
        3 => Just(MachineStep::Settles),
        2 => (0..BROKERS).prop_map(MachineStep::Renews),
        3 => (0..BROKERS).prop_map(MachineStep::Looks),
        5 => prop::sample::select(vec![1, 4, 7, 16, 31, 90]).prop_map(|secs| MachineStep::TimePasses(Duration::from_secs(secs))),
        1 => Just(MachineStep::SwitchedOff),
        1 => Just(MachineStep::SwitchedOn),
        1 => Just(MachineStep::SessionsRefused),
        1 => Just(MachineStep::CredentialsReplaced),
        1 => Just(MachineStep::SessionRevoked),
        1 => prop::option::weighted(0.1, Just(())).prop_map(|gone| gone.map_or(MachineStep::Settles, |()| MachineStep::Deleted)),
    ];
    prop::collection::vec(step, 1..40)
}

/// When something ends, as far as its beginning is known.
#[derive(Clone, Copy)]
struct KnownEnd {
    earliest: Duration,
    latest: Duration,
}

impl KnownEnd {
    fn lives(self, now: Duration) -> bool {
        now + BLUR < self.earliest
    }

    fn is_over(self, now: Duration) -> bool {
        self.latest + BLUR <= now
    }
}

/// One account and those who see to it.
struct Machine {
    redis: redis::aio::MultiplexedConnection,
    clock: Clock,
    stores: Vec<TestStore>,
    id: AccountId,
    holds: Vec<Option<LoginHold>>,
    /// Who took the lock last, if he has not given it back, and its end.
    locked: Option<(usize, KnownEnd)>,
    published: u64,
    /// When the published session ends; `None` where it was taken away.
    session_ends: Option<KnownEnd>,
}

impl Machine {
    async fn new(redis: &Redis) -> Self {
        let mut line = redis.connection().await;
        redis::cmd("FLUSHALL").exec_async(&mut line).await.unwrap();
        let mut stores = Vec::new();
        for _ in 0..BROKERS {
            stores.push(store(redis).await);
        }
        let id = account(&stores[0], "alice").await.id;
        let holds = (0..BROKERS).map(|_| None).collect();
        let clock = Clock::new(line.clone());
        Self { redis: line, clock, stores, id, holds, locked: None, published: 0, session_ends: None }
    }

    async fn now(&self) -> Option<Account> {
        self.stores[0].account(self.id).await.unwrap()
    }

    async fn step(&mut self, cause: TransitionCause, to: State) {
        let step = Some(Transition::new(cause, to, ""));
        let change = AccountChange { step, ..AccountChange::default() };
        self.stores[0].change_account(self.id, change).await.unwrap();
    }

    /// Does it, and gives the causes for which the account may stand elsewhere after it.
    async fn make(&mut self, step: &MachineStep) -> &'static [TransitionCause] {
        match *step {
            MachineStep::Begins(broker) => return self.begin(broker).await,
            MachineStep::Types(broker) => return self.type_password(broker).await,
            MachineStep::Publishes(broker) => return self.publish(broker).await,
            MachineStep::Fails(broker, code) => return self.fail(broker, code).await,
            MachineStep::Waits(broker) => {
                if !self.renews(broker).await {
                    return &[];
                }
                self.let_go(broker).unwrap().wait(Timestamp::now()).await;
                return &[TransitionCause::LoginUndone];
            }
            MachineStep::Undoes(broker) => {
                let Some(hold) = self.let_go(broker) else { return &[] };
                hold.undo().await;
                return &[TransitionCause::LoginUndone, TransitionCause::LoginFailed];
            }
            MachineStep::Dies(broker) => {
                // Nothing of it runs any more, and its lock lives on until its end.
                if let Some(hold) = self.holds[broker].take() {
                    std::mem::forget(hold);
                }
            }
            MachineStep::Renews(broker) => drop(self.renews(broker).await),
            MachineStep::Looks(broker) => return self.look(broker).await,
            MachineStep::Settles => {
                recover_interrupted(&self.stores[1], self.id).await.unwrap();
                return &[TransitionCause::LoginFailed];
            }
            MachineStep::TimePasses(time) => self.clock.pass(&self.id.to_string(), time).await,
            MachineStep::SwitchedOff => {
                self.step(TransitionCause::SwitchedOff, State::Disabled).await;
                return &[TransitionCause::SwitchedOff];
            }
            MachineStep::SwitchedOn => {
                self.step(TransitionCause::SwitchedOn, State::New).await;
                return &[TransitionCause::SwitchedOn];
            }
            MachineStep::SessionsRefused => {
                self.step(TransitionCause::SessionsRefused, State::Cooldown).await;
                return &[TransitionCause::SessionsRefused];
            }
            MachineStep::CredentialsReplaced => {
                self.step(TransitionCause::CredentialsReplaced, State::New).await;
                return &[TransitionCause::CredentialsReplaced];
            }
            MachineStep::SessionRevoked => {
                self.stores[2].revoke_session(self.id).await.unwrap();
                self.session_ends = None;
            }
            MachineStep::Deleted => drop(self.stores[0].delete_account(self.id).await.unwrap()),
        }
        &[]
    }

    async fn type_password(&mut self, broker: usize) -> &'static [TransitionCause] {
        if self.renews(broker).await {
            let may = self.refreshes().await;
            let typed = begin_to_type(&self.stores[broker], self.id).await;
            assert_eq!(typed.is_ok(), may, "nothing is typed for an account that was taken away");
        }
        &[TransitionCause::PasswordTyped]
    }

    async fn fail(&mut self, broker: usize, code: FailureCode) -> &'static [TransitionCause] {
        if !self.renews(broker).await {
            return &[];
        }
        let hold = self.let_go(broker).unwrap();
        let Some(account) = self.now().await else { return &[] };
        let failure: LoginFailure = LoginError { code, what: "it failed".to_owned() }.into();
        let typed = TypedSecrets { password: account.phase == Some(Phase::PasswordTyped), version: 1 };
        let at = Timestamp::now();
        let last = LastLogin { at, duration_ms: 1, result: code.as_str().to_owned(), rung: None };
        record_failure(&self.stores[broker], &account, &failure, typed, last).await.unwrap();
        hold.release().await;
        &[TransitionCause::LoginFailed]
    }

    async fn refreshes(&self) -> bool {
        self.now().await.is_some_and(|account| account.state == State::Refreshing)
    }

    /// A broker that gives its right back; nobody else's ends by it.
    fn let_go(&mut self, broker: usize) -> Option<LoginHold> {
        let hold = self.holds[broker].take()?;
        self.locked = self.locked.filter(|(locked, _)| *locked != broker);
        Some(hold)
    }

    /// The end of what lives for so long and began between `before` and now.
    fn ends(&self, before: Duration, life: Duration) -> KnownEnd {
        KnownEnd { earliest: before + life, latest: self.clock.now() + life }
    }

    /// Whether a broker still has its right, as it asks itself while its login runs; without it, its login ends.
    async fn renews(&mut self, broker: usize) -> bool {
        let Some(hold) = &self.holds[broker] else { return false };
        let before = self.clock.now();
        let own = self.locked.filter(|(locked, _)| *locked == broker).map(|(_, end)| end);
        if self.stores[broker].renew_login(hold.lock(), LOCK).await.unwrap() {
            assert!(own.is_some_and(|end| !end.is_over(before)), "a right that has ended is not renewed");
            self.locked = Some((broker, self.ends(before, LOCK)));
            return true;
        }
        let lives = own.is_some_and(|end| end.lives(self.clock.now()));
        assert!(!lives || self.now().await.is_none(), "nobody loses a right that lives");
        if let Some(hold) = self.let_go(broker) {
            hold.release().await;
        }
        false
    }

    /// What the due loop of a broker does: it claims what is due, then settles or begins.
    async fn look(&mut self, broker: usize) -> &'static [TransitionCause] {
        let store = self.stores[broker].clone();
        let now = Timestamp::now();
        let is_due = store.due(now, 10).await.unwrap().contains(&self.id);
        assert_eq!(store.claim_due(self.id, now, now + CLAIM).await.unwrap(), is_due);
        assert!(!store.claim_due(self.id, now, now + CLAIM).await.unwrap(), "two have claimed it");
        if !is_due {
            return &[];
        }
        if self.refreshes().await {
            recover_interrupted(&store, self.id).await.unwrap();
            return &[TransitionCause::LoginFailed];
        }
        self.begin(broker).await
    }

    async fn begin(&mut self, broker: usize) -> &'static [TransitionCause] {
        if self.holds[broker].is_some() {
            return &[];
        }
        let Some(account) = self.now().await else { return &[] };
        let tasks = Tasks::new();
        let before = self.clock.now();
        let is_free = self.locked.is_none_or(|(_, end)| end.is_over(before));
        let taken = LoginHold::take(&self.stores[broker], &account, tasks.clone()).await;
        // One that does not begin gives its lock back by a task of its own.
        assert!(taken.is_ok() || tasks.stop(TTL).await);
        match taken {
            Ok(hold) => {
                assert!(
                    !self.locked.is_some_and(|(_, end)| end.lives(self.clock.now())),
                    "one login at a time"
                );
                assert!(hold.lock().generation > self.published);
                self.locked = Some((broker, self.ends(before, LOCK)));
                self.holds[broker] = Some(hold);
            }
            Err(trouble) => assert!(!is_free || account.state == State::Disabled, "{trouble:?} {account:?}"),
        }
        &[TransitionCause::LoginBegins, TransitionCause::LoginUndone]
    }

    /// The newest generation that anybody drew.
    async fn drawn(&mut self) -> u64 {
        let key = format!("lk:{{{}}}:generation", self.id);
        redis::cmd("GET").arg(key).query_async::<Option<u64>>(&mut self.redis).await.unwrap().unwrap_or(0)
    }

    async fn publish(&mut self, broker: usize) -> &'static [TransitionCause] {
        let Some(hold) = self.let_go(broker) else { return &[] };
        let before = self.now().await;
        let began = self.clock.now();
        let record = format!("session {}", hold.lock().generation);
        let done = publish(&self.stores[broker], hold.lock(), &record, TTL).await;
        let may = before.is_some_and(|account| account.state != State::Disabled);
        let is_newest = self.drawn().await == hold.lock().generation;
        assert_eq!(done == Published::Done, may && is_newest, "the newest login publishes, and no other");
        if done == Published::Done {
            assert!(self.published < hold.lock().generation, "an older session is never published");
            self.published = hold.lock().generation;
            self.session_ends = Some(self.ends(began, TTL));
        }
        hold.release().await;
        &[TransitionCause::SessionPublished]
    }

    /// What holds at any time.
    async fn holds_true(&mut self, before: Option<&Account>, causes: &[TransitionCause], step: &MachineStep) {
        let after = self.now().await;
        let (Some(before), Some(after)) = (before, &after) else {
            assert!(after.is_none(), "who is deleted stays so");
            assert!(self.stores[0].accounts().await.unwrap().is_empty());
            return;
        };
        let leads = causes.iter().any(|cause| cause.leads(before.state, after.state));
        assert!(before.state == after.state || leads, "{step:?}: {} to {}", before.state, after.state);
        assert_eq!(after.generation, self.published, "{step:?}");
        self.holds_of_session(after, step).await;
        if after.state == State::Disabled {
            assert!(!after.serves(Timestamp::now()));
        }
        // So that somebody looks at it, whoever died.
        let will = self.is_seen(Timestamp::now() + CLAIM).await;
        assert!(after.state != State::Refreshing || will, "{step:?}: nobody looks at it again");
    }

    /// The session is there until its end, and an account serves no longer.
    async fn holds_of_session(&self, account: &Account, step: &MachineStep) {
        let asked = self.clock.now();
        let session = self.stores[0].session(self.id).await.unwrap();
        let lives = self.session_ends.is_some_and(|end| end.lives(self.clock.now()));
        let has_ended = self.session_ends.is_none_or(|end| end.is_over(asked));
        assert!(!(lives && session.is_none() || has_ended && session.is_some()), "{step:?}");
        if let Some(session) = &session {
            assert_eq!(session.sealed.as_bytes(), format!("session {}", self.published).as_bytes());
        }
        assert!(
            session.is_some() || !account.serves(Timestamp::now()),
            "{step:?}: it serves without a session"
        );
    }

    /// Whether the due loop meets it by then.
    async fn is_seen(&self, by: Timestamp) -> bool {
        let store = &self.stores[1];
        let is_due = store.due(by, 10).await.unwrap().contains(&self.id);
        is_due || store.waiting(by, 10).await.unwrap().contains(&self.id)
    }

    /// However it ended, one look settles an account whose brokers are all gone, once its claim is over.
    async fn comes_to_rest(mut self) {
        self.holds.drain(..).flatten().for_each(std::mem::forget);
        self.clock.pass(&self.id.to_string(), CLAIM).await;
        if self.refreshes().await {
            assert!(self.is_seen(Timestamp::now()).await);
            recover_interrupted(&self.stores[1], self.id).await.unwrap();
        }
        assert!(!self.refreshes().await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_brokers_and_operators_do_an_account_moves_as_the_table_says() {
    let redis = Redis::start().await;

    hold(128, &steps(), async |steps| {
        let mut machine = Machine::new(&redis).await;
        for step in &steps {
            let before = machine.now().await;
            let causes = machine.make(step).await;
            machine.holds_true(before.as_ref(), causes, step).await;
        }
        machine.comes_to_rest().await;
    });
}
