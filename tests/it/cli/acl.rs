//! `acl`: the users of Redis, from the URLs that name them.

use super::run;

#[tokio::test]
async fn acl_prints_a_line_for_each_user_and_no_password() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = directory.path().join(name).display().to_string();
        std::fs::write(&path, text).unwrap();
        path
    };
    let url = |user: &str| file(user, &format!("redis://{user}:hunter2@redis:6379/0\n"));
    let broker = url("broker");
    let adapter = url("adapter");
    let replica = url("replica");
    let sentinel = url("sentinel");
    let anonymous = file("anonymous", "redis://redis:6379/0");

    let some = ["acl", "--broker", &broker, "--adapter", &adapter];
    let all = [&some[..], &["--replica", &replica, "--sentinel", &sentinel]].concat();
    let printed = run(&all, &[], "").await;
    let refused = run(&["acl", "--broker", &broker, "--adapter", &anonymous], &[], "").await;

    let users: Vec<&str> = printed.stdout.lines().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(users, ["default", "broker", "adapter", "replica", "sentinel"], "{}", printed.stderr);
    assert!(printed.stdout.contains("~lk:{*}:leases") && !printed.stdout.contains("hunter2"));
    assert_eq!(refused.code, 1);
    assert!(refused.stderr.contains(&anonymous) && refused.stderr.contains("expected redis://user:password"));
}
