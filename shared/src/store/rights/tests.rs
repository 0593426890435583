//! The rights and what is sent are the same, and a missing one is told well.

use super::*;

/// Every command of the store's Lua and Rust is a right of some side.
#[test]
fn nothing_is_sent_that_is_not_tried() {
    let known: BTreeSet<&str> =
        [StoreRole::Broker, StoreRole::Adapter].into_iter().flat_map(StoreRole::commands).collect();
    let store = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src/store");
    let mut found = 0;
    for file in std::fs::read_dir(store).unwrap() {
        let path = file.unwrap().path();
        if path.ends_with("rights.rs") || path.is_dir() {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        for opening in ["redis.call('", "cmd(\""] {
            for rest in text.split(opening).skip(1) {
                let command = rest.split(['\'', '"']).next().unwrap();
                let is_known = known.iter().any(|known| known.split(' ').next() == Some(command));
                assert!(is_known, "{}: add {command} to the trials of its side", path.display());
                found += 1;
            }
        }
    }
    assert!(found > 40, "{found}");
}

#[test]
fn a_missing_right_is_named_with_what_grants_it() {
    let trial = RightsProbe::on(&keys::leases(AccountId::nobody()), "ZADD", "XX 0");

    let missing = trial.missing();

    assert!(missing.ends_with("add +zadd ~lk:{*}:leases to its line of the ACL file"), "{missing}");
    assert_eq!(
        RightsProbe::keyless("ACL WHOAMI").missing(),
        "ACL WHOAMI: add +acl|whoami to its line of the ACL file"
    );
}

#[test]
fn a_file_has_a_line_for_each_user_and_no_password() {
    let user = |rights, name: &str| {
        AclUser::of_url(rights, &format!("redis://{name}:hunter2@redis:6379/0").into()).unwrap()
    };

    let file =
        acl_file(&[user(AclRights::Side(StoreRole::Adapter), "reader"), user(AclRights::Replica, "copy")]);

    assert_eq!(file.lines().count(), 3);
    assert!(file.lines().all(|line| line.starts_with("user ")), "{file}");
    assert!(
        file.contains("user reader on #f52fbd32b2b3b86ff88ef6c490628285f482af15ddcb29541f94bcf526a3f6c7 ")
    );
    assert!(!file.contains("hunter2"));
}
