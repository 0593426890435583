//! Makes the prompt of a turn; where the tools take long to read, on a thread that serves nobody else.

use std::{sync::Arc, time::Duration};

use latchkey_bridge::catalog::is_heavy;
use latchkey_shared::site::Site;
use tokio::{sync::Semaphore, task::spawn_blocking, time::timeout};

use super::TurnError;
use crate::{
    config::ToolCallConfig, openai::request::ChatRequest, pool::PoolError, prompt::Prompt,
    stream::fault::Fault,
};

/// So many threads read large schemas at once, a second each at most.
static THREADS: Semaphore = Semaphore::const_new(2);

/// So long a request waits for one.
const WAIT: Duration = Duration::from_secs(6);

/// Makes the prompt for a model of a site.
///
/// # Errors
/// When the site cannot do what is asked, or too many large requests wait.
pub(super) async fn prepare(
    request: ChatRequest,
    site: &Arc<Site>,
    model: String,
    minted: String,
    settings: &ToolCallConfig,
    end_mark: bool,
) -> Result<Prompt, TurnError> {
    let schemas = request.tools.iter().chain(request.rest.get("response_format"));
    if !is_heavy(schemas.map(|raw| raw.get())) {
        return Ok(Prompt::new(request, site, model, minted, settings, end_mark)?);
    }
    let Ok(Ok(thread)) = timeout(WAIT, THREADS.acquire()).await else {
        return Err(PoolError::QueueFull.into());
    };
    let (site, settings) = (Arc::clone(site), settings.clone());
    let prepared = spawn_blocking(move || {
        let _thread = thread;
        Prompt::new(request, &site, model, minted, &settings, end_mark)
    });
    match prepared.await {
        Ok(prompt) => Ok(prompt?),
        Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
        Err(_) => Err(PoolError::Fault(Fault::ShuttingDown).into()),
    }
}
