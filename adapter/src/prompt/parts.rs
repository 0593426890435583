//! Pictures and files: uploaded where the site takes them, passed on where its endpoint does. Where neither is so, what
//! the person just sent of them is refused, and what is older is told as left out. Refused again and again, a picture in
//! the history would end the conversation.

use latchkey_shared::site::{
    Site,
    chat::upload::{FileKind, UploadRules},
};
use serde_json::{Value, json};

use super::file::{self, PromptFile, UnusableFile};
use crate::{
    capability,
    openai::{
        message::Message,
        request::{ChatRequest, InvalidRequest},
    },
};

/// What becomes of what is neither text nor uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OtherParts {
    /// The site's endpoint takes it as it came.
    Passed,
    /// Only text gets there.
    LeftOut,
}

impl OtherParts {
    /// Of a prompt that the site gets as it came.
    pub(super) fn of(site: &Site) -> Self {
        if capability::takes_parts(site) { Self::Passed } else { Self::LeftOut }
    }
}

/// The request as the site's chat takes it, and the files that are uploaded for it.
///
/// # Errors
/// When the person's last words are more than the site takes.
pub(super) fn apart(
    mut request: ChatRequest,
    site: &Site,
    others: OtherParts,
) -> Result<(ChatRequest, Vec<PromptFile>), InvalidRequest> {
    let upload = site.chat.upload.as_ref();
    if others == OtherParts::Passed && upload.is_none() {
        return Ok((request, Vec::new()));
    }
    let last = just_sent(&request);
    let all = request.messages.iter().flat_map(parts_of);
    let mut to_come = all.filter(|part| uploaded(part, upload, others).is_some()).count();
    let mut files = Vec::new();
    let mut told = Vec::new();
    for index in 0..request.messages.len() {
        if parts_of(&request.messages[index]).iter().all(is_text) {
            continue;
        }
        // Behind results stands what a tool showed: refused again and again, it would end the conversation.
        let of_a_tool = index.checked_sub(1).is_some_and(|before| request.messages[before].role() == "tool");
        let is_last = last == Some(index) && request.messages[index].role() == "user" && !of_a_tool;
        let mut message = request.messages[index].value().clone();
        let Some(parts) = message["content"].as_array_mut() else { continue };
        let mut changed = false;
        for (at, part) in parts.iter_mut().enumerate().filter(|(_, part)| !is_text(part)) {
            let read = match uploaded(part, upload, others) {
                Some((kind, upload)) => {
                    to_come -= 1;
                    read(part, kind, upload, site, to_come, files.len() + 1)
                }
                None if others == OtherParts::Passed => continue,
                None => Err(not_taken(part, site)),
            };
            let text = match read {
                Ok(file) => {
                    let marker = format!("[{}: {}]", name(part), file.name);
                    files.push((index, file));
                    Some(marker)
                }
                Err(why) if is_last => {
                    return Err(InvalidRequest(format!("messages[{index}].content[{at}]: {why}")));
                }
                Err(_) if of_a_tool => {
                    told.push((index, left_out(part, upload)));
                    None
                }
                Err(_) => Some(left_out(part, upload)),
            };
            *part = text.map_or(Value::Null, |text| json!({"type": "text", "text": text}));
            changed = true;
        }
        if changed {
            parts.retain(|part| !part.is_null());
            if parts.iter().all(is_text) {
                message["content"] = parts.iter().map(text).collect::<Vec<_>>().join("\n").into();
            }
            request.messages[index] = Message::of(message);
        }
    }
    let files = since_the_last_answer(files, &request, last);
    tell_in_results(&mut request, &told);
    Ok((request, files))
}

/// Tells what a tool showed and no site gets inside the result: it is nothing that the person said.
fn tell_in_results(request: &mut ChatRequest, told: &[(usize, String)]) {
    for (index, text) in told {
        let mut result = request.messages[index - 1].value().clone();
        match &mut result["content"] {
            Value::Array(parts) => parts.push(json!({"type": "text", "text": text})),
            content => {
                let before = content.as_str().unwrap_or_default();
                let gap = if before.is_empty() { "" } else { "\n" };
                *content = format!("{before}{gap}{text}").into();
            }
        }
        request.messages[index - 1] = Message::of(result);
    }
    let mut at = 0;
    request.messages.retain(|message| {
        let emptied = told.iter().any(|(index, _)| *index == at) && message.value()["content"] == "";
        at += 1;
        !emptied
    });
}

/// The message that the client has just sent: the last one of the person or of a tool, whatever stands behind it.
fn just_sent(request: &ChatRequest) -> Option<usize> {
    request.messages.iter().rposition(|message| matches!(message.role(), "user" | "tool"))
}

