//! The isolated JavaScript world in which the broker looks at a page and types into it.

use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};

use chromiumoxide::{
    Page,
    cdp::{
        browser_protocol::page::{CreateIsolatedWorldParams, FrameId},
        js_protocol::runtime::{CallArgument, CallFunctionOnParams, EvaluateParams, RemoteObjectId},
    },
    error::CdpError,
    types::Command,
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{BrowserError, instance::within};

/// A call into a page takes milliseconds. One that takes longer waits for the page's own scripts, and whoever
/// calls asks again.
const LIMIT: Duration = Duration::from_secs(2);

const LIBRARY: &str = include_str!("dom.js");
const CALL: &str = "function (name, args) { return this[name](...args); }";
/// A document that goes takes its world along; the next one gets a new world. More than a few in one call means
/// that the page never rests.
const TRIES: usize = 5;

/// The world of one page's main frame, made anew in each document.
pub(super) struct IsolatedWorld {
    page: Page,
    frame: FrameId,
    gone: CancellationToken,
    /// The library's object in the present document. Its id names process, world and object, so that it never
    /// means something else after a navigation, as the small numbers of execution contexts may.
    library: Mutex<Option<RemoteObjectId>>,
}

/// Why a call into the page failed.
enum CallError {
    /// The document went; nothing was run.
    Document,
    Other(BrowserError),
}

impl IsolatedWorld {
    pub(super) fn new(page: Page, gone: CancellationToken) -> Self {
        // A page's main frame has the id of its target.
        let frame = FrameId::new(page.target_id().as_ref());
        Self { page, frame, gone, library: Mutex::default() }
    }

    pub(super) fn frame(&self) -> &FrameId {
        &self.frame
    }

    /// Calls a function of the library. Arguments are sent beside the source, never in it.
    pub(super) async fn call<T: DeserializeOwned>(
        &self,
        function: &'static str,
        arguments: Value,
    ) -> Result<T, BrowserError> {
        for _ in 0..TRIES {
            match self.try_call(function, &arguments).await {
                Ok(value) => {
                    return serde_json::from_value(value).map_err(|_| BrowserError::Refused(function));
                }
                Err(CallError::Document) => *self.library() = None,
                Err(CallError::Other(error)) => return Err(error),
            }
        }
        Err(BrowserError::Timeout(function))
    }

    async fn try_call(&self, function: &'static str, arguments: &Value) -> Result<Value, CallError> {
        let library = self.library().clone();
        let library = match library {
            Some(library) => library,
            None => self.enter().await?,
        };
        let mut call = CallFunctionOnParams::new(CALL);
        call.object_id = Some(library);
        call.arguments = Some(vec![argument(json!(function)), argument(arguments.clone())]);
        call.return_by_value = Some(true);
        call.user_gesture = Some(true);
        call.silent = Some(true);
        let answer = self.execute(function, call).await?;
        match answer.exception_details {
            // The details may quote arguments.
            Some(_) => Err(CallError::Other(BrowserError::Refused(function))),
            None => Ok(answer.result.value.unwrap_or_default()),
        }
    }

    /// Makes the world and puts the library into it.
    async fn enter(&self) -> Result<RemoteObjectId, CallError> {
        let mut world = CreateIsolatedWorldParams::new(self.frame.clone());
        world.world_name = Some("latchkey".to_owned());
        let world = self.execute("Page.createIsolatedWorld", world).await?;
        let mut evaluate = EvaluateParams::new(LIBRARY);
        evaluate.context_id = Some(world.execution_context_id);
        let library = self.execute("Runtime.evaluate", evaluate).await?;
        let library = library.result.object_id.ok_or(CallError::Document)?;
        *self.library() = Some(library.clone());
        Ok(library)
    }

    async fn execute<C: Command>(&self, call: &'static str, command: C) -> Result<C::Response, CallError> {
        let answer = async {
            match self.page.execute(command).await {
                Ok(answer) => Ok(Some(answer.result)),
                // The only refusals these three commands know: no such context, frame or object any more.
                Err(CdpError::Chrome(_)) => Ok(None),
                Err(error) => Err(error),
            }
        };
        let answer = within(&self.gone, LIMIT, call, answer).await.map_err(CallError::Other)?;
        answer.ok_or(CallError::Document)
    }

    fn library(&self) -> std::sync::MutexGuard<'_, Option<RemoteObjectId>> {
        self.library.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn argument(value: Value) -> CallArgument {
    CallArgument { value: Some(value), unserializable_value: None, object_id: None }
}
