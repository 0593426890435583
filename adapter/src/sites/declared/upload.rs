//! Uploads the files of a prompt, one after the other, and removes them when the site needs them no more.

use std::{fmt, time::Duration};

use latchkey_shared::{
    shutdown::Tasks,
    site::chat::{
        text::VariableName,
        upload::{UPLOADS, UploadRules},
    },
};
use serde_json::Value;
use tokio::time::{Instant, timeout, timeout_at};
use tracing::{Instrument, Span};

use super::{call::SiteClient, fill::PlaceholderValues, variables::PromptVariables};
use crate::{
    prompt::PromptFile,
    sites::DriverContext,
    stream::{
        delta::Captures,
        fault::{Fault, Rejection},
    },
};

/// For the removal of all files together. The account may be free again meanwhile.
const LIMIT_TIME: Duration = Duration::from_secs(10);

/// What was uploaded. Dropped, it is removed at the site, if the site file says how.
pub(in crate::sites) struct Uploads {
    tasks: Tasks,
    span: Span,
    client: SiteClient,
    /// What is known of each file.
    made: Vec<Captures>,
}

impl Uploads {
    /// Uploads the files of a prompt before the first that names them, and adds what they came to.
    ///
    /// # Errors
    /// When the site does not take one of them, or not by the deadline; those before it are removed again.
    pub(in crate::sites) async fn before(
        names: impl Fn(&VariableName) -> bool,
        context: &DriverContext,
        client: &SiteClient,
        variables: &PromptVariables,
        captures: &mut Captures,
        deadline: Instant,
    ) -> Result<Option<Self>, Fault> {
        let Some(upload) = &client.site.chat.upload else { return Ok(None) };
        if captures.contains_key(UPLOADS) || !names(&VariableName::Value(UPLOADS.to_owned())) {
            return Ok(None);
        }
        let tasks = context.tasks.clone();
        let span = context.span.clone();
        let caller = client.clone();
        let mut uploads = Self { tasks, span, client: caller, made: Vec::new() };
        let mut items = Vec::new();
        for file in variables.files() {
            // The question itself was not asked yet.
            let item = timeout_at(deadline, uploads.make(upload, variables, file, captures)).await;
            items.push(item.map_err(|_| Fault::ConnectTimeout)??);
        }
        captures.insert(UPLOADS.to_owned(), Value::Array(items));
        Ok(Some(uploads))
    }

    /// Uploads one, and gives what stands for it.
    async fn make(
        &mut self,
        upload: &UploadRules,
        variables: &PromptVariables,
        file: &PromptFile,
        captures: &Captures,
    ) -> Result<Value, Fault> {
        let words = variables.with_file(file);
        let mut known = captures.clone();
        known.insert("file.name".to_owned(), file.name.as_str().into());
        known.insert("file.type".to_owned(), file.media_type.as_str().into());
        known.insert("file.size".to_owned(), file.content.len().into());
        for request in &upload.requests {
            let taken = self.client.take(request, Some(&words), &known).await.map_err(of_a_file)?;
            known.extend(taken);
        }
        // From here on it is there, whatever becomes of the rest.
        self.made.push(known);
        let session = &*self.client.session;
        let values = self.made.last().unwrap_or(captures);
        PlaceholderValues { variables: Some(&words), session, captures: values, tells_system: false }
            .shape(&upload.item)
    }

    /// Leaves them where they are: the site's conversation is gone on with.
    pub(in crate::sites) fn keep(&mut self) {
        self.made.clear();
    }
}

impl Drop for Uploads {
    fn drop(&mut self) {
        let made = std::mem::take(&mut self.made);
        let removes = self.client.site.chat.upload.as_ref().is_some_and(|upload| !upload.remove.is_empty());
        if made.is_empty() || !removes {
            return;
        }
        let caller = self.client.clone();
        let span = self.span.clone();
        let removing = async move {
            if timeout(LIMIT_TIME, remove(&caller, made)).await.is_err() {
                tracing::warn!(site = %caller.site.name, "the site did not remove in time what was uploaded");
            }
        };
        self.tasks.spawn(removing.instrument(span));
    }
}

impl fmt::Debug for Uploads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploads").field("made", &self.made.len()).finish_non_exhaustive()
    }
}

async fn remove(client: &SiteClient, made: Vec<Captures>) {
    let site = &client.site.name;
    for mut values in made {
        for request in client.site.chat.upload.iter().flat_map(|upload| &upload.remove) {
            match client.take(request, None, &values).await {
                Ok(taken) => {
                    values.extend(taken);
                    tracing::debug!(%site, "the site removed what was uploaded");
                }
                Err(cause) => tracing::info!(%site, %cause, "the site did not remove what was uploaded"),
            }
        }
    }
}

/// What a refusal means of an upload: 404 there is no unknown model.
fn of_a_file(fault: Fault) -> Fault {
    match fault {
        Fault::Rejected(Rejection::Model) => Fault::Status(404),
        other => other,
    }
}
