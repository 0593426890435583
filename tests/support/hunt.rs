//! Looks for secrets where none may be, in every form in which a program might write them.

use std::{collections::BTreeSet, fmt, fs, path::Path};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};

/// Shorter ends of a secret are found by chance.
const TAIL: usize = 16;

/// Knows secrets, and finds them.
#[derive(Default)]
pub struct Hunter {
    needles: Vec<Needle>,
}

struct Needle {
    secret: String,
    form: &'static str,
    bytes: Vec<u8>,
}

/// A secret that was found. The secret itself is not repeated: failures of tests are logs too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Find {
    /// Which secret.
    pub secret: String,
    /// In which form.
    pub form: &'static str,
    /// Where.
    pub place: String,
    /// At which byte.
    pub at: usize,
}

impl Hunter {
    /// Adds a secret to look for, in every form.
    ///
    /// # Panics
    /// When the value is so short that it would be found by chance.
    pub fn secret(&mut self, name: &str, value: &str) {
        assert!(8 <= value.len(), "{name} is too short to hunt");
        let mut seen = BTreeSet::new();
        for (form, bytes) in forms(value) {
            if seen.insert(bytes.clone()) {
                self.needles.push(Needle { secret: name.to_owned(), form, bytes });
            }
        }
    }

    /// Every secret in some bytes, each form once.
    #[must_use]
    pub fn hunt(&self, place: &str, bytes: &[u8]) -> Vec<Find> {
        let mut finds = Vec::new();
        for needle in &self.needles {
            if let Some(at) = position(bytes, &needle.bytes) {
                let secret = needle.secret.clone();
                let form = needle.form;
                finds.push(Find { secret, form, place: place.to_owned(), at });
            }
        }
        finds
    }

    /// Every secret in the files below a directory, and in their names.
    #[must_use]
    pub fn hunt_files(&self, directory: &Path) -> Vec<Find> {
        let mut finds = Vec::new();
        for path in files(directory) {
            let place = path.display().to_string();
            finds.extend(self.hunt("the name of a file", place.as_bytes()));
            finds.extend(self.hunt(&place, &fs::read(&path).unwrap_or_default()));
        }
        finds
    }
}

impl fmt::Debug for Hunter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Hunter({} needles)", self.needles.len())
    }
}

impl fmt::Display for Find {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) in {} at byte {}", self.secret, self.form, self.place, self.at)
    }
}

/// Every file below a directory.
#[must_use]
pub fn files(directory: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = fs::read_dir(directory) else { return files };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            files.extend(self::files(&path));
        } else {
            files.push(path);
        }
    }
    files
}

/// The forms of a secret, the plain one first.
#[must_use]
pub fn forms(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let bytes = secret.as_bytes();
    let json = |text: &str| {
        let quoted = serde_json::Value::from(text).to_string();
        quoted[1..quoted.len() - 1].to_owned()
    };
    let debug = format!("{secret:?}");
    let utf16: Vec<u8> = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut forms = vec![
        ("plain", bytes.to_vec()),
        ("URL-encoded", percent(secret, "%20").into()),
        ("form-encoded", percent(secret, "+").into()),
        ("URL-encoded in lower case", lower_percent(secret).into()),
        ("JSON", json(secret).into()),
        ("JSON in JSON", json(&json(secret)).into()),
        ("Rust's Debug", debug[1..debug.len() - 1].into()),
        ("hex", hex(bytes, false).into()),
        ("upper-case hex", hex(bytes, true).into()),
        ("UTF-16", utf16),
    ];
    for offset in 0..3 {
        forms.push(("base64", aligned(&STANDARD_NO_PAD, bytes, offset).into()));
        forms.push(("URL-safe base64", aligned(&URL_SAFE_NO_PAD, bytes, offset).into()));
    }
    if let Some(tail) = secret.len().checked_sub(TAIL)
        && TAIL / 2 <= tail
        && secret.is_char_boundary(tail)
    {
        forms.push(("its last characters", secret[tail..].into()));
    }
    forms
}

/// What base64 makes of the secret when `offset` bytes stand before it: only the digits that are the secret's alone.
fn aligned(engine: &impl Engine, secret: &[u8], offset: usize) -> String {
    let padded = [&[0; 3][..offset], secret].concat();
    let encoded = engine.encode(&padded);
    let first = (offset * 8).div_ceil(6);
    let last = padded.len() * 8 / 6;
    encoded[first..last].to_owned()
}

fn percent(secret: &str, space: &str) -> String {
    let encode = |byte: u8| match byte {
        b' ' => space.to_owned(),
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    secret.bytes().map(encode).collect()
}

fn lower_percent(secret: &str) -> String {
    let upper = percent(secret, "%20");
    let mut parts = upper.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| format!("{text}%{}{}", part[..2].to_lowercase(), &part[2..]))
}

fn hex(bytes: &[u8], upper: bool) -> String {
    let digits = |byte: &u8| if upper { format!("{byte:02X}") } else { format!("{byte:02x}") };
    bytes.iter().map(digits).collect()
}

fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    let first = *needle.first()?;
    let candidates = bytes.iter().enumerate().filter(|(_, byte)| **byte == first);
    candidates.map(|(at, _)| at).find(|at| bytes[*at..].starts_with(needle))
}
