//! The seccomp profile under which Chromium makes its own sandbox.

use serde_json::Value;

use super::read;

#[test]
fn the_broker_may_make_the_namespaces_of_the_sandbox_and_no_others() {
    let profile: Value = serde_json::from_str(&read("chromium-seccomp.json")).unwrap();
    let rules = profile["syscalls"].as_array().unwrap();
    let of = |name: &str| -> Vec<&Value> {
        rules
            .iter()
            .filter(|rule| rule["names"].as_array().unwrap().iter().any(|known| known == name))
            .collect()
    };

    for name in [
        "mount",
        "umount2",
        "setns",
        "pivot_root",
        "bpf",
        "ptrace",
        "keyctl",
        "init_module",
        "io_uring_setup",
    ] {
        assert!(of(name).iter().any(|rule| rule["args"].is_null()), "{name}");
    }
    for name in ["clone", "unshare"] {
        let mut flags: Vec<u64> =
            of(name).iter().map(|rule| rule["args"][0]["value"].as_u64().expect("some flags only")).collect();
        flags.sort_unstable();
        assert_eq!(flags, [0x0002_0000, 0x0200_0000, 0x0400_0000, 0x0800_0000], "mount, cgroup, UTS, IPC");
    }
}
