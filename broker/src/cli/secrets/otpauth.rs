//! `otpauth://totp/...`: what the QR code of an enrolment says, and some sites show as a link.

use anyhow::{anyhow, bail, ensure};
use secrecy::{ExposeSecret, SecretString};
use url::Url;

/// How every such address begins.
pub(super) const SCHEME: &str = "otpauth:";

/// Settings that are typed here; every site in use has them, and an address that names others would give wrong codes.
const SETTINGS: [(&str, &str); 3] = [("algorithm", "SHA1"), ("digits", "6"), ("period", "30")];

/// The seed: as it stands, or out of such an address.
pub(super) fn seed_of(text: &SecretString) -> anyhow::Result<SecretString> {
    let bare = text.expose_secret().trim();
    match bare.to_ascii_lowercase() {
        lower if lower.starts_with(SCHEME) => out_of(bare),
        lower if lower.starts_with("otpauth-migration:") => {
            bail!("that is an authenticator's export of several seeds: give the one that the site shows")
        }
        _ => Ok(bare.into()),
    }
}

/// Says nothing of the address itself in an error: it is the secret.
fn out_of(address: &str) -> anyhow::Result<SecretString> {
    let address: Url = address.parse().map_err(|_| anyhow!("the otpauth address cannot be read"))?;
    ensure!(
        address.host_str().is_some_and(|kind| kind.eq_ignore_ascii_case("totp")),
        "the otpauth address is not of kind `totp`: only codes that change with time are typed"
    );
    let value = |wanted: &str| {
        let mut pairs = address.query_pairs();
        pairs.find_map(|(name, value)| name.eq_ignore_ascii_case(wanted).then(|| value.into_owned()))
    };
    for (name, expected) in SETTINGS {
        if let Some(other) = value(name).filter(|value| !value.eq_ignore_ascii_case(expected)) {
            bail!("the otpauth address has {name}={other}: only {name}={expected} is supported");
        }
    }
    let seed = value("secret").filter(|seed| !seed.is_empty());
    seed.map(SecretString::from).ok_or_else(|| anyhow!("the otpauth address has no `secret`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed(text: &str) -> String {
        match seed_of(&text.into()) {
            Ok(seed) => seed.expose_secret().to_owned(),
            Err(error) => format!("error: {error}"),
        }
    }

    #[test]
    fn a_seed_is_taken_bare_or_out_of_an_address() {
        assert_eq!(seed(" JBSW Y3DP "), "JBSW Y3DP");
        assert_eq!(
            seed("otpauth://totp/Chat:alice%40example.org?secret=JBSWY3DPEHPK3PXP&issuer=Chat"),
            "JBSWY3DPEHPK3PXP"
        );
        assert_eq!(
            seed("OTPAUTH://TOTP/x?algorithm=sha1&digits=6&period=30&secret=JBSWY3DPEHPK3PXP"),
            "JBSWY3DPEHPK3PXP"
        );
    }

    #[test]
    fn an_address_that_would_give_wrong_codes_is_refused_without_being_repeated() {
        for (text, said) in [
            ("otpauth://hotp/x?secret=JBSWY3DPEHPK3PXP&counter=1", "not of kind `totp`"),
            ("otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&algorithm=SHA256", "algorithm=SHA256"),
            ("otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&digits=8", "digits=8"),
            ("otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&period=60", "period=60"),
            ("otpauth://totp/JBSWY3DPEHPK3PXP", "no `secret`"),
            ("otpauth-migration://offline?data=JBSWY3DPEHPK3PXP", "export of several seeds"),
        ] {
            let told = seed(text);
            assert!(told.starts_with("error: ") && told.contains(said), "{text}: {told}");
            assert!(!told.contains("JBSWY3DP"), "{told}");
        }
    }
}
