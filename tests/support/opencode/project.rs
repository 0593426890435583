//! What OpenCode works on: a scratch repository, and what has become of its files.

use std::{
    collections::BTreeMap,
    fs,
    path::Path,
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// A scratch repository.
#[derive(Debug)]
pub struct Project(TempDir);

impl Project {
    /// Makes one with these files.
    #[must_use]
    pub fn new(files: &[(&str, &str)]) -> Self {
        let project = Self(tempfile::Builder::new().prefix("latchkey-project-").tempdir().unwrap());
        let mut init = Command::new("git");
        init.args(["init", "--quiet"]).current_dir(project.path()).env("GIT_CONFIG_GLOBAL", "/dev/null");
        assert!(init.stdin(Stdio::null()).status().unwrap().success(), "git init");
        for (name, content) in files {
            fs::write(project.path().join(name), content).unwrap();
        }
        project
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// All files as they are now, but for git's own.
    #[must_use]
    pub fn files(&self) -> BTreeMap<String, String> {
        let mut files = BTreeMap::new();
        for path in crate::hunt::files(self.path()) {
            let name = path.strip_prefix(self.path()).unwrap().to_str().unwrap().to_owned();
            if !name.starts_with(".git/") {
                files.insert(name, String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned());
            }
        }
        files
    }
}