/// The files, with what of them is new to a site that keeps the conversation: what came after the answer before the
/// words that were just sent. An answer behind these is one that the client has begun itself.
fn since_the_last_answer(
    files: Vec<(usize, PromptFile)>,
    request: &ChatRequest,
    last: Option<usize>,
) -> Vec<PromptFile> {
    if files.is_empty() {
        return Vec::new();
    }
    let before = &request.messages[..last.unwrap_or_default()];
    let answered = before.iter().rposition(|message| message.role() == "assistant");
    let is_new = |index: usize| answered.is_none_or(|answered| answered < index);
    files.into_iter().map(|(index, file)| PromptFile { is_new: is_new(index), ..file }).collect()
}

/// What a part is and how it is uploaded, if it is.
fn uploaded<'u>(
    part: &Value,
    upload: Option<&'u UploadRules>,
    others: OtherParts,
) -> Option<(FileKind, &'u UploadRules)> {
    let kind = file::kind(part)?;
    let upload = upload?;
    // An endpoint that takes pictures fetches them itself, as it always did.
    let passed = others == OtherParts::Passed && kind == FileKind::Picture && file::is_elsewhere(part);
    (upload.takes.contains(&kind) && !passed).then_some((kind, upload))
}

/// Reads the file with this number, which `to_come` others follow.
fn read(
    part: &Value,
    kind: FileKind,
    upload: &UploadRules,
    site: &Site,
    to_come: usize,
    number: usize,
) -> Result<PromptFile, String> {
    let UploadRules { max_bytes, max_files, .. } = upload;
    if *max_files <= to_come {
        return Err(format!("the site {} takes {max_files} files with one request; send no more", site.name));
    }
    PromptFile::read(part, kind, number, *max_bytes).map_err(|unusable| match unusable {
        UnusableFile::Elsewhere => {
            let kind = kind.as_str();
            format!("a {kind} that is elsewhere is never fetched; send its content as a data: URL")
        }
        UnusableFile::Broken => {
            format!("expected the content of the {} as base64 in a data: URL", kind.as_str())
        }
        UnusableFile::Large(bytes) => format!(
            "the {} has {bytes} bytes, and the site {} takes {max_bytes}; send a smaller one",
            kind.as_str(),
            site.name
        ),
    })
}

fn not_taken(part: &Value, site: &Site) -> String {
    let reached = if site.chat.upload.is_some() { "" } else { " is reached through text only and" };
    format!("the site {}{reached} takes no {}; send the request without it", site.name, name(part))
}

fn left_out(part: &Value, upload: Option<&UploadRules>) -> String {
    let why = if upload.is_some() { "" } else { ": this model is reached through text only" };
    format!("[{} left out{why}]", name(part))
}

fn is_text(part: &Value) -> bool {
    part.is_string() || ["text", "refusal"].iter().any(|key| part[key].is_string())
}

fn text(part: &Value) -> &str {
    part.as_str().or_else(|| part["text"].as_str()).or_else(|| part["refusal"].as_str()).unwrap_or_default()
}

/// What a person calls it; nothing of what the client wrote is repeated.
fn name(part: &Value) -> &'static str {
    file::kind(part).map_or("part of this kind", FileKind::as_str)
}

