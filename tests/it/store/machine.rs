//! The state machine of an account, tried on a real Redis: several brokers, an operator, and time that passes, in any
//! order, held to the one table and to what must never be.

use latchkey_broker::login::{Code, Failure, Hold, Trouble, Typed, begin_to_type, record_failure, settle};
use latchkey_shared::{
    account::{LastLogin, Phase},
    id::AccountId,
    shutdown::Tasks,
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestRunner},
};
use tokio::runtime::Handle;

use super::*;

const BROKERS: usize = 3;

/// What somebody does.
#[derive(Clone, Debug)]
enum Step {
    Begins(usize),
    Types(usize),
    Publishes(usize),
    Fails(usize, Code),
    Waits(usize),
    Undoes(usize),
    /// A broker is killed in the middle of its login.
    Dies(usize),
    Settles,
    /// Time passes: every lock ends, and everything is due.
    TimePasses,
    SwitchedOff,
    SwitchedOn,
    SessionsRefused,
    CredentialsReplaced,
    SessionRevoked,
    Deleted,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let code = prop::sample::select(vec![
        Code::CredentialsRejected,
        Code::AccountLocked,
        Code::SiteDown,
        Code::SelectorMissing,
        Code::HumanRequired,
    ]);
    let step = prop_oneof![
        6 => (0..BROKERS).prop_map(Step::Begins),
        3 => (0..BROKERS).prop_map(Step::Types),
        4 => (0..BROKERS).prop_map(Step::Publishes),
        4 => ((0..BROKERS), code).prop_map(|(broker, code)| Step::Fails(broker, code)),
        2 => (0..BROKERS).prop_map(Step::Waits),
        2 => (0..BROKERS).prop_map(Step::Undoes),
        2 => (0..BROKERS).prop_map(Step::Dies),
        3 => Just(Step::Settles),
        3 => Just(Step::TimePasses),
        1 => Just(Step::SwitchedOff),
        1 => Just(Step::SwitchedOn),
        1 => Just(Step::SessionsRefused),
        1 => Just(Step::CredentialsReplaced),
        1 => Just(Step::SessionRevoked),
        1 => prop::option::weighted(0.1, Just(())).prop_map(|gone| gone.map_or(Step::Settles, |()| Step::Deleted)),
    ];
    prop::collection::vec(step, 1..40)
}

