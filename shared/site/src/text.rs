//! Text with placeholders: `{base_url}`, `{username}`, `{password}`.

use secrecy::{ExposeSecret, SecretString};
use url::Url;

use crate::nearest::nearest;

/// The names between single braces in a text as it stands in a file, whatever they mean there.
pub(super) fn names(text: &str) -> impl Iterator<Item = &str> {
    let opens = text.match_indices('{').map(|(open, _)| open);
    let single = opens.filter(|open| !text[..*open].ends_with('{') && !text[open + 1..].starts_with('{'));
    single.filter_map(|open| text[open + 1..].split_once('}').map(|(name, _)| name))
}

/// A value in a recipe, with its placeholders found and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RecipeText(Vec<RecipePiece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum RecipePiece {
    Text(String),
    Placeholder(Placeholder),
}

/// What a recipe may refer to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// The site's base URL, without a trailing slash.
    BaseUrl,
    /// The account's username.
    Username,
    /// The account's password. Only as a `fill` value.
    Password,
}

impl Placeholder {
    /// Every placeholder with its spelling.
    pub const ALL: [(Self, &'static str); 3] =
        [(Self::BaseUrl, "base_url"), (Self::Username, "username"), (Self::Password, "password")];
}

impl RecipeText {
    /// Finds the placeholders; `{` that opens none is an error.
    ///
    /// # Errors
    /// A sentence that names the unknown placeholder and the known ones.
    pub fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let Some((name, tail)) = after.split_once('}') else {
                return Err("a `{` without its `}`; close it".to_owned());
            };
            let found = Placeholder::ALL.iter().find(|(_, spelling)| *spelling == name);
            let Some((placeholder, _)) = found else {
                let near = nearest(name, Placeholder::ALL.iter().map(|(_, spelling)| *spelling));
                return Err(match near {
                    Some(near) => format!("unknown placeholder {{{name}}}; did you mean {{{near}}}?"),
                    None => format!(
                        "unknown placeholder {{{name}}}, expected {{base_url}}, {{username}} or {{password}}"
                    ),
                });
            };
            if !before.is_empty() {
                pieces.push(RecipePiece::Text(before.to_owned()));
            }
            pieces.push(RecipePiece::Placeholder(*placeholder));
            rest = tail;
        }
        if !rest.is_empty() {
            pieces.push(RecipePiece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// Whether it refers to the password.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.has(Placeholder::Password)
    }

    /// Whether it refers to anything, and is not all written in the file.
    #[must_use]
    pub fn has_any(&self) -> bool {
        self.0.iter().any(|piece| matches!(piece, RecipePiece::Placeholder(_)))
    }

    /// Whether it refers to a placeholder.
    #[must_use]
    pub fn has(&self, placeholder: Placeholder) -> bool {
        self.0.contains(&RecipePiece::Placeholder(placeholder))
    }

    /// Fills the placeholders in. The result is a secret, whatever it holds.
    #[must_use]
    pub fn fill(&self, base_url: &Url, username: &str, password: &SecretString) -> SecretString {
        let mut text = String::new();
        for piece in &self.0 {
            text.push_str(match piece {
                RecipePiece::Text(text) => text,
                RecipePiece::Placeholder(Placeholder::BaseUrl) => base_url.as_str().trim_end_matches('/'),
                RecipePiece::Placeholder(Placeholder::Username) => username,
                RecipePiece::Placeholder(Placeholder::Password) => password.expose_secret(),
            });
        }
        text.into()
    }

    /// Fills `{base_url}` in; the file's parser has seen that nothing else is referred to.
    pub(super) fn fill_base_url(&self, base_url: &Url) -> String {
        let piece = |piece: &RecipePiece| match piece {
            RecipePiece::Text(text) => text.clone(),
            RecipePiece::Placeholder(_) => base_url.as_str().trim_end_matches('/').to_owned(),
        };
        self.0.iter().map(piece).collect()
    }
}
