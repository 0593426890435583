//! What opens, what does not, and vectors that keep the format as it is.

use std::{collections::BTreeMap, sync::LazyLock};

use proptest::prelude::*;

use super::{
    record::{RecordRandom, seal},
    *,
};
use crate::time::Timestamp;

const RING: &str = "0a0b0c0d:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
const OTHER_RING: &str = "01020304:__79_Pv6-fj39vX08_Lx8O_u7ezr6uno5-bl5OPi4eA";

fn ring(text: &str) -> KeyRing {
    KeyRing::parse(&text.into()).unwrap()
}

fn account(text: &str) -> AccountId {
    text.parse().unwrap()
}

fn alice() -> AccountId {
    account("01JD9Z6V8W0000000000000001")
}

fn site() -> &'static SiteName {
    static SITE: LazyLock<SiteName> = LazyLock::new(|| "chat".parse().unwrap());
    &SITE
}

/// Alice at her site.
fn hers() -> RecordOwner<'static> {
    RecordOwner { account: alice(), site: site() }
}

fn credentials() -> Credentials {
    Credentials {
        username: "alice".to_owned(),
        password: "correct-horse-battery".into(),
        totp_seed: Some("JBSWY3DPEHPK3PXP".into()),
    }
}

fn session() -> Session {
    Session {
        cookies: Vec::new(),
        bearer: Some("bearer-value".into()),
        local_storage: BTreeMap::new(),
        session_storage: BTreeMap::new(),
        user_agent: "Chromium".to_owned(),
        captured_at: Timestamp::from_secs(1),
        expires_at: Timestamp::from_secs(2),
    }
}

#[test]
fn what_was_sealed_opens_at_its_place() {
    let vault = CredentialsVault::new(ring(RING), "test");

    let sealed = vault.seal(&credentials(), hers(), 3);
    let opened = vault.open(&sealed, hers(), 3).unwrap();

    assert_eq!(*opened.to_bytes(), *credentials().to_bytes());
}

#[test]
fn a_moved_record_does_not_open() {
    let vault = SessionVault::new(ring(RING), "test");
    let sealed = vault.seal(&session(), hers(), 7);
    let refused = |vault: &SessionVault, of, generation| vault.open(&sealed, of, generation).unwrap_err();

    let bob = account("01JD9Z6V8W0000000000000002");
    assert_eq!(
        refused(&vault, RecordOwner { account: bob, ..hers() }, 7),
        VaultError::Refused,
        "another account"
    );
    assert_eq!(refused(&vault, hers(), 8), VaultError::Refused, "another generation");
    let elsewhere = SessionVault::new(ring(RING), "production");
    assert_eq!(refused(&elsewhere, hers(), 7), VaultError::Refused, "another deployment");
    let stranger = SessionVault::new(ring(OTHER_RING), "test");
    assert!(matches!(refused(&stranger, hers(), 7), VaultError::UnknownKey(_)), "another ring");
    let same_id = SessionVault::new(ring(&OTHER_RING.replace("01020304", "0a0b0c0d")), "test");
    assert_eq!(refused(&same_id, hers(), 7), VaultError::Refused, "another key under the same id");
}

/// Whoever writes Redis as the broker may write any site of the catalog into an account.
#[test]
fn what_was_sealed_for_one_site_opens_at_no_other() {
    let sessions = SessionVault::new(ring(RING), "test");
    let vault = CredentialsVault::new(ring(RING), "test");
    let other: SiteName = "chat2".parse().unwrap();
    let moved = RecordOwner { site: &other, ..hers() };

    let sealed = vault.seal(&credentials(), hers(), 7);
    let state = vault.seal_state(&session(), hers(), 7);
    let live = sessions.seal(&session(), hers(), 7);

    assert_eq!(vault.open(&sealed, moved, 7).unwrap_err(), VaultError::OtherSite);
    assert_eq!(vault.open_state(&state, moved, 7).unwrap_err(), VaultError::OtherSite);
    assert_eq!(sessions.open(&live, moved, 7).unwrap_err(), VaultError::OtherSite);
    assert_eq!(vault.rewrap(&sealed, moved, 7), Err(VaultError::OtherSite));
}

