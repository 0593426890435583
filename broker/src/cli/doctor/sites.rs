//! Site files: each one readable, each site with an address.

use std::path::{Path, PathBuf};

use latchkey_shared::{
    env::Env,
    site::{SiteUrls, catalog::SiteCatalog},
};

use super::check::CheckResult;

pub(super) fn checks(env: &Env) -> Vec<CheckResult> {
    let mistakes = mistakes(env);
    if !mistakes.is_empty() {
        return mistakes;
    }
    match SiteCatalog::from_env(env) {
        Ok(catalog) => catalog_checks(&catalog),
        Err(error) => vec![CheckResult::fail("sites", error.to_string(), "correct the variable")],
    }
}

/// The first mistake of each file: the catalog itself stops at the first file.
fn mistakes(env: &Env) -> Vec<CheckResult> {
    let paths = env.paths("LATCHKEY_SITES").unwrap_or_default();
    let wrong = |file: PathBuf| SiteCatalog::load(&[file], &SiteUrls::new()).err();
    let check = |error: latchkey_shared::site::catalog::CatalogError| {
        CheckResult::fail(
            "site file",
            error.to_string(),
            "correct that line; shared/sites has complete examples",
        )
    };
    paths.iter().flat_map(|path| files(path)).filter_map(wrong).map(check).collect()
}

fn files(path: &Path) -> Vec<PathBuf> {
    let Ok(directory) = std::fs::read_dir(path) else { return vec![path.to_owned()] };
    let mut files: Vec<PathBuf> = directory.flatten().map(|entry| entry.path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    files
}

fn catalog_checks(catalog: &SiteCatalog) -> Vec<CheckResult> {
    let mut names: Vec<_> = catalog.names().collect();
    names.sort();
    let check = |name| match catalog.site(name) {
        Some(site) => CheckResult::ok("site", format!("{name} at {}", site.base_url)),
        // Built-in sites are there for everybody; nobody uses all of them.
        None => CheckResult::off(
            "site",
            format!("{name} has no address; LATCHKEY_SITE_URLS={name}=https://... gives it one"),
        ),
    };
    let mut checks: Vec<CheckResult> = names.into_iter().map(check).collect();
    if catalog.sites().next().is_none() {
        let remedy = "set LATCHKEY_SITE_URLS, like open-webui=https://chat.example.org";
        checks.push(CheckResult::warn("sites", "no site has an address: no account can be added", remedy));
    }
    checks
}
