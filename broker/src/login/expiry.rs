//! How long a captured session lives, and when to sign in again before it ends. Pure.

use std::time::Duration;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use latchkey_shared::{session::Cookie, time::Timestamp};
use secrecy::{ExposeSecret, SecretString};

/// Kept between the next login and the end of the session, whatever its life.
const MARGIN: Duration = Duration::from_secs(2 * 60);

/// The hard end of a session: the earliest of what the token says, what its cookies say, and the site file's cap.
pub(super) fn choose(
    now: Timestamp,
    life: Duration,
    bearer: Option<&SecretString>,
    cookies: &[Cookie],
) -> Timestamp {
    let token = bearer.and_then(|bearer| jwt_expiry(bearer.expose_secret()));
    let cookies = cookies.iter().filter_map(|cookie| cookie.expires_at);
    token.into_iter().chain(cookies).fold(now + life, Timestamp::min)
}

/// `exp` of a JSON Web Token (RFC 7519). It is read and not verified: it only makes a life shorter.
pub(super) fn jwt_expiry(token: &str) -> Option<Timestamp> {
    let mut parts = token.split('.');
    let _header = parts.next()?;
    let payload = parts.next()?;
    let _signature = parts.next()?;
    let payload = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?;
    let claims: serde_json::Value = serde_json::from_slice(&payload).ok()?;
    // NumericDate may have a fraction; a whole second more or less does not count.
    let exp = claims.get("exp")?;
    let secs = exp
        .as_u64()
        .or_else(|| exp.as_f64().map(|secs| Duration::from_secs_f64(secs.clamp(0.0, 1e12)).as_secs()))?;
    Some(Timestamp::from_secs(secs))
}

/// When to sign in again: between 66 and 80 % of the session's life, by `chance` (0 to 1), so that accounts that
/// were added together do not sign in together; and early enough for three logins as slow as the slowest of the last
/// ones.
pub(super) fn refresh_at(now: Timestamp, expires_at: Timestamp, recent_ms: &[u64], chance: f64) -> Timestamp {
    let life = now.until(expires_at);
    let early = life.mul_f64(0.66 + 0.14 * chance);
    let slowest = Duration::from_millis(recent_ms.iter().copied().max().unwrap_or_default());
    let wanted = life.saturating_sub(slowest.saturating_mul(3));
    let wanted = if life > MARGIN * 2 { wanted.min(life - MARGIN) } else { wanted };
    // A site whose logins take as long as its sessions live is not asked without a pause all the same.
    now + early.min(wanted.max(life / 3))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_795_420_800;

    fn at(secs: u64) -> Timestamp {
        Timestamp::from_secs(NOW + secs)
    }

    fn jwt(claims: &str) -> SecretString {
        format!("e30.{}.x", URL_SAFE_NO_PAD.encode(claims)).into()
    }

    fn cookie(expires_at: Option<Timestamp>) -> Cookie {
        Cookie {
            name: "sid".to_owned(),
            value: "value".into(),
            domain: "chat.example".to_owned(),
            path: "/".to_owned(),
            secure: false,
            http_only: true,
            expires_at,
        }
    }

    #[test]
    fn the_earliest_end_counts() {
        let hour = Duration::from_secs(3600);
        let token = jwt(&format!("{{\"exp\":{}}}", NOW + 1200));

        assert_eq!(choose(at(0), hour, None, &[]), at(3600));
        assert_eq!(choose(at(0), hour, Some(&token), &[cookie(None)]), at(1200));
        assert_eq!(choose(at(0), hour, Some(&token), &[cookie(Some(at(600)))]), at(600));
    }

    #[test]
    fn a_token_that_tells_no_end_does_not_count() {
        for token in ["opaque", "a.b", "a.b.c", "e30.bm8ganNvbg.x"] {
            assert_eq!(jwt_expiry(token), None, "{token}");
        }
        assert_eq!(jwt_expiry(jwt("{\"sub\":1}").expose_secret()), None);
        assert_eq!(
            jwt_expiry(jwt("{\"exp\":1.9e9}").expose_secret()),
            Some(Timestamp::from_secs(1_900_000_000))
        );
    }

    #[test]
    fn the_next_login_is_at_two_thirds_to_four_fifths_of_the_life() {
        assert_eq!(refresh_at(at(0), at(10_000), &[2000], 0.0), at(6600));
        assert_eq!(refresh_at(at(0), at(10_000), &[2000], 1.0), at(8000));
        // 80 % of ten minutes would leave as much as the margin; a slow login needs more.
        assert_eq!(refresh_at(at(0), at(600), &[20, 60_000, 30], 1.0), at(420));
        assert_eq!(refresh_at(at(0), at(100), &[2000], 0.5), at(73));
        assert_eq!(refresh_at(at(0), at(30), &[3000], 1.0), at(21));
        assert_eq!(refresh_at(at(0), at(30), &[30_000], 1.0), at(10));
    }
}
