//! The adapter's configuration. It has no way to hold the credentials ring, and refuses to start beside it.

use std::{fmt, net::SocketAddr, num::NonZero, sync::Arc, time::Duration};

use anyhow::{Context, bail, ensure};
use latchkey_shared::{env::Env, site::catalog::SiteCatalog, store::RedisConfig, vault::SessionVault};

mod secrets;

pub(crate) use secrets::SecretGrant;
pub use secrets::SharedSecrets;

use crate::recorder;

/// Enough to find a turn that somebody complains about; 50 MiB of Redis at most.
const DEFAULT_RECORDED_TURNS: usize = 100;
const DEFAULT_BODY_LIMIT: usize = 64 * 1024 * 1024;
/// More adapters bear more.
const DEFAULT_STREAMS: usize = 4000;
/// What so many streams need at 50 tokens a second (6 cores, measured 2026-11), with some room.
const DEFAULT_THREADS: usize = 8;
const MOST_THREADS: usize = 256;
/// Longer than a turn of a coding agent usually is. Whoever stops us must wait longer still: compose's grace is an hour.
const DEFAULT_DRAIN: Duration = Duration::from_secs(10 * 60);
/// compose.yaml gives an adapter an hour to stop (`stop_grace_period`); what it does after its drain takes a moment too.
pub const LONGEST_DRAIN: Duration = Duration::from_secs(55 * 60);

/// Everything that the adapter is told.
pub struct Config {
    /// `LATCHKEY_ADAPTER_LISTEN`, default `127.0.0.1:7802`.
    pub listen: SocketAddr,
    /// `LATCHKEY_REDIS_URL`.
    pub redis: RedisConfig,
    /// `LATCHKEY_SESSION_KEYS` and `LATCHKEY_DEPLOYMENT`.
    pub vault: SessionVault,
    /// `LATCHKEY_SITES` and `LATCHKEY_SITE_URLS`.
    pub catalog: Arc<SiteCatalog>,
    /// `LATCHKEY_SHARED_SECRETS`.
    pub secrets: SharedSecrets,
    /// `LATCHKEY_QUEUE_DEADLINE`, default 6 s: how long a request waits for an account.
    pub queue_deadline: Duration,
    /// `LATCHKEY_RENEWAL_DEADLINE`, default 30 s: how long a request waits for a new session where no other account
    /// serves.
    pub renewal_deadline: Duration,
    /// `LATCHKEY_BODY_LIMIT`, default 64 MiB.
    pub body_limit: usize,
    /// `LATCHKEY_STREAMS`, default 4000: answers at once; whoever comes then is sent elsewhere.
    pub streams: usize,
    /// `LATCHKEY_THREADS`, default one for each core, at most 8: threads that serve.
    pub threads: usize,
    /// `LATCHKEY_WRITE_DEADLINE`, default 60 s: how long a client may take nothing of its answer.
    pub write_deadline: Duration,
    /// `LATCHKEY_BEGIN_AFTER`, default 8 s: how long a stream waits for its first word before it begins without it. Until then a
    /// failure is a status. The queue gives up sooner, so that a full pool is a status in any case.
    pub begin_after: Option<Duration>,
    /// `LATCHKEY_STREAM` and `LATCHKEY_HEARTBEAT`.
    pub delivery: DeliveryMode,
    /// `LATCHKEY_DRAIN`, default 10 min, at most [`LONGEST_DRAIN`]: how long open streams may go on after the signal to
    /// stop; then, or at a second signal, they are cut.
    pub drain: Duration,
    /// `LATCHKEY_TOOLS`, `LATCHKEY_REPAIR` and `LATCHKEY_JUDGE`.
    pub calls: ToolCallConfig,
    /// `LATCHKEY_RECORDER`, default off, `LATCHKEY_RECORDER_TURNS` and `LATCHKEY_RECORDER_TTL`.
    pub recorder: Option<recorder::RecorderConfig>,
    /// `LATCHKEY_RESEND` and `LATCHKEY_TITLES`.
    pub short_circuits: ShortCircuits,
    /// How long a socket lasts: no variable, clients count on OpenAI's hour.
    pub sockets: SocketLimits,
}

