//! One look at the page: what of a recipe's conditions is true now.

use latchkey_shared::site::{NamePattern, Site, step::Condition};
use url::Url;

use super::{FailureCode, LoginError};
use crate::browser::{BrowserError, Page, PageSnapshot};

/// What is true of the page at one moment.
pub(super) struct PageState<'a> {
    page: &'a Page,
    site: &'a Site,
    selectors: Vec<String>,
    texts: Vec<String>,
    /// `None` when the page did not answer: its scripts run, or its next document is not there yet.
    snapshot: Option<PageSnapshot>,
}

impl<'a> PageState<'a> {
    /// Looks for all conditions and all refusals in one turn.
    pub(super) async fn take(
        page: &'a Page,
        site: &'a Site,
        conditions: &[&Condition],
    ) -> Result<Self, LoginError> {
        let refusals = site.login.refusals.iter().map(|refusal| &refusal.when);
        let mut selectors = Vec::new();
        let mut texts = Vec::new();
        for condition in refusals.chain(conditions.iter().copied()) {
            match condition {
                Condition::Visible(selector) => selectors.push(selector.clone()),
                Condition::Text(text) => texts.push(text.clone()),
                Condition::Url(_) | Condition::Response { .. } => {}
            }
        }
        let glance = match page.glance(&as_str(&selectors), &as_str(&texts)).await {
            Ok(glance) => Some(glance),
            Err(BrowserError::Timeout(_)) => None,
            Err(error) => return Err(error.into()),
        };
        if let Some(glance) = &glance
            && let Some((bad, _)) =
                selectors.iter().zip(&glance.visible).find(|(_, visible)| visible.is_none())
        {
            return Err(LoginError::new(FailureCode::SelectorMissing, format!("`{bad}` is no CSS selector")));
        }
        Ok(Self { page, site, selectors, texts, snapshot: glance })
    }

    /// Whether a condition that was looked for holds.
    pub(super) fn holds(&self, condition: &Condition) -> bool {
        match condition {
            Condition::Response { path, status } => {
                let below_base = self.site.url(path);
                self.page.network().answered(&[path, below_base.path()], status)
            }
            Condition::Visible(selector) => self.snapshot.as_ref().is_some_and(|glance| {
                position(&self.selectors, selector)
                    .is_some_and(|at| glance.visible.get(at) == Some(&Some(true)))
            }),
            Condition::Text(text) => self.snapshot.as_ref().is_some_and(|glance| {
                position(&self.texts, text).is_some_and(|at| glance.texts.get(at) == Some(&true))
            }),
            Condition::Url(pattern) => {
                self.snapshot.as_ref().is_some_and(|glance| is_at(pattern, &glance.url))
            }
        }
    }

    /// Fails when the document that the page should show could not be had.
    pub(super) fn check_document(&self) -> Result<(), LoginError> {
        let document = self.page.network().document();
        if let Some(error) = document.error {
            let is_tls = error.starts_with("net::ERR_CERT_") || error.starts_with("net::ERR_SSL_");
            let code = if is_tls { FailureCode::TlsError } else { FailureCode::SiteDown };
            return Err(LoginError::new(code, format!("the page cannot be opened: {error}")));
        }
        match document.status {
            Some(status) if status >= 500 => {
                Err(LoginError::new(FailureCode::SiteDown, format!("the site answered {status}")))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether the document that [`Page::leave`] asked for is there.
    pub(super) fn has_arrived(&self) -> bool {
        self.snapshot.as_ref().is_some_and(|glance| !glance.left && glance.ready)
    }

    /// Where the page is, exactly.
    pub(super) fn url(&self) -> Option<Url> {
        self.snapshot.as_ref()?.url.parse().ok()
    }

    /// The page's origin; `None` when it does not answer.
    pub(super) fn origin(&self) -> Option<&str> {
        self.snapshot.as_ref().map(|glance| glance.origin.as_str())
    }

    /// Where the page is, for people: queries and fragments carry tickets and codes.
    pub(super) fn place(&self) -> String {
        let Some(mut url) = self.url() else { return "an unknown place".to_owned() };
        url.set_query(None);
        url.set_fragment(None);
        url.to_string()
    }
}

fn as_str(texts: &[String]) -> Vec<&str> {
    texts.iter().map(String::as_str).collect()
}

fn position(all: &[String], one: &str) -> Option<usize> {
    all.iter().position(|each| each == one)
}

/// An address that ends in a host only is spelled with a slash by browsers.
fn is_at(pattern: &NamePattern, url: &str) -> bool {
    match pattern {
        NamePattern::Exact(exact) => {
            url == exact || exact.parse::<Url>().is_ok_and(|exact| exact.as_str() == url)
        }
        NamePattern::Prefix(_) => pattern.matches(url),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_compared_as_browsers_spell_it() {
        let exact = |text: &str| NamePattern::Exact(text.to_owned());

        assert!(is_at(&exact("https://chat.example"), "https://chat.example/"));
        assert!(is_at(&exact("https://chat.example/"), "https://chat.example/"));
        assert!(!is_at(&exact("https://chat.example/"), "https://chat.example/auth"));
        assert!(is_at(
            &NamePattern::Prefix("https://chat.example/c/".to_owned()),
            "https://chat.example/c/1?x"
        ));
    }
}