/// A record of a release that bound no site, and one of this release in the eyes of such a release.
#[test]
fn a_record_without_a_site_opens_and_is_sealed_anew_with_it() {
    let vault = SessionVault::new(ring(RING), "test");
    let unbound = |generation| RecordContext { site: None, ..vault.place(hers(), generation) };
    let old = vault.0.seal(&session().to_bytes(), &unbound(7));

    assert_eq!(*vault.open(&old, hers(), 7).unwrap().to_bytes(), *session().to_bytes());
    let new = vault.rewrap(&old, hers(), 7).unwrap().unwrap();
    assert_eq!(vault.rewrap(&new, hers(), 7), Ok(None));
    let other: SiteName = "other".parse().unwrap();
    let moved = RecordOwner { site: &other, ..hers() };
    assert_eq!(vault.open(&new, moved, 7).unwrap_err(), VaultError::OtherSite);
    assert_eq!(*vault.0.open(&new, &unbound(7)).unwrap(), *session().to_bytes());
}

#[test]
fn an_answer_opens_for_its_question_alone() {
    let vault = SessionVault::new(ring(RING), "test");
    let sealed = vault.seal_answer(b"It sang.", "aa");

    assert_eq!(*vault.open_answer(&sealed, "aa").unwrap(), b"It sang.");
    assert_eq!(vault.open_answer(&sealed, "ab").unwrap_err(), VaultError::Refused);
    assert_eq!(vault.open(&sealed, hers(), 0).unwrap_err(), VaultError::Kind);
}

#[test]
fn a_record_moved_to_another_redis_key_does_not_open() {
    let vault = SessionVault::new(ring(RING), "test");
    let sealed = vault.seal(&session(), hers(), 7);

    let elsewhere = RecordContext { redis_key: keys::credentials(alice()), ..vault.place(hers(), 7) };

    assert_eq!(vault.0.open(&sealed, &elsewhere).unwrap_err(), VaultError::Refused);
}

#[test]
fn a_record_of_another_kind_does_not_open() {
    // One ring on both sides, so that only the kind stands between them.
    let sessions = SessionVault::new(ring(RING), "test");
    let credentials_vault = CredentialsVault::new(ring(RING), "test");
    let sealed = credentials_vault.seal(&credentials(), hers(), 7);
    let mut relabelled = sealed.as_bytes().to_vec();
    relabelled[5] = RecordKind::Session as u8;

    assert_eq!(sessions.open(&sealed, hers(), 7).unwrap_err(), VaultError::Kind);
    let relabelled = Sealed::from_stored(relabelled);
    assert_eq!(sessions.open(&relabelled, hers(), 7).unwrap_err(), VaultError::Refused);
}

#[test]
fn a_recording_opens_as_that_turns_and_as_nothing_else() {
    let vault = SessionVault::new(ring(RING), "test");
    let flight = TurnRecord { id: "01JD9Z6V8W0000000000000009".to_owned(), ..TurnRecord::default() };

    let sealed = vault.seal_flight(&flight);

    assert_eq!(vault.open_flight(&sealed, &flight.id), Ok(flight));
    assert_eq!(vault.open_flight(&sealed, "01JD9Z6V8W0000000000000008"), Err(VaultError::Refused));
    assert_eq!(vault.open(&sealed, hers(), 0).unwrap_err(), VaultError::Kind);
}

#[test]
fn an_older_key_still_opens_after_a_new_one_seals() {
    let before = SessionVault::new(ring(RING), "test");
    let after = SessionVault::new(ring(&format!("{OTHER_RING}\n{RING}")), "test");

    let old = before.seal(&session(), hers(), 1);
    let new = after.seal(&session(), hers(), 2);

    assert!(after.open(&old, hers(), 1).is_ok());
    assert!(matches!(before.open(&new, hers(), 2), Err(VaultError::UnknownKey(_))));
    assert_eq!(after.key_ids(), ["01020304", "0a0b0c0d"]);
}

#[test]
fn what_an_old_key_sealed_is_sealed_anew_once() {
    let before = SessionVault::new(ring(RING), "test");
    let after = SessionVault::new(ring(&format!("{OTHER_RING}\n{RING}")), "test");
    let old = before.seal(&session(), hers(), 1);

    let new = after.rewrap(&old, hers(), 1).unwrap().unwrap();

    assert_eq!(Sealed::key_of(old.as_bytes()).as_deref(), Some("0a0b0c0d"));
    assert_eq!(Sealed::key_of(&new.as_bytes()[..Sealed::BEGINNING]).as_deref(), Some("01020304"));
    assert_eq!(*after.open(&new, hers(), 1).unwrap().to_bytes(), *session().to_bytes());
    assert_eq!(after.rewrap(&new, hers(), 1), Ok(None));
    assert_eq!(after.rewrap(&old, hers(), 2), Err(VaultError::Refused), "another generation");
}