/// How long a WebSocket of the Responses API may last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketLimits {
    /// From its beginning; a turn that runs is finished.
    pub lifetime: Duration,
    /// Without a request.
    pub idle: Duration,
}

impl Default for SocketLimits {
    fn default() -> Self {
        Self { lifetime: Duration::from_secs(60 * 60), idle: Duration::from_secs(5 * 60) }
    }
}

/// Which requests are answered without asking a site.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ShortCircuits {
    /// `LATCHKEY_RESEND`, default on: the same request once more, after its stream broke.
    pub resent: bool,
    /// `LATCHKEY_TITLES`, default `site`: titles of conversations.
    pub titles: bool,
}

/// How tool calls are brought about.
#[derive(Clone, Debug)]
pub struct ToolCallConfig {
    /// `LATCHKEY_TOOLS`, default `auto`.
    pub tools: ToolMode,
    /// `LATCHKEY_REPAIR`, default on: whether a site may be asked again within one turn.
    pub repair: bool,
    /// `LATCHKEY_JUDGE`, default `enforce`.
    pub judge: JudgeMode,
    /// From what the tags of emulated calls derive their nonce: the same on every replica and after a restart.
    pub nonce_key: NonceKey,
}

/// Where tools go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ToolMode {
    /// To the site, if its file says that it takes them; else into the prompt.
    Auto,
    /// To the site, and only there.
    Native,
    /// Into the prompt, whatever the site takes.
    Emulate,
    /// To the site, and nothing that comes back is touched.
    Off,
}

/// Who judges whether an answer announced an action and stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JudgeMode {
    /// Nobody.
    Off,
    /// The judge, who is only counted.
    Shadow,
    /// The judge, who is obeyed.
    Enforce,
}

/// A secret of the deployment: the lowest digest of its shared secrets, and its name.
#[derive(Clone)]
pub struct NonceKey {
    /// The secret.
    pub secret: [u8; 32],
    /// The deployment's name.
    pub deployment: String,
}

/// How an answer is delivered to a client that asked for a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryMode {
    /// As it comes, with a comment after each silence of this length (`LATCHKEY_HEARTBEAT`, default 10 s).
    Live {
        /// The silence.
        heartbeat: Duration,
    },
    /// At the end, still as a valid stream; the same comments go before it where it is long in coming.
    Buffered {
        /// The silence.
        heartbeat: Duration,
    },
}

impl Config {
    /// Reads the environment.
    ///
    /// # Errors
    /// The first variable that is missing or wrong.
    pub fn from_env(env: &Env) -> anyhow::Result<Self> {
        env.reject_unknown()?;
        if env.secret("LATCHKEY_CREDENTIALS_KEYS")?.is_some() {
            bail!(
                "LATCHKEY_CREDENTIALS_KEYS is set: the adapter must not hold it, give it to the broker alone"
            );
        }
        let heartbeat = env.duration("LATCHKEY_HEARTBEAT", Duration::from_secs(10))?;
        let deliveries =
            [("live", DeliveryMode::Live { heartbeat }), ("buffered", DeliveryMode::Buffered { heartbeat })];
        let secrets = SharedSecrets::parse(&env.required_secret("LATCHKEY_SHARED_SECRETS")?)
            .context("LATCHKEY_SHARED_SECRETS is wrong")?;
        let threads = threads(env)?;
        Ok(Self {
            listen: env.address("LATCHKEY_ADAPTER_LISTEN", "127.0.0.1:7802")?,
            redis: RedisConfig { threads, ..RedisConfig::from_env(env)? },
            vault: SessionVault::from_env(env)?,
            catalog: Arc::new(SiteCatalog::from_env(env)?),
            calls: ToolCallConfig::from_env(env, &secrets)?,
            recorder: recorder(env)?,
            secrets,
            queue_deadline: env.duration("LATCHKEY_QUEUE_DEADLINE", Duration::from_secs(6))?,
            begin_after: env.duration_or_off("LATCHKEY_BEGIN_AFTER", Duration::from_secs(8))?,
            renewal_deadline: env.duration("LATCHKEY_RENEWAL_DEADLINE", Duration::from_secs(30))?,
            body_limit: env.number("LATCHKEY_BODY_LIMIT", DEFAULT_BODY_LIMIT)?,
            streams: env.number("LATCHKEY_STREAMS", DEFAULT_STREAMS)?,
            threads,
            write_deadline: env.duration("LATCHKEY_WRITE_DEADLINE", Duration::from_secs(60))?,
            delivery: env.choice("LATCHKEY_STREAM", &deliveries, DeliveryMode::Live { heartbeat })?,
            drain: drain(env)?,
            short_circuits: ShortCircuits::from_env(env)?,
            sockets: SocketLimits::default(),
        })
    }
}

