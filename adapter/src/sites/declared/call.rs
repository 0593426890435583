//! Makes one declared request and judges its answer.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use latchkey_shared::{
    id::SiteName,
    network::NetworkError,
    session::Session,
    site::{
        Site,
        chat::{
            request::{BodyTemplate, Extraction, RequestTemplate},
            text::{TextTemplate, VariableName},
            upload::FILE,
        },
    },
};
use reqwest::{Client, RequestBuilder, Response, header, multipart};
use secrecy::SecretString;
use serde_json::Value;

use super::{fill::PlaceholderValues, variables::PromptVariables};
use crate::{
    prompt::PromptFile,
    sites::{
        headers::{self, sensitive},
        http, refusal,
        trace::Tracer,
    },
    stream::{delta::Captures, fault::Fault},
};

/// Longest JSON answer that is taken, and how long it may take to come.
const LIMIT_BYTES: usize = 16 * 1024 * 1024;
const LIMIT_TIME: Duration = Duration::from_secs(30);

/// Makes requests with one session. Clones share it.
#[derive(Clone)]
pub(in crate::sites) struct SiteClient {
    pub(in crate::sites) client: Client,
    pub(in crate::sites) site: Arc<Site>,
    pub(in crate::sites) session: Arc<Session>,
    pub(in crate::sites) tracer: Tracer,
}

impl SiteClient {
    /// Makes a request.
    ///
    /// # Errors
    /// When it cannot be sent, or its answer's status or type says no.
    pub(super) async fn send(
        &self,
        request: &RequestTemplate,
        variables: Option<&PromptVariables>,
        captures: &Captures,
    ) -> Result<Response, Fault> {
        let response = self.request(request, variables, captures)?.send().await;
        let response = response.map_err(|error| http::sending_fault(&self.site.name, http::CHAT, &error))?;
        self.tracer.answered(request.method.as_str(), response.url(), response.status());
        let is_html = http::has_type(&response, "text/html");
        if !response.status().is_success() || is_html {
            return Err(refusal::read(response, is_html, &self.site).await);
        }
        Ok(response)
    }

    /// Makes a request and takes the values out of its JSON answer.
    ///
    /// # Errors
    /// As for `send`, or when the answer is not as the site file expects.
    pub(super) async fn take(
        &self,
        request: &RequestTemplate,
        variables: Option<&PromptVariables>,
        captures: &Captures,
    ) -> Result<Captures, Fault> {
        let response = self.send(request, variables, captures).await?;
        let status = response.status().as_u16();
        let retry_after = http::retry_after(&response);
        let body = http::beginning(&self.site.name, response, LIMIT_BYTES, LIMIT_TIME).await;
        if let Some(fault) = refusal::declared(&self.site.chat.refusals, status, retry_after, &body) {
            return Err(fault);
        }
        if request.take.is_empty() && request.expect.is_empty() {
            return Ok(Captures::new());
        }
        let answer: Value =
            serde_json::from_slice(&body).map_err(|_| Fault::Unreadable("an answer is not JSON"))?;
        if request.expect.iter().any(|(pointer, value)| answer.pointer(pointer) != Some(value)) {
            return Err(Fault::Unreadable("an answer is not as the site file expects"));
        }
        let taken = |(name, take): (&String, &Extraction)| Some((name.clone(), take.from(&answer)?.clone()));
        let taken = request.take.iter().map(taken).collect::<Option<Captures>>();
        taken.ok_or(Fault::Unreadable("an answer lacks a value that the site file takes out of it"))
    }

    fn request(
        &self,
        request: &RequestTemplate,
        variables: Option<&PromptVariables>,
        captures: &Captures,
    ) -> Result<RequestBuilder, Fault> {
        let fill = PlaceholderValues::new(request, variables, &self.session, captures);
        let url = self.site.url(&fill.path(&request.path)?);
        let method: reqwest::Method = request.method.as_str().parse().expect("it is a method's name");
        let mut all = headers::of(&self.session, &url)?;
        for (name, text) in &request.headers {
            let name: header::HeaderName =
                name.parse().map_err(|_| Fault::Unreadable("the site file names no header"))?;
            all.insert(name, sensitive(&SecretString::from(fill.text(text)?))?);
        }
        let builder = self.client.request(method, url).headers(all);
        let fields = |fields: &[(String, _)]| {
            fields
                .iter()
                .map(|(name, text)| Ok((name.clone(), fill.text(text)?)))
                .collect::<Result<Vec<_>, Fault>>()
        };
        Ok(match &request.body {
            BodyTemplate::None => builder,
            BodyTemplate::Json(shape) => builder.json(&fill.shape(shape)?),
            BodyTemplate::Form(form) => builder.form(&fields(form)?),
            BodyTemplate::Multipart(parts) => {
                // As browsers write names.
                let mut form = multipart::Form::new().percent_encode_noop();
                for (name, text) in parts {
                    form = match is_file(text).then(|| variables.and_then(PromptVariables::file)).flatten() {
                        Some(file) => form.part(name.clone(), part(file)),
                        None => form.text(name.clone(), fill.text(text)?),
                    };
                }
                builder.multipart(form)
            }
        })
    }
}

fn is_file(text: &TextTemplate) -> bool {
    matches!(text.whole_name(), Some(VariableName::Value(name)) if name == FILE)
}

/// A file as a part of a form.
fn part(file: &PromptFile) -> multipart::Part {
    let size = file.content.len() as u64;
    let part =
        || multipart::Part::stream_with_length(file.content.clone(), size).file_name(file.name.clone());
    part().mime_str(&file.media_type).unwrap_or_else(|_| part())
}

/// An answer as one line: JSON has line ends only between its tokens. `None` when it was cut off or is too long.
pub(super) async fn line(site: &SiteName, mut response: Response) -> Option<Bytes> {
    let mut body = Vec::new();
    loop {
        let next = tokio::time::timeout(LIMIT_TIME, response.chunk()).await;
        let next =
            next.inspect_err(|_| NetworkError::timeout("rest of an answer").log(site, http::CHAT)).ok()?;
        let next = next.inspect_err(|error| NetworkError::of(error).log(site, http::CHAT)).ok()?;
        let Some(bytes) = next else { break };
        if body.len() + bytes.len() > LIMIT_BYTES {
            return None;
        }
        body.extend(bytes.iter().map(|byte| if matches!(byte, b'\n' | b'\r') { b' ' } else { *byte }));
    }
    body.push(b'\n');
    Some(body.into())
}
