//! The steps of a login recipe, as data. The broker's runner gives them meaning.

use std::time::Duration;

use url::{Origin, Url};

use super::{NamePattern, text::RecipeText};

/// One step.
#[derive(Clone, Debug)]
pub struct LoginStep {
    /// What is done.
    pub action: Action,
    /// Done only if this selector is visible when the step's turn comes, or within `settle`.
    pub when_visible: Option<String>,
    /// The only origin at which it types, of those that the site names; any of them where it is `None`.
    pub origin: Option<Origin>,
    /// Its own limit, if the recipe's `step_timeout` does not suit.
    pub timeout: Option<Duration>,
    /// Line of the site file where it stands.
    pub line: usize,
}

/// What a step does. Selectors are CSS; they pierce open shadow roots.
#[derive(Clone, Debug)]
pub enum Action {
    /// Opens a URL of an allowed origin and waits until its document is there.
    Goto(Url),
    /// Puts a value into a field, in place of what it held.
    Fill {
        /// The field.
        selector: String,
        /// What is typed.
        value: RecipeText,
    },
    /// Clicks an element.
    Click(String),
    /// Presses a key where the focus is: `Enter`, `Tab`, `Escape`, `Space`, an arrow.
    Press(RecipeKey),
    /// Chooses an option of a `<select>` by its value or its text.
    Choose {
        /// The `<select>`.
        selector: String,
        /// Value or text of the option.
        option: String,
    },
    /// Puts the current one-time code into a field.
    Totp(String),
    /// Waits until a condition holds.
    WaitFor(Condition),
    /// Fails at once unless a condition holds.
    Assert(Condition),
}

impl Action {
    /// The word that a site file uses for it.
    #[must_use]
    pub fn verb(&self) -> &'static str {
        match self {
            Self::Goto(_) => "goto",
            Self::Fill { .. } => "fill",
            Self::Click(_) => "click",
            Self::Press(_) => "press",
            Self::Choose { .. } => "choose",
            Self::Totp(_) => "totp",
            Self::WaitFor(_) => "wait_for",
            Self::Assert(_) => "assert",
        }
    }

    /// What it acts on, for people; never a secret.
    #[must_use]
    pub fn target(&self) -> String {
        match self {
            Self::Goto(url) => url.to_string(),
            Self::Fill { selector, .. } | Self::Choose { selector, .. } => selector.clone(),
            Self::Click(selector) | Self::Totp(selector) => selector.clone(),
            Self::Press(key) => key.name().to_owned(),
            Self::WaitFor(condition) | Self::Assert(condition) => condition.to_string(),
        }
    }
}

/// Something that is true of the page or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    /// An element is visible.
    Visible(String),
    /// The page's URL is this one, or starts so with a trailing `*`.
    Url(NamePattern),
    /// The visible text of the page contains this.
    Text(String),
    /// The page got an answer from this path (without query) of an allowed origin, since the recipe began, with
    /// one of these statuses; an empty list is any status.
    Response {
        /// Path of the request.
        path: String,
        /// Statuses.
        status: Vec<u16>,
    },
}

impl std::fmt::Display for Condition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Visible(selector) => write!(f, "visible {selector}"),
            Self::Url(NamePattern::Exact(url)) => write!(f, "url {url}"),
            Self::Url(NamePattern::Prefix(url)) => write!(f, "url {url}*"),
            Self::Text(text) => write!(f, "text {text:?}"),
            Self::Response { path, .. } => write!(f, "response {path}"),
        }
    }
}

/// A key that a recipe may press.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecipeKey {
    /// Enter.
    Enter,
    /// Tab.
    Tab,
    /// Escape.
    Escape,
    /// Space.
    Space,
    /// Arrow up.
    ArrowUp,
    /// Arrow down.
    ArrowDown,
}

impl RecipeKey {
    /// Every key with the name that DOM events give it; `Space` is a name of ours.
    pub const ALL: [Self; 6] =
        [Self::Enter, Self::Tab, Self::Escape, Self::Space, Self::ArrowUp, Self::ArrowDown];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Enter => "Enter",
            Self::Tab => "Tab",
            Self::Escape => "Escape",
            Self::Space => "Space",
            Self::ArrowUp => "ArrowUp",
            Self::ArrowDown => "ArrowDown",
        }
    }
}
