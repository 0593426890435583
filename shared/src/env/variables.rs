//! The table of every variable there is.

/// A variable: its name, who reads it, what it means.
#[derive(Clone, Copy, Debug)]
pub struct Variable {
    /// Its name.
    pub name: &'static str,
    /// Whether its value is a secret, so that `NAME_FILE` may name a file that holds it.
    pub secret: bool,
    /// What it means, with its default.
    pub meaning: &'static str,
}

const fn plain(name: &'static str, meaning: &'static str) -> Variable {
    Variable { name, secret: false, meaning }
}

const fn secret(name: &'static str, meaning: &'static str) -> Variable {
    Variable { name, secret: true, meaning }
}

/// Every variable of every Latchkey binary. A `LATCHKEY_` variable that is not here is a mistake.
pub const VARIABLES: &[Variable] = &[
    plain("LATCHKEY_ADAPTER_LISTEN", "adapter: address to listen on; 127.0.0.1:7802"),
    secret("LATCHKEY_ADMIN_TOKEN", "broker, CLI: bearer token of the admin API; at least 20 characters"),
    plain(
        "LATCHKEY_ARTEFACTS",
        "broker: directory for masked screenshots of failed logins; none are kept without it",
    ),
    plain(
        "LATCHKEY_BEGIN_AFTER",
        "adapter: how long a stream waits for its first word before it begins without it; off to wait for ever; 8s",
    ),
    plain("LATCHKEY_BODY_LIMIT", "adapter: largest request body in bytes; 67108864"),
    plain("LATCHKEY_BROKER_LISTEN", "broker: address to listen on; 127.0.0.1:7801"),
    plain("LATCHKEY_BROKER_URL", "CLI: where the broker is; http://127.0.0.1:7801"),
    plain("LATCHKEY_CHROMIUM", "broker: path of Chromium; looked for on PATH"),
    plain(
        "LATCHKEY_CHROMIUM_SANDBOX",
        "broker: on or off; on. Off only where the broker runs as root in a test",
    ),
    secret(
        "LATCHKEY_CREDENTIALS_KEYS",
        "broker: key ring of credentials; the adapter refuses to start with it",
    ),
    plain(
        "LATCHKEY_CREDENTIALS_KEYS_COMMAND",
        "broker: command that prints that ring, of a KMS or for an age file; run without a shell",
    ),
    plain("LATCHKEY_DEPLOYMENT", "both: name of this deployment, bound into every sealed record; default"),
    plain(
        "LATCHKEY_DRAIN",
        "adapter: how long open streams go on after the signal to stop, at most 55m; 10m",
    ),
    plain("LATCHKEY_HEARTBEAT", "adapter: time between comment lines on a silent stream; 10s"),
    plain(
        "LATCHKEY_JUDGE",
        "adapter: enforce to ask on where an answer announces an action and stops, shadow to count only, off; enforce",
    ),
    plain("LATCHKEY_LOG", "both: log filter; info"),
    plain("LATCHKEY_LOGIN_CONCURRENCY", "broker: logins at once; 2"),
    plain("LATCHKEY_LOG_FORMAT", "both: auto, human or json; auto is human on a terminal"),
    plain("LATCHKEY_OTLP", "both: OTLP/HTTP collector for traces, like http://collector:4318; none"),
    plain("LATCHKEY_QUEUE_DEADLINE", "adapter: how long a request waits for a free account; 6s"),
    plain(
        "LATCHKEY_RECORDER",
        "adapter: masked to keep what happened in the last turns, full to keep contents too, off; off",
    ),
    plain("LATCHKEY_RECORDER_TTL", "adapter: how long a recorded turn is kept; 1h"),
    plain("LATCHKEY_RECORDER_TURNS", "adapter: how many recorded turns are kept, of up to 512 KiB each; 100"),
    plain("LATCHKEY_REDIS_CA", "both: file of the CA (PEM) that signed Redis's certificate; the public ones"),
    plain("LATCHKEY_REDIS_TIMEOUT", "both: limit of one Redis call; 2s"),
    secret(
        "LATCHKEY_REDIS_URL",
        "both: redis://user:password@host:6379/0, redis-sentinel://...@a:26379,b:26379/0#master, redis-cluster://...@a:6379,b:6379, or rediss for TLS",
    ),
    plain(
        "LATCHKEY_RENEWAL_DEADLINE",
        "adapter: how long a request waits for a new session where no other account serves; 30s",
    ),
    plain("LATCHKEY_REPAIR", "adapter: on or off, whether a site may be asked again within one turn; on"),
    plain(
        "LATCHKEY_RESEND",
        "adapter: on to answer a client that asks the same again, because its stream broke, with the turn it has had; off; on",
    ),
    secret("LATCHKEY_SESSION_KEYS", "both: key ring of sessions"),
    plain("LATCHKEY_SESSION_KEYS_COMMAND", "both: command that prints that ring; run without a shell"),
    secret(
        "LATCHKEY_SHARED_SECRETS",
        "adapter: bearer secrets that clients may use, at least 20 characters each; `secret pool=a pool=b` uses accounts of these pools alone, `secret users` those that `X-Latchkey-User` of each request names",
    ),
    plain("LATCHKEY_SITES", "both: site files, or directories of them, separated by commas"),
    plain("LATCHKEY_SITE_URLS", "both: base URLs of sites, like open-webui=https://chat.example.org"),
    plain("LATCHKEY_STREAM", "adapter: live, or buffered to send one answer at the end; live"),
    plain(
        "LATCHKEY_STREAMS",
        "adapter: answers at once, each of two open files; more are refused with 503; 4000",
    ),
    plain(
        "LATCHKEY_THREADS",
        "adapter: threads that serve, each with a core's work; one for each core, at most 8",
    ),
    plain(
        "LATCHKEY_TITLES",
        "adapter: site, or local to make the titles of conversations here, without a site; site",
    ),
    plain(
        "LATCHKEY_TOOLS",
        "adapter: native, emulate (written out in the prompt), auto to follow the site file, off; auto",
    ),
    plain("LATCHKEY_WRITE_DEADLINE", "adapter: how long a client may take nothing of its answer; 60s"),
];
