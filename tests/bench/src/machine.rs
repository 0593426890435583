//! What the machine says of processes and of itself, from `/proc` (Linux, proc(5)).

use std::{collections::BTreeSet, fs, time::Duration};

use tokio::time::Instant;

/// Watches how much of the machine others use. All that a run starts is below its own process.
pub(crate) struct Watch {
    begun: Instant,
    busy: Duration,
    own: Duration,
}

impl Watch {
    /// Begins to watch.
    pub(crate) fn begin() -> Self {
        Self { begun: Instant::now(), busy: busy(), own: cpu(std::process::id()) }
    }

    /// Cores that others used since.
    pub(crate) fn others(&self) -> f64 {
        let own = cpu(std::process::id()).saturating_sub(self.own);
        let others = busy().saturating_sub(self.busy).saturating_sub(own);
        others.as_secs_f64() / self.begun.elapsed().as_secs_f64()
    }
}

/// CPU time of a process and all below it, by the scheduler's own count.
pub(crate) fn cpu(pid: u32) -> Duration {
    let nanos = family(pid).into_iter().flat_map(threads).filter_map(|path| {
        let text = fs::read_to_string(path).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    });
    Duration::from_nanos(nanos.sum())
}

/// Resident memory of a process and all below it, in bytes.
pub(crate) fn resident(pid: u32) -> u64 {
    let kib = family(pid).into_iter().filter_map(|pid| {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        line.split_whitespace().next()?.parse::<u64>().ok()
    });
    kib.sum::<u64>() * 1024
}

/// Time that the machine's CPUs were busy since it started, all together.
fn busy() -> Duration {
    let stat = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields: Vec<u64> = stat
        .lines()
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    // user nice system idle iowait irq softirq steal, in hundredths of a second
    let busy: u64 = [0, 1, 2, 5, 6, 7].iter().filter_map(|&index| fields.get(index)).sum();
    Duration::from_millis(busy * 10)
}

fn threads(pid: u32) -> Vec<String> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    entries.filter_map(|entry| Some(format!("{}/schedstat", entry.ok()?.path().display()))).collect()
}

/// A process, its children, and theirs.
fn family(pid: u32) -> BTreeSet<u32> {
    let mut found = BTreeSet::from([pid]);
    let mut next = vec![pid];
    while let Some(parent) = next.pop() {
        let Ok(tasks) = fs::read_dir(format!("/proc/{parent}/task")) else { continue };
        for task in tasks.filter_map(Result::ok) {
            let children = fs::read_to_string(task.path().join("children")).unwrap_or_default();
            for child in children.split_whitespace().filter_map(|word| word.parse().ok()) {
                if found.insert(child) {
                    next.push(child);
                }
            }
        }
    }
    found
}
