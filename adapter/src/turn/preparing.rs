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

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use latchkey_shared::site::{SiteName, SiteUrls, catalog::SiteCatalog};
    use serde_json::json;

    use super::*;
    use crate::config::{JudgeMode, NonceKey, ToolMode};

    /// How often this thread did something else before the prompt was there. It has no other.
    async fn turns_meanwhile(patterns: usize) -> usize {
        let name: SiteName = "practice".parse().unwrap();
        let urls = SiteUrls::from([(name.clone(), "http://127.0.0.1:1".parse().unwrap())]);
        let site = SiteCatalog::load(&[], &urls).unwrap().site(&name).unwrap();
        let patterns: Vec<_> = (0..patterns).map(|number| json!({"pattern": format!("^{number}")})).collect();
        let tool = json!({"type": "function", "function": {"name": "a", "parameters": {"allOf": patterns}}});
        let body = json!({"model": "m", "messages": [{"role": "user", "content": "a"}], "tools": [tool]});
        let request = ChatRequest::parse(body.to_string().as_bytes()).unwrap();
        let nonce_key = NonceKey { secret: [0; 32], deployment: String::new() };
        let calls =
            ToolCallConfig { tools: ToolMode::Emulate, repair: false, judge: JudgeMode::Off, nonce_key };
        let mut preparing = pin!(prepare(request, &site, "m".to_owned(), "a".to_owned(), &calls, false));
        let mut turns = 0;
        loop {
            tokio::select! {
                biased;
                prompt = &mut preparing => break prompt.map(|_| turns).unwrap(),
                () = tokio::task::yield_now() => turns += 1,
            }
        }
    }

    #[tokio::test]
    async fn large_schemas_are_read_on_another_thread() {
        assert_eq!(turns_meanwhile(10).await, 0);
        assert!(turns_meanwhile(1000).await > 0);
    }
}
