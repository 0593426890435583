//! One release of distance, both ways: what a newer one writes is kept and left alone, and what an older one has
//! written, or writes beside us, is understood.

use latchkey_shared::account::Phase;
use redis::aio::MultiplexedConnection;

use super::*;

async fn set(redis: &mut MultiplexedConnection, id: &str, fields: &[(&str, &str)]) {
    let mut set = redis::cmd("HSET");
    set.arg(format!("lk:{{{id}}}:account"));
    for (field, value) in fields {
        set.arg(field).arg(value);
    }
    set.exec_async(redis).await.unwrap();
}

async fn hash(redis: &mut MultiplexedConnection, id: &str) -> Vec<(String, String)> {
    let mut read = redis::cmd("HGETALL");
    let mut hash: Vec<(String, String)> =
        read.arg(format!("lk:{{{id}}}:account")).query_async(redis).await.unwrap();
    hash.sort();
    hash
}

#[tokio::test]
async fn a_word_of_a_newer_release_is_left_alone_until_that_release_is_back() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let mut line = redis.connection().await;
    let alice = account(&store, "alice").await;
    let bob = account(&store, "bob").await;
    let id = alice.id.to_string();
    let before = store.account(alice.id).await.unwrap().unwrap();

    for (field, word) in [("state", "paused"), ("session_origin", "passkey"), ("last_login_rung", "push")] {
        let old = hash(&mut line, &id).await;
        let fields = [(field, word), ("last_login_at", "1000"), ("last_login_ms", "1"), ("avatar", "a bird")];
        set(&mut line, &id, &fields).await;
        let newer = hash(&mut line, &id).await;

        let shown = store.account(alice.id).await.unwrap().unwrap();
        assert_eq!((shown.state, shown.damage.as_slice()), (State::Damaged, [field.to_owned()].as_slice()));
        assert!(shown.reason.contains(&format!("{field} is {word}")), "{}", shown.reason);
        assert_eq!(store.accounts().await.unwrap().len(), 2);
        if field == "state" {
            let lock = store.lock_login(alice.id, TTL).await.unwrap().unwrap();
            assert_eq!(publish(&store, &lock, "session", TTL).await, Published::Stale);
            store.unlock_login(&lock).await.unwrap();
            for cause in TransitionCause::ALL {
                for to in State::stored() {
                    let step = Some(Transition::new(cause, to, ""));
                    let change = AccountChange { step, ..AccountChange::default() };
                    assert!(!store.change_account(alice.id, change).await.unwrap());
                }
            }
            let change = AccountChange { label: Some("other".to_owned()), ..AccountChange::default() };
            assert!(!store.change_account(alice.id, change).await.unwrap());
        }
        assert_eq!(hash(&mut line, &id).await, newer, "nothing of it is overwritten");

        redis::cmd("DEL").arg(format!("lk:{{{id}}}:account")).exec_async(&mut line).await.unwrap();
        let old: Vec<(&str, &str)> = old.iter().map(|(field, value)| (&**field, &**value)).collect();
        set(&mut line, &id, &old).await;
    }
    assert_eq!(store.account(alice.id).await.unwrap().unwrap(), before);

    // A field that is not known here is kept through every change of ours.
    set(&mut line, &bob.id.to_string(), &[("avatar", "a bird")]).await;
    let step = Some(Transition::new(TransitionCause::SwitchedOff, State::Disabled, ""));
    let change = AccountChange { step, label: Some("b".to_owned()), ..AccountChange::default() };
    assert!(store.change_account(bob.id, change).await.unwrap());
    assert!(hash(&mut line, &bob.id.to_string()).await.contains(&("avatar".to_owned(), "a bird".to_owned())));
}

#[tokio::test]
async fn what_the_release_before_said_in_a_reason_is_read_and_what_we_say_is_read_there() {
    let redis = Redis::start().await;
    let store = store(&redis).await;
    let mut line = redis.connection().await;
    let account = account(&store, "alice").await;
    let id = account.id.to_string();
    let phase = async || store.account(account.id).await.unwrap().unwrap().phase;
    let begins = AccountChange {
        step: Some(Transition::new(TransitionCause::LoginBegins, State::Refreshing, "")),
        ..AccountChange::default()
    };

    // The words of the release before, where it knew no other field.
    redis::cmd("HDEL").arg(format!("lk:{{{id}}}:account")).arg("phase").exec_async(&mut line).await.unwrap();
    for (reason, expected) in [
        ("password typed", Some(Phase::PasswordTyped)),
        ("waits for a browser", Some(Phase::WaitsForBrowser)),
        ("site_down", None),
    ] {
        set(&mut line, &id, &[("state", "refreshing"), ("reason", reason), ("state_since", "1000")]).await;
        assert_eq!(phase().await, expected, "{reason}");
    }

    // Ours: the field decides, whatever the reason says, and the reason is what the release before looks for.
    assert!(store.change_account(account.id, begins).await.unwrap());
    for (step, words) in [
        (
            Transition::at(TransitionCause::PasswordTyped, State::Refreshing, Phase::PasswordTyped),
            "password typed",
        ),
        (
            Transition::at(TransitionCause::LoginUndone, State::Active, Phase::WaitsForBrowser),
            "waits for a browser",
        ),
    ] {
        let expected = step.phase;
        let change = AccountChange { step: Some(step), ..AccountChange::default() };
        assert!(store.change_account(account.id, change).await.unwrap());
        let said = hash(&mut line, &id).await;
        assert!(said.contains(&("reason".to_owned(), words.to_owned())), "{said:?}");
        set(&mut line, &id, &[("reason", "whatever is said to people")]).await;
        assert_eq!(phase().await, expected);
    }

    // It settles what we left: our field stays behind and says nothing of the new state.
    let settled =
        [("state", "cooldown"), ("reason", "the broker ended during the login"), ("state_since", "2000")];
    set(&mut line, &id, &settled).await;
    assert_eq!(phase().await, None);
}
