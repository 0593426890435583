//! Looking at a page and acting on it, through the library in the isolated world.

use std::{collections::BTreeMap, time::Duration};

use secrecy::{ExposeSecret, SecretString};

use super::{BrowserError, Deserialize, DeserializeOwned, Page, Value, json};

/// What is true of a page at one moment.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct PageSnapshot {
    /// Its address.
    pub url: String,
    /// Its origin as JavaScript prints it; `null` for a page without one.
    pub origin: String,
    /// Whether its document has been parsed.
    pub ready: bool,
    /// Whether [`Page::leave`] was called and the old document is still there.
    pub left: bool,
    /// For each selector whether it is visible; `None` when it is no CSS selector.
    pub visible: Vec<Option<bool>>,
    /// For each text whether the page shows it.
    pub texts: Vec<bool>,
}

/// How an attempt to act on an element ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActionOutcome {
    /// Done.
    Done,
    /// There is no such visible element.
    Missing,
    /// It takes no input now.
    Disabled,
    /// It is not an element of the kind that the action needs.
    Unfit,
    /// The page's origin is not an allowed one; nothing was typed.
    Foreign,
    /// The field's form, or a button of it, sends to an origin that is not allowed; nothing was typed.
    LeadsAway,
}

/// Where a page keeps items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StorageKind {
    /// `localStorage`.
    Local,
    /// `sessionStorage`.
    Session,
}

/// Items of a storage.
#[derive(Deserialize)]
pub struct Storage {
    /// The origin that they belong to.
    pub origin: String,
    /// Those that are there.
    pub values: BTreeMap<String, SecretString>,
}

/// An element that is here and there within this time is moving, and a click would miss it.
const STILL: Duration = Duration::from_millis(20);

/// Characters of an item that nobody named: tokens are shorter, caches are longer.
const LONGEST_ITEM: usize = 16 * 1024;
/// Characters of all items that nobody named.
const MOST_STORAGE: usize = 128 * 1024;

#[derive(PartialEq, Deserialize)]
struct ElementCenter {
    state: ActionOutcome,
    #[serde(default)]
    x: f64,
    #[serde(default)]
    y: f64,
    #[serde(default)]
    hit: bool,
}

impl Page {
    /// Looks at the page. All selectors and texts are looked for in one turn.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn glance(&self, selectors: &[&str], texts: &[&str]) -> Result<PageSnapshot, BrowserError> {
        self.call("glance", json!([selectors, texts])).await
    }

    /// Puts a value into the first visible field, if the page's origin is one of `origins` and its form sends to none but
    /// `targets`. All of it is checked in the same turn as the value is put there.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn fill(
        &self,
        selector: &str,
        value: &SecretString,
        origins: &[String],
        targets: &[String],
    ) -> Result<ActionOutcome, BrowserError> {
        self.call("fill", json!([selector, value.expose_secret(), origins, targets])).await
    }

    /// Puts values back that the page emptied since they were filled in.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn refill(&self, origins: &[String]) -> Result<(), BrowserError> {
        self.call::<Value>("refill", json!([origins])).await.map(drop)
    }

    /// Chooses an option of a `<select>` by its value or text.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn choose(
        &self,
        selector: &str,
        option: &str,
        origins: &[String],
    ) -> Result<ActionOutcome, BrowserError> {
        self.call("choose", json!([selector, option, origins])).await
    }

    /// Clicks the first visible element with the mouse, once it stands still; where something lies over it, in its
    /// place.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn click(&self, selector: &str) -> Result<ActionOutcome, BrowserError> {
        let first: ElementCenter = self.call("point", json!([selector])).await?;
        if first.state != ActionOutcome::Done {
            return Ok(first.state);
        }
        tokio::time::sleep(STILL).await;
        let point: ElementCenter = self.call("point", json!([selector])).await?;
        if point != first {
            return Ok(ActionOutcome::Disabled);
        }
        let clicked = if point.hit {
            self.click_at(point.x, point.y).await
        } else {
            self.call::<Value>("click", json!([selector])).await.map(drop)
        };
        match clicked {
            // The page got the click and is busy with it. A second one could send the form twice.
            Ok(()) | Err(BrowserError::Timeout(_)) => Ok(ActionOutcome::Done),
            Err(error) => Err(error),
        }
    }

    /// Goes to a URL; returns at once. A glance tells when the new document is there.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn leave(&self, url: &url::Url) -> Result<(), BrowserError> {
        self.call::<Value>("leave", json!([url.as_str()])).await.map(drop)
    }

    /// All the text that the page shows.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn shown(&self) -> Result<String, BrowserError> {
        self.call("shown", json!([])).await
    }

    /// Reads the storage that belongs to the page's present origin: the named items, and what else there is as far as
    /// it is not too much.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn storage(&self, kind: StorageKind, keys: &[&str]) -> Result<Storage, BrowserError> {
        let kind = match kind {
            StorageKind::Local => "local",
            StorageKind::Session => "session",
        };
        self.call("storage", json!([kind, keys, LONGEST_ITEM, MOST_STORAGE])).await
    }

    /// Blanks every field and every text that holds a secret. True when none of them can be seen any more. The page
    /// is of no use after it.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn mask(&self, secrets: &[SecretString]) -> Result<bool, BrowserError> {
        self.call("mask", json!([exposed(secrets)])).await
    }

    /// Hides every field and every text that holds a secret, until [`Page::uncover`]. True when none of them can be
    /// seen.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn cover(&self, secrets: &[SecretString]) -> Result<bool, BrowserError> {
        self.call("cover", json!([exposed(secrets)])).await
    }

    /// Shows again what was covered.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn uncover(&self) -> Result<(), BrowserError> {
        self.call::<Value>("uncover", json!([])).await.map(drop)
    }

    /// Whether a secret can be seen.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn shows(&self, secrets: &[SecretString]) -> Result<bool, BrowserError> {
        self.call("shows", json!([exposed(secrets)])).await
    }

    async fn call<T: DeserializeOwned>(
        &self,
        function: &'static str,
        arguments: Value,
    ) -> Result<T, BrowserError> {
        self.world.call(function, arguments).await
    }
}

fn exposed(secrets: &[SecretString]) -> Vec<&str> {
    secrets.iter().map(ExposeSecret::expose_secret).collect()
}