/// Each of the bits, and nothing but a refusal that says what is wrong and none of the secret.
#[test]
fn a_flipped_bit_anywhere_is_refused_with_a_reason() {
    let sessions = SessionVault::new(ring(RING), "test");
    let vault = CredentialsVault::new(ring(RING), "test");
    let sealed = [vault.seal(&credentials(), hers(), 7), sessions.seal(&session(), hers(), 7)];
    let flipped = |sealed: &Sealed, at: usize, bit: u8| {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[at] ^= 1 << bit;
        Sealed::from_stored(bytes)
    };

    for at in 0..sealed[0].as_bytes().len() {
        for bit in 0..8 {
            let refused = vault.open(&flipped(&sealed[0], at, bit), hers(), 7).map(drop).unwrap_err();
            let expected = match at {
                0..5 => VaultError::Format,
                5 => VaultError::Kind,
                6..10 => VaultError::UnknownKey(refused_key(refused)),
                _ => VaultError::Refused,
            };
            assert_eq!(refused, expected, "byte {at}, bit {bit}");
            assert!(refused.to_string().starts_with("the record "), "{refused}");
        }
    }
    for at in 0..sealed[1].as_bytes().len() {
        let refused = sessions.open(&flipped(&sealed[1], at, 0), hers(), 7).map(drop);
        assert!(refused.is_err(), "byte {at}");
    }
}

fn refused_key(error: VaultError) -> KeyId {
    match error {
        VaultError::UnknownKey(id) => id,
        other => panic!("{other}"),
    }
}

#[test]
fn a_short_and_a_long_password_seal_to_one_size() {
    let vault = CredentialsVault::new(ring(RING), "test");
    let long = Credentials { password: "x".repeat(100).into(), ..credentials() };

    let sizes = [credentials(), long].map(|one| vault.seal(&one, hers(), 1).as_bytes().len());

    assert_eq!(sizes[0], sizes[1]);
}

/// Computed from the format's description by another implementation (Python's `cryptography`); a change that breaks
/// one breaks every stored record.
#[test]
fn golden_vectors_stay() {
    let random = RecordRandom { salt: [0x11; 32], nonce: [0x22; 12] };
    for (kind, plaintext, site, file) in [
        (
            RecordKind::Credentials,
            b"plaintext of credentials".as_slice(),
            None,
            include_str!("golden/credentials.hex"),
        ),
        (RecordKind::Session, b"plaintext of a session".as_slice(), None, include_str!("golden/session.hex")),
        (
            RecordKind::Session,
            b"plaintext of a session".as_slice(),
            Some("chat"),
            include_str!("golden/session-of-a-site.hex"),
        ),
        (
            RecordKind::State,
            b"plaintext of what a browser kept".as_slice(),
            None,
            include_str!("golden/state.hex"),
        ),
        (RecordKind::Answer, b"plaintext of an answer".as_slice(), None, include_str!("golden/answer.hex")),
        (RecordKind::Flight, b"plaintext of a recording".as_slice(), None, include_str!("golden/flight.hex")),
        (
            RecordKind::Conversation,
            b"plaintext of a conversation".as_slice(),
            None,
            include_str!("golden/conversation.hex"),
        ),
    ] {
        let redis_key = match kind {
            RecordKind::Credentials => keys::credentials(alice()),
            RecordKind::Session => keys::session(alice()),
            RecordKind::Answer => keys::answer("aa"),
            RecordKind::Flight => keys::flight("aa"),
            RecordKind::State => keys::state(alice()),
            RecordKind::Conversation => keys::conversation("aa"),
        };
        let place = RecordContext {
            kind,
            deployment: "test",
            redis_key,
            owner: alice().to_string(),
            generation_or_version: 7,
            site,
        };

        let record = seal(ring(RING).sealing(), plaintext, &place, &random);

        let hex: String = record.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, file.split_whitespace().collect::<String>(), "{kind:?}");
    }
}

proptest! {
    #[test]
    fn a_flipped_bit_or_a_cut_is_refused(at in 0_usize..400, bit in 0_u8..8, cut in 0_usize..400) {
        let vault = SessionVault::new(ring(RING), "test");
        let sealed = vault.seal(&session(), hers(), 7);
        let mut flipped = sealed.as_bytes().to_vec();
        let at = at % flipped.len();
        flipped[at] ^= 1 << bit;
        let short = sealed.as_bytes()[..cut % sealed.as_bytes().len()].to_vec();

        prop_assert!(vault.open(&Sealed::from_stored(flipped), hers(), 7).is_err());
        prop_assert!(vault.open(&Sealed::from_stored(short), hers(), 7).is_err());
    }

    #[test]
    fn bytes_of_any_kind_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let vault = SessionVault::new(ring(RING), "test");
        prop_assert!(vault.open(&Sealed::from_stored(bytes), hers(), 7).is_err());
    }
}