impl ShortCircuits {
    fn from_env(env: &Env) -> anyhow::Result<Self> {
        Ok(Self {
            resent: env.choice("LATCHKEY_RESEND", &[("on", true), ("off", false)], true)?,
            titles: env.choice("LATCHKEY_TITLES", &[("site", false), ("local", true)], false)?,
        })
    }
}

fn drain(env: &Env) -> anyhow::Result<Duration> {
    let drain = env.duration("LATCHKEY_DRAIN", DEFAULT_DRAIN)?;
    ensure!(
        drain <= LONGEST_DRAIN,
        "LATCHKEY_DRAIN is wrong: expected at most {}: compose kills an adapter an hour after its signal to stop, and cuts what is open then",
        humantime::format_duration(LONGEST_DRAIN)
    );
    Ok(drain)
}

fn threads(env: &Env) -> anyhow::Result<usize> {
    let cores = std::thread::available_parallelism().map_or(1, NonZero::get);
    let threads = env.number("LATCHKEY_THREADS", cores.min(DEFAULT_THREADS))?;
    ensure!((1..=MOST_THREADS).contains(&threads), "LATCHKEY_THREADS is wrong: expected 1 to {MOST_THREADS}");
    Ok(threads)
}

fn recorder(env: &Env) -> anyhow::Result<Option<recorder::RecorderConfig>> {
    let modes = [("off", None), ("masked", Some(false)), ("full", Some(true))];
    let is_whole = env.choice("LATCHKEY_RECORDER", &modes, None)?;
    let turns = env.number("LATCHKEY_RECORDER_TURNS", DEFAULT_RECORDED_TURNS)?;
    let ttl = env.duration("LATCHKEY_RECORDER_TTL", Duration::from_secs(60 * 60))?;
    Ok(is_whole.map(|is_whole| recorder::RecorderConfig { is_whole, turns, ttl }))
}

impl ToolCallConfig {
    fn from_env(env: &Env, secrets: &SharedSecrets) -> anyhow::Result<Self> {
        let tools = [
            ("auto", ToolMode::Auto),
            ("native", ToolMode::Native),
            ("emulate", ToolMode::Emulate),
            ("off", ToolMode::Off),
        ];
        let judges =
            [("off", JudgeMode::Off), ("shadow", JudgeMode::Shadow), ("enforce", JudgeMode::Enforce)];
        let deployment = env.text("LATCHKEY_DEPLOYMENT")?.unwrap_or_else(|| "default".to_owned());
        Ok(Self {
            tools: env.choice("LATCHKEY_TOOLS", &tools, ToolMode::Auto)?,
            repair: env.choice("LATCHKEY_REPAIR", &[("on", true), ("off", false)], true)?,
            judge: env.choice("LATCHKEY_JUDGE", &judges, JudgeMode::Enforce)?,
            nonce_key: NonceKey { secret: secrets.lowest(), deployment },
        })
    }
}

impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NonceKey([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_credentials_ring_is_refused() {
        let env = Env::of([("LATCHKEY_CREDENTIALS_KEYS", "x")]);

        let error = Config::from_env(&env).err().unwrap().to_string();

        assert!(error.starts_with("LATCHKEY_CREDENTIALS_KEYS is set"), "{error}");
    }

    #[test]
    fn a_drain_that_no_grace_is_long_enough_for_is_refused() {
        let drained = |text| drain(&Env::of([("LATCHKEY_DRAIN", text)]));

        assert_eq!(drained("55m").unwrap(), LONGEST_DRAIN);
        let error = drained("3301s").unwrap_err().to_string();
        assert!(error.starts_with("LATCHKEY_DRAIN is wrong: expected at most 55m"), "{error}");
    }
}
