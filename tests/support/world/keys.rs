//! The secrets of a world, and the environment that is made of them.

use latchkey_shared::vault::KeyRing;
use rustix::process::geteuid;
use secrecy::ExposeSecret;

/// Bearer of the admin API of every world.
pub const ADMIN_TOKEN: &str = "admin-token-of-a-test-world";
/// Bearer of the adapters of every world.
pub const SHARED_SECRET: &str = "shared-secret-of-a-test-world";

/// The key rings of one world, as texts.
#[derive(Clone)]
pub struct Keys {
    /// Seals credentials; the broker's alone.
    pub credentials: String,
    /// Seals sessions.
    pub sessions: String,
}

impl Keys {
    /// Draws both.
    #[must_use]
    pub fn generate() -> Self {
        let ring = || KeyRing::generate().expose_secret().to_owned();
        Self { credentials: ring(), sessions: ring() }
    }

    /// What both kinds of process are told.
    #[must_use]
    pub fn common(&self, redis_url: &str, site_urls: &str) -> Vec<(String, String)> {
        pairs(&[
            ("LATCHKEY_REDIS_URL", redis_url),
            ("LATCHKEY_SITE_URLS", site_urls),
            ("LATCHKEY_SESSION_KEYS", &self.sessions),
        ])
    }

    /// What a broker is told besides.
    #[must_use]
    pub fn broker(&self, artefacts: &str) -> Vec<(String, String)> {
        // Chromium refuses its sandbox to root, as which containers run their tests.
        let sandbox = if geteuid().is_root() { "off" } else { "on" };
        pairs(&[
            ("LATCHKEY_ADMIN_TOKEN", ADMIN_TOKEN),
            ("LATCHKEY_CREDENTIALS_KEYS", &self.credentials),
            ("LATCHKEY_CHROMIUM_SANDBOX", sandbox),
            ("LATCHKEY_ARTEFACTS", artefacts),
        ])
    }

    /// What an adapter is told besides.
    #[must_use]
    pub fn adapter(&self) -> Vec<(String, String)> {
        pairs(&[("LATCHKEY_SHARED_SECRETS", SHARED_SECRET)])
    }
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys([redacted])")
    }
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}
