//! What is right in a site file and still not safe.

use url::{Host, Url};

use crate::{
    Site,
    step::{Action, LoginStep},
};

/// What its author should think of, a sentence each.
#[must_use]
pub fn advice(site: &Site) -> Vec<String> {
    let mut told = Vec::new();
    if site.base_url.scheme() == "http" && !is_near(&site.base_url) {
        told.push(format!(
            "{} is not encrypted: whoever is on the way reads passwords and sessions; write https://",
            site.base_url
        ));
    }
    if 1 < site.origins.len() {
        let types = |step: &&LoginStep| step.action.types_a_secret() && step.origin.is_none();
        told.extend(site.login.steps.iter().filter(types).map(|step| {
            format!(
                "line {}: {} types a secret at any of the {} origins; add origin = \"https://...\", the one whose page it is",
                step.line,
                step.action.verb(),
                site.origins.len()
            )
        }));
    }
    told
}

/// Whether nothing beyond this machine or a private network is on the way, as far as the address tells.
fn is_near(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_private() || address.is_link_local(),
        Some(Host::Ipv6(address)) => {
            address.is_loopback() || address.is_unique_local() || address.is_unicast_link_local()
        }
        // RFC 6761, 6762, 9476 and 8375; names without a dot are of a local network, or of compose.
        Some(Host::Domain(name)) => {
            let private = [".localhost", ".local", ".internal", ".home.arpa", ".lan", ".invalid"];
            !name.contains('.') || private.iter().any(|end| name.ends_with(end))
        }
        None => true,
    }
}

impl Action {
    /// Whether it gives the page a password or a code.
    #[must_use]
    pub fn types_a_secret(&self) -> bool {
        match self {
            Self::Fill { value, .. } => value.is_secret(),
            Self::Totp(_) => true,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_nobody_else_is_on_the_way_to() {
        for near in [
            "http://127.0.0.1:1",
            "http://[::1]",
            "http://10.1.2.3",
            "http://[fd00::1]",
            "http://chat",
            "http://chat.internal",
        ] {
            assert!(is_near(&near.parse().unwrap()), "{near}");
        }
        for far in [
            "http://chat.example.org",
            "http://8.8.8.8",
            "http://172.32.0.1",
            "http://[2001:db8::1]",
            "http://local.example",
        ] {
            assert!(!is_near(&far.parse().unwrap()), "{far}");
        }
    }
}
