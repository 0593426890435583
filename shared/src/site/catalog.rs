//! All sites that this process knows: the built-in files, and those of `LATCHKEY_SITES`.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
    sync::Arc,
};

use latchkey_site::{BUILT_IN, Site, SiteFileDiagnostic, SiteUrls, http_url, parse};

use crate::{
    env::{Env, EnvError},
    id::SiteName,
};

/// The sites, by name.
#[derive(Clone, Debug, Default)]
pub struct SiteCatalog {
    sites: BTreeMap<SiteName, Arc<Site>>,
    /// The names in the order in which they were read first.
    read: Vec<SiteName>,
    unplaced: BTreeSet<SiteName>,
}

/// Why the sites cannot be known.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// A path of `LATCHKEY_SITES` cannot be read.
    #[error("LATCHKEY_SITES: cannot read {path}: {cause}")]
    Unreadable {
        /// The path.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// A variable is wrong.
    #[error(transparent)]
    Env(#[from] EnvError),
    /// A file is wrong.
    #[error(transparent)]
    File(#[from] SiteFileDiagnostic),
    /// `LATCHKEY_SITE_URLS` names a site that no file describes.
    #[error("LATCHKEY_SITE_URLS: there is no site {name}; known are {known}")]
    UrlWithoutSite {
        /// The name.
        name: SiteName,
        /// The names that there are.
        known: String,
    },
}

impl SiteCatalog {
    /// Reads what `LATCHKEY_SITES` and `LATCHKEY_SITE_URLS` say.
    ///
    /// # Errors
    /// As [`SiteCatalog::load`], or a variable that is wrong.
    pub fn from_env(env: &Env) -> Result<Self, CatalogError> {
        Self::load(&env.paths("LATCHKEY_SITES")?, &urls(env)?)
    }

    /// Reads the built-in files and the given ones; a later file replaces an earlier one of the same site.
    ///
    /// # Errors
    /// The first file that cannot be read or is wrong, or a URL for a site that is not there.
    pub fn load(paths: &[PathBuf], urls: &SiteUrls) -> Result<Self, CatalogError> {
        let mut catalog = Self::default();
        for (file, text) in BUILT_IN {
            catalog.add(file, text, urls)?;
        }
        for path in files(paths)? {
            let text = std::fs::read_to_string(&path)
                .map_err(|cause| CatalogError::Unreadable { path: path.clone(), cause })?;
            catalog.add(&path.display().to_string(), &text, urls)?;
        }
        if let Some(name) = urls.keys().find(|name| !catalog.knows(name)) {
            let known: Vec<&str> = catalog.names().map(SiteName::as_str).collect();
            return Err(CatalogError::UrlWithoutSite { name: name.clone(), known: known.join(", ") });
        }
        let SiteCatalog { sites, read, .. } = &mut catalog;
        read.retain(|name| sites.contains_key(name));
        read.sort_by_key(|name| sites[name].order);
        Ok(catalog)
    }

    fn add(&mut self, name: &str, text: &str, urls: &SiteUrls) -> Result<(), SiteFileDiagnostic> {
        let parsed = parse(name, text, urls)?;
        if !self.read.contains(&parsed.name) {
            self.read.push(parsed.name.clone());
        }
        self.sites.remove(&parsed.name);
        self.unplaced.remove(&parsed.name);
        match parsed.site {
            Some(site) => drop(self.sites.insert(parsed.name, Arc::new(site))),
            None => drop(self.unplaced.insert(parsed.name)),
        }
        Ok(())
    }

    /// One site; `None` when no file describes it or it has no address.
    #[must_use]
    pub fn site(&self, name: &SiteName) -> Option<Arc<Site>> {
        self.sites.get(name).cloned()
    }

    /// Every site with an address, by the order that the files say, else in that in which they were read: the built-in
    /// ones, then those of `LATCHKEY_SITES`. So a site that is added there goes last.
    pub fn sites(&self) -> impl Iterator<Item = &Arc<Site>> {
        self.read.iter().filter_map(|name| self.sites.get(name))
    }

    /// Whether a file describes the site, with an address or without.
    #[must_use]
    pub fn knows(&self, name: &SiteName) -> bool {
        self.sites.contains_key(name) || self.unplaced.contains(name)
    }

    /// Every name that a file describes.
    pub fn names(&self) -> impl Iterator<Item = &SiteName> {
        self.sites.keys().chain(&self.unplaced)
    }
}

/// The addresses of `LATCHKEY_SITE_URLS`.
///
/// # Errors
/// When it is not of the form that it must have.
pub fn urls(env: &Env) -> Result<SiteUrls, EnvError> {
    let mut urls = SiteUrls::new();
    for item in env.list("LATCHKEY_SITE_URLS")? {
        let expected =
            || EnvError::invalid("LATCHKEY_SITE_URLS", "site=URL, like open-webui=https://chat.example.org");
        let (name, url) = item.split_once('=').ok_or_else(expected)?;
        urls.insert(
            name.trim().parse().map_err(|_| expected())?,
            http_url(url.trim()).map_err(|_| expected())?,
        );
    }
    Ok(urls)
}

/// The TOML files at the given paths, those of a directory in order of their names.
fn files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, CatalogError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let mut inside =
            in_directory(path).map_err(|cause| CatalogError::Unreadable { path: path.clone(), cause })?;
        inside.sort();
        files.append(&mut inside);
    }
    Ok(files)
}

fn in_directory(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let file = entry?.path();
        if file.extension().is_some_and(|extension| extension == "toml") {
            files.push(file);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_built_in_files_are_right() {
        let urls =
            ["practice", "open-webui", "gradio", "librechat", "chainlit", "open-webui-sso", "plain-openai"]
                .map(|name| (name.parse().unwrap(), "http://127.0.0.1:1".parse().unwrap()));

        let catalog = SiteCatalog::load(&[], &SiteUrls::from(urls)).unwrap();

        assert_eq!(catalog.sites().count(), 7);
    }
}