/// One account and those who see to it.
struct Machine {
    redis: redis::aio::MultiplexedConnection,
    stores: Vec<Store>,
    id: AccountId,
    holds: Vec<Option<Hold>>,
    /// Whose lock lives.
    locked: Option<usize>,
    published: u64,
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
        Self { redis: line, stores, id, holds, locked: None, published: 0 }
    }

    async fn now(&self) -> Option<Account> {
        self.stores[0].account(self.id).await.unwrap()
    }

    async fn step(&mut self, cause: Cause, to: State) {
        let step = Some(Move::new(cause, to, ""));
        let change = AccountChange { step, ..AccountChange::default() };
        self.stores[0].change_account(self.id, change).await.unwrap();
    }

    /// Does it, and gives the causes for which the account may stand elsewhere after it.
    async fn make(&mut self, step: &Step) -> &'static [Cause] {
        match *step {
            Step::Begins(broker) => return self.begin(broker).await,
            Step::Types(broker) => {
                if self.locked == Some(broker) && self.holds[broker].is_some() {
                    let may = self.refreshes().await;
                    let typed = begin_to_type(&self.stores[broker], self.id).await;
                    assert_eq!(typed.is_ok(), may, "nothing is typed for an account that was taken away");
                }
                return &[Cause::PasswordTyped];
            }
            Step::Publishes(broker) => return self.publish(broker).await,
            Step::Fails(broker, code) => return self.fail(broker, code).await,
            Step::Waits(broker) => {
                let is_locked = self.locked == Some(broker);
                let Some(hold) = self.let_go(broker).filter(|_| is_locked) else { return &[] };
                hold.wait(Timestamp::now()).await;
                return &[Cause::LoginUndone];
            }
            Step::Undoes(broker) => {
                let Some(hold) = self.let_go(broker) else { return &[] };
                hold.undo().await;
                return &[Cause::LoginUndone, Cause::LoginFailed];
            }
            Step::Dies(broker) => {
                // Nothing of it runs any more, and its lock lives on until its end.
                if let Some(hold) = self.holds[broker].take() {
                    std::mem::forget(hold);
                }
            }
            Step::Settles => {
                settle(&self.stores[1], self.id).await.unwrap();
                return &[Cause::LoginFailed];
            }
            Step::TimePasses => {
                let key = format!("lk:{{{}}}:login-lock", self.id);
                redis::cmd("PEXPIRE").arg(key).arg(0).exec_async(&mut self.redis).await.unwrap();
                self.locked = None;
            }
            Step::SwitchedOff => {
                self.step(Cause::SwitchedOff, State::Disabled).await;
                return &[Cause::SwitchedOff];
            }
            Step::SwitchedOn => {
                self.step(Cause::SwitchedOn, State::New).await;
                return &[Cause::SwitchedOn];
            }
            Step::SessionsRefused => {
                self.step(Cause::SessionsRefused, State::Cooldown).await;
                return &[Cause::SessionsRefused];
            }
            Step::CredentialsReplaced => {
                self.step(Cause::CredentialsReplaced, State::New).await;
                return &[Cause::CredentialsReplaced];
            }
            Step::SessionRevoked => self.stores[2].revoke_session(self.id).await.unwrap(),
            Step::Deleted => drop(self.stores[0].delete_account(self.id).await.unwrap()),
        }
        &[]
    }

    async fn fail(&mut self, broker: usize, code: Code) -> &'static [Cause] {
        let is_locked = self.locked == Some(broker);
        let Some(hold) = self.let_go(broker).filter(|_| is_locked) else { return &[] };
        let Some(account) = self.now().await else { return &[] };
        let failure: Failure = Trouble { code, what: "it failed".to_owned() }.into();
        let typed = Typed { password: account.phase == Some(Phase::PasswordTyped), version: 1 };
        let at = Timestamp::now();
        let last = LastLogin { at, duration_ms: 1, result: code.as_str().to_owned(), rung: None };
        record_failure(&self.stores[broker], &account, &failure, typed, last).await.unwrap();
        hold.release().await;
        &[Cause::LoginFailed]
    }

    async fn refreshes(&self) -> bool {
        self.now().await.is_some_and(|account| account.state == State::Refreshing)
    }

    /// A broker that gives its right back; nobody else's ends by it.
    fn let_go(&mut self, broker: usize) -> Option<Hold> {
        let hold = self.holds[broker].take()?;
        self.locked = self.locked.filter(|locked| *locked != broker);
        Some(hold)
    }

    async fn begin(&mut self, broker: usize) -> &'static [Cause] {
        if self.holds[broker].is_some() {
            return &[];
        }
        let Some(account) = self.now().await else { return &[] };
        let tasks = Tasks::new();
        let taken = Hold::take(&self.stores[broker], &account, tasks.clone()).await;
        // One that does not begin gives its lock back by a task of its own.
        assert!(taken.is_ok() || tasks.stop(TTL).await);
        match taken {
            Ok(hold) => {
                assert_eq!(self.locked, None, "one login at a time");
                assert!(hold.lock().generation > self.published);
                self.locked = Some(broker);
                self.holds[broker] = Some(hold);
            }
            Err(trouble) => {
                let is_free = self.locked.is_none() && account.state != State::Disabled;
                assert!(!is_free || self.is_locked().await, "{trouble:?} {account:?}");
            }
        }
        &[Cause::LoginBegins, Cause::LoginUndone]
    }

    async fn is_locked(&mut self) -> bool {
        let key = format!("lk:{{{}}}:login-lock", self.id);
        redis::cmd("EXISTS").arg(key).query_async(&mut self.redis).await.unwrap()
    }

    async fn publish(&mut self, broker: usize) -> &'static [Cause] {
        let Some(hold) = self.let_go(broker) else { return &[] };
        let before = self.now().await;
        let record = format!("session {}", hold.lock().generation);
        let done = publish(&self.stores[broker], hold.lock(), &record, TTL).await;
        let may = before.is_some_and(|account| account.state != State::Disabled);
        if done == Published::Done {
            assert!(may && self.published < hold.lock().generation, "an older session is never published");
            self.published = hold.lock().generation;
        }
        hold.release().await;
        &[Cause::SessionPublished]
    }

    /// What holds at any time.
    async fn holds_true(&mut self, before: Option<&Account>, causes: &[Cause], step: &Step) {
        let after = self.now().await;
        let (Some(before), Some(after)) = (before, &after) else {
            assert!(after.is_none(), "who is deleted stays so");
            assert!(self.stores[0].accounts().await.unwrap().is_empty());
            return;
        };
        let leads = causes.iter().any(|cause| cause.leads(before.state, after.state));
        assert!(before.state == after.state || leads, "{step:?}: {} to {}", before.state, after.state);
        assert_eq!(after.generation, self.published, "{step:?}");
        if let Some(session) = self.stores[0].session(self.id).await.unwrap() {
            assert_eq!(session.sealed.as_bytes(), format!("session {}", self.published).as_bytes());
        }
        if after.state == State::Disabled {
            assert!(!after.serves(Timestamp::now()));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_brokers_and_operators_do_an_account_moves_as_the_table_says() {
    let redis = Redis::start().await;
    let handle = Handle::current();
    let mut runner = TestRunner::new(Config { cases: 128, failure_persistence: None, ..Config::default() });

    let tried = tokio::task::block_in_place(|| {
        runner.run(&steps(), |steps| {
            handle.block_on(async {
                let mut machine = Machine::new(&redis).await;
                for step in &steps {
                    let before = machine.now().await;
                    let causes = machine.make(step).await;
                    machine.holds_true(before.as_ref(), causes, step).await;
                }
                machine.holds.drain(..).flatten().for_each(std::mem::forget);
            });
            Ok(())
        })
    });
    tried.unwrap();
}
