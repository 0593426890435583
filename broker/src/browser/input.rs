//! Mouse and keyboard, as a person's hand would use them.

use chromiumoxide::cdp::browser_protocol::input::{
    DispatchKeyEventParams, DispatchKeyEventType, DispatchMouseEventParams, DispatchMouseEventType,
    MouseButton,
};

use super::{BrowserError, page::Page};

/// A key, as DOM events and Windows name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyPress {
    /// `KeyboardEvent.key`.
    pub key: &'static str,
    /// `KeyboardEvent.code`.
    pub code: &'static str,
    /// Windows virtual key code, which old pages read as `keyCode`.
    pub virtual_code: i64,
    /// What it types; empty for none.
    pub text: &'static str,
}

impl Page {
    /// Clicks with the left button at a point of the viewport.
    pub(super) async fn click_at(&self, x: f64, y: f64) -> Result<(), BrowserError> {
        for kind in [
            DispatchMouseEventType::MouseMoved,
            DispatchMouseEventType::MousePressed,
            DispatchMouseEventType::MouseReleased,
        ] {
            let moved = kind == DispatchMouseEventType::MouseMoved;
            let mut event = DispatchMouseEventParams::new(kind, x, y);
            if !moved {
                event.button = Some(MouseButton::Left);
                event.click_count = Some(1);
            }
            self.execute("Input.dispatchMouseEvent", event).await?;
        }
        Ok(())
    }

    /// Presses a key where the focus is.
    ///
    /// # Errors
    /// When the browser ends or does not answer.
    pub async fn press(&self, pressed: KeyPress) -> Result<(), BrowserError> {
        let down = if pressed.text.is_empty() {
            DispatchKeyEventType::RawKeyDown
        } else {
            DispatchKeyEventType::KeyDown
        };
        for kind in [down, DispatchKeyEventType::KeyUp] {
            let types = kind == DispatchKeyEventType::KeyDown;
            let mut event = DispatchKeyEventParams::new(kind);
            event.key = Some(pressed.key.to_owned());
            event.code = Some(pressed.code.to_owned());
            event.windows_virtual_key_code = Some(pressed.virtual_code);
            event.text = (types && !pressed.text.is_empty()).then(|| pressed.text.to_owned());
            self.execute("Input.dispatchKeyEvent", event).await?;
        }
        Ok(())
    }
}
