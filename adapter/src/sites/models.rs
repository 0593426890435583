//! Asks a site which models it has.

use std::time::Duration;

use latchkey_shared::{
    session::Session,
    site::{ModelsFrom, Site},
};
use reqwest::{Client, StatusCode, header};
use serde_json::Value;
use tokio::time::Instant;

use super::{headers, http};
use crate::stream::fault::Fault;

const LIMIT_BYTES: usize = 4 * 1024 * 1024;
const LIMIT_TIME: Duration = Duration::from_secs(10);
/// What it is for, in the log.
const CALL: &str = "its models";

/// Fetches the ids, in the site's order.
///
/// # Errors
/// When the site does not list them.
pub(crate) async fn fetch(
    client: &Client,
    site: &Site,
    from: &ModelsFrom,
    session: &Session,
) -> Result<Vec<String>, Fault> {
    let url = site.url(&from.path);
    let request = client
        .get(url.clone())
        .headers(headers::of(session, &url)?)
        .header(header::ACCEPT, "application/json");
    // No prompt is on its way yet: another replica may be asked at once.
    let late = Fault::ConnectTimeout;
    let response = http::by(Instant::now() + LIMIT_TIME, &site.name, CALL, late, request.send()).await?;
    let response = response.map_err(|error| http::sending_fault(&site.name, CALL, &error))?;
    let is_page = http::has_type(&response, "text/html");
    match response.status() {
        StatusCode::UNAUTHORIZED => return Err(Fault::SessionDead),
        StatusCode::OK if is_page => return Err(Fault::SessionDead),
        status if status.is_redirection() => return Err(Fault::SessionDead),
        StatusCode::OK => {}
        status => return Err(Fault::Status(status.as_u16())),
    }
    let body = http::beginning(&site.name, response, LIMIT_BYTES, LIMIT_TIME).await;
    ids(&body, from).ok_or(Fault::Unreadable("the list of models is not where the site file says"))
}

fn ids(body: &[u8], from: &ModelsFrom) -> Option<Vec<String>> {
    let body: Value = serde_json::from_slice(body).ok()?;
    let list = body.pointer(&from.list)?.as_array()?;
    let id = |model: &Value| model.pointer(&from.id).and_then(Value::as_str).map(str::to_owned);
    Some(list.iter().filter_map(id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_found_where_the_site_file_points() {
        let pointer = |text: &str| text.to_owned();
        let from = ModelsFrom { path: pointer("/m"), list: pointer("/data"), id: pointer("/id") };

        assert_eq!(
            ids(br#"{"data":[{"id":"a"},{},{"id":"b"}]}"#, &from),
            Some(vec!["a".to_owned(), "b".to_owned()])
        );
        assert_eq!(ids(br#"{"detail":"no"}"#, &from), None);
    }
}
