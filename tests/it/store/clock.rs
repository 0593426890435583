//! A clock that is moved: whatever Redis holds of time comes nearer by as much.

use std::time::Duration;

use redis::aio::MultiplexedConnection;
use tokio::time::Instant;

/// Scored by times.
const LISTS: [&str; 3] = ["lk:due", "lk:waiting", "lk:site:practice:rejected"];
/// Fields of an account by which something is decided.
const FIELDS: [&str; 2] = ["expires_at", "refresh_at"];

/// Keys without an end are passed over; one whose end comes now is gone at once.
const KEYS: &str = "for _, key in ipairs(redis.call('KEYS', 'lk:*')) do \
    local ends = redis.call('PEXPIRETIME', key) \
    if ends > 0 then redis.call('PEXPIREAT', key, string.format('%.0f', ends - ARGV[1])) end end";
const SCORES: &str = "for _, list in ipairs(KEYS) do \
    local rows = redis.call('ZRANGE', list, 0, -1, 'WITHSCORES') \
    for i = 1, #rows, 2 do redis.call('ZADD', list, string.format('%.0f', rows[i + 1] - ARGV[1]), rows[i]) end end";
const TIMES: &str = "for i = 2, #ARGV do \
    local at = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or '') \
    if at then redis.call('HSET', KEYS[1], ARGV[i], string.format('%.0f', at - ARGV[1])) end end";

/// How late it is: the machine's own clock, and by how much it was moved.
pub(super) struct Clock {
    line: MultiplexedConnection,
    began: Instant,
    moved: Duration,
}

impl Clock {
    pub(super) fn new(line: MultiplexedConnection) -> Self {
        Self { line, began: Instant::now(), moved: Duration::ZERO }
    }

    /// Since the beginning.
    pub(super) fn now(&self) -> Duration {
        self.began.elapsed() + self.moved
    }

    /// Lets time pass for an account and for what all share.
    pub(super) async fn pass(&mut self, account: &str, time: Duration) {
        let millis = u64::try_from(time.as_millis()).unwrap();
        let times = [redis::Script::new(KEYS), redis::Script::new(SCORES), redis::Script::new(TIMES)];
        times[0].arg(millis).invoke_async::<()>(&mut self.line).await.unwrap();
        times[1].key(&LISTS[..]).arg(millis).invoke_async::<()>(&mut self.line).await.unwrap();
        let mut fields = times[2].key(format!("lk:{{{account}}}:account"));
        fields.arg(millis).arg(&FIELDS[..]).invoke_async::<()>(&mut self.line).await.unwrap();
        self.moved += time;
    }
}