/// The parts of a message whose content is a list.
fn parts_of(message: &Message) -> &[Value] {
    // Most messages are texts, and a long one is not parsed for that.
    if !message.json().contains('[') {
        return &[];
    }
    message.value()["content"].as_array().map(Vec::as_slice).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use latchkey_shared::site::{SiteUrls, catalog::SiteCatalog};
    use serde_json::json;

    use super::*;

    /// A built-in site, with what its file says here of uploads replaced.
    fn site(name: &str) -> Site {
        let urls = SiteUrls::from([(name.parse().unwrap(), "http://127.0.0.1:1".parse().unwrap())]);
        let catalog = SiteCatalog::load(&[], &urls).unwrap();
        let mut site = Site::clone(catalog.sites().next().unwrap());
        if let Some(upload) = &mut site.chat.upload {
            upload.max_bytes = 8;
            upload.max_files = 2;
        }
        site
    }

    fn apart(site: &Site, messages: &Value) -> Result<(Vec<Value>, Vec<PromptFile>), InvalidRequest> {
        let body = json!({"model": "gradio", "messages": messages}).to_string();
        let request = ChatRequest::parse(body.as_bytes()).unwrap();
        let (request, files) = super::apart(request, site, OtherParts::of(site))?;
        Ok((request.messages.iter().map(|message| message.value().clone()).collect(), files))
    }

    fn user(parts: &[Value]) -> Value {
        json!({"role": "user", "content": parts})
    }

    fn text(text: &str) -> Value {
        json!({"type": "text", "text": text})
    }

    fn picture(url: &str) -> Value {
        json!({"type": "image_url", "image_url": {"url": url}})
    }

    fn file(name: &str, base64: &str) -> Value {
        json!({"type": "file", "file": {"filename": name, "file_data": base64}})
    }

    #[test]
    fn a_new_picture_is_refused_and_an_old_one_told_as_left_out() {
        let gradio = site("gradio");
        let question = json!({"role": "user", "content": "And [now]?"});
        let picture = user(&[text("What is this?"), picture("data:")]);

        let refused = apart(&gradio, &json!([question, picture])).unwrap_err();
        let (told, _) = apart(&gradio, &json!([picture, question])).unwrap();

        assert_eq!(
            refused.0,
            "messages[1].content[1]: the site gradio is reached through text only and takes no picture; send the \
             request without it"
        );
        let expected = "What is this?\n[picture left out: this model is reached through text only]";
        assert_eq!(told, [json!({"role": "user", "content": expected}), question]);
    }

    #[test]
    fn what_stands_behind_the_persons_last_words_makes_them_no_older() {
        let gradio = site("gradio");
        let sent = user(&[picture("data:")]);
        let prefill = json!({"role": "assistant", "content": "It is"});
        let result = json!({"role": "tool", "tool_call_id": "a", "content": "x"});

        assert!(apart(&gradio, &json!([sent, prefill])).is_err());
        assert!(apart(&gradio, &json!([sent, prefill, result])).is_ok());
    }

    #[test]
    fn a_file_is_new_whatever_answer_the_client_begins_behind_it() {
        let first = user(&[file("a.txt", "YQ==")]);
        let answer = json!({"role": "assistant", "content": "Yes."});
        let second = user(&[file("b.txt", "Yg==")]);

        let (_, files) = apart(&site("chainlit"), &json!([first, answer, second, answer])).unwrap();

        assert_eq!(files.iter().map(|file| file.is_new).collect::<Vec<_>>(), [false, true]);
    }

    #[test]
    fn texts_keep_their_bytes() {
        let body =
            r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"[1]"}],"x":1.10}]}"#;
        let request = ChatRequest::parse(body.as_bytes()).unwrap();

        let (request, _) = super::apart(request, &site("chainlit"), OtherParts::LeftOut).unwrap();

        assert!(body.contains(request.messages[0].json()), "{}", request.messages[0].json());
    }

    #[test]
    fn files_are_taken_out_and_named_where_they_stood() {
        let first = user(&[file("a.txt", "YQ=="), text("One?")]);
        let answer = json!({"role": "assistant", "content": "Yes."});
        let second = user(&[text("Two?"), picture("data:image/png;base64,Yg==")]);

        let (told, files) = apart(&site("chainlit"), &json!([first, answer, second])).unwrap();

        assert_eq!(told[0]["content"], "[file: a.txt]\nOne?");
        assert_eq!(told[2]["content"], "Two?\n[picture: picture-2.png]");
        let seen = |file: &PromptFile| (file.name.clone(), file.content.to_vec(), file.is_new);
        let expected = [("a.txt", b"a", false), ("picture-2.png", b"b", true)];
        let expected = expected.map(|(name, content, is_new)| (name.to_owned(), content.to_vec(), is_new));
        assert_eq!(files.iter().map(seen).collect::<Vec<_>>(), expected);
    }

    #[test]
    fn an_endpoint_that_takes_parts_is_passed_what_is_not_uploaded() {
        let parts = [
            picture("https://a.example/b.png"),
            file("a.txt", "YQ=="),
            picture("data:image/png;base64,Yg=="),
        ];

        let (told, files) = apart(&site("open-webui"), &json!([user(&parts)])).unwrap();

        assert_eq!(told, [user(&[parts[0].clone(), text("[file: a.txt]"), parts[2].clone()])]);
        assert_eq!(files.len(), 1);
    }

    #[test]
    fn what_is_beyond_a_bound_is_told_with_the_bound_and_older_files_give_way() {
        let chainlit = site("chainlit");
        let refused = |parts: &[Value]| apart(&chainlit, &json!([user(parts)])).unwrap_err().0;
        let [a, b, c] = ["a.txt", "b.txt", "c.txt"].map(|name| file(name, "YQ=="));

        assert_eq!(
            refused(&[file("a.txt", "MTIzNDU2Nzg5")]),
            "messages[0].content[0]: the file has 9 bytes, and the site chainlit takes 8; send a smaller one"
        );
        assert_eq!(
            refused(&[a.clone(), b.clone(), c.clone()]),
            "messages[0].content[0]: the site chainlit takes 2 files with one request; send no more"
        );
        assert_eq!(
            refused(&[text("?"), picture("https://a.example/b.png")]),
            "messages[0].content[1]: a picture that is elsewhere is never fetched; send its content as a data: URL"
        );
        assert_eq!(
            refused(&[picture("data:image/png;base64,?")]),
            "messages[0].content[0]: expected the content of the picture as base64 in a data: URL"
        );
        assert_eq!(
            refused(&[json!({"type": "video"})]),
            "messages[0].content[0]: the site chainlit takes no part of this kind; send the request without it"
        );
        let (told, files) = apart(&chainlit, &json!([user(&[a]), user(&[b]), user(&[c])])).unwrap();
        assert_eq!(told[0]["content"], "[file left out]");
        assert_eq!(files.iter().map(|file| file.name.as_str()).collect::<Vec<_>>(), ["b.txt", "c.txt"]);
    }
}
