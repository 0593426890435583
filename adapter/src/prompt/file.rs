//! A picture, file or sound that came inside a client's request, in OpenAI's forms.
//!
//! Nothing is ever fetched: what a client only names an address of would be asked for from inside the operator's network.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD};
use bytes::Bytes;
use latchkey_shared::site::chat::upload::FileKind;
use serde_json::Value;

const UNKNOWN_TYPE: &str = "application/octet-stream";
/// Longest name that is told to a site, in characters.
const LONGEST_NAME: usize = 120;
/// Media types of files that come without one, by the ends of their names.
const TYPES: [(&str, &str); 12] = [
    ("csv", "text/csv"),
    ("gif", "image/gif"),
    ("html", "text/html"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("md", "text/markdown"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("txt", "text/plain"),
    ("wav", "audio/wav"),
    ("webp", "image/webp"),
];

/// A file of a prompt. Clones share its content, which is shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct PromptFile {
    /// Its name, without a path.
    pub name: String,
    /// Its media type, like `image/png`.
    pub media_type: String,
    /// What is in it.
    pub content: Bytes,
    /// Whether it came after the site's last answer.
    pub is_new: bool,
}

/// Why a part is no file that can be uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum UnusableFile {
    /// It is elsewhere.
    Elsewhere,
    /// Its content is not base64.
    Broken,
    /// It is too large: so many bytes.
    Large(usize),
}

impl fmt::Debug for PromptFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("File").field("size_bytes", &self.content.len()).finish_non_exhaustive()
    }
}

/// What a part of a message is, if it is no text.
pub(super) fn kind(part: &Value) -> Option<FileKind> {
    match part["type"].as_str()? {
        "image_url" | "image" | "input_image" => Some(FileKind::Picture),
        "file" | "input_file" | "document" => Some(FileKind::File),
        "input_audio" => Some(FileKind::Sound),
        _ => None,
    }
}

/// Whether a part only tells where its content is.
pub(super) fn is_elsewhere(part: &Value) -> bool {
    let (content, _, _) = told(part);
    content.is_none_or(|content| content.starts_with("http://") || content.starts_with("https://"))
}

impl PromptFile {
    /// Reads a part of a message, the file with this number in the conversation.
    ///
    /// # Errors
    /// Why it cannot be uploaded.
    pub(super) fn read(
        part: &Value,
        kind: FileKind,
        number: usize,
        max_bytes: usize,
    ) -> Result<Self, UnusableFile> {
        let (content, name, format) = told(part);
        if is_elsewhere(part) {
            return Err(UnusableFile::Elsewhere);
        }
        let (declared, base64) = match content.unwrap_or_default().strip_prefix("data:") {
            None => (None, content.unwrap_or_default()),
            Some(url) => {
                let (head, data) = url.split_once(',').ok_or(UnusableFile::Broken)?;
                let head = head.strip_suffix(";base64").ok_or(UnusableFile::Broken)?;
                (head.split(';').next().and_then(media_type), data)
            }
        };
        // Before it is decoded: four characters are three bytes.
        let size = base64.trim_end_matches('=').len() / 4 * 3;
        if max_bytes < size {
            return Err(UnusableFile::Large(size));
        }
        let content = STANDARD.decode(base64).map_err(|_| UnusableFile::Broken)?;
        if max_bytes < content.len() {
            return Err(UnusableFile::Large(content.len()));
        }
        let given = name.map(safe_name).filter(|name| !name.is_empty());
        let by_name = given.as_deref().or(format).and_then(type_of);
        let media_type =
            declared.or_else(|| by_name.map(str::to_owned)).unwrap_or_else(|| UNKNOWN_TYPE.to_owned());
        let name = given.unwrap_or_else(|| format!("{}-{number}", kind.as_str()));
        // Sites go by the end of a name, and titles of documents have none.
        let name = match TYPES.iter().find(|(_, each)| *each == media_type && !name.contains('.')) {
            Some((end, _)) => format!("{name}.{end}"),
            None => name,
        };
        Ok(Self { name, media_type, content: content.into(), is_new: false })
    }
}

/// Where a part has its content, its name, and the end that a name of its kind has.
fn told(part: &Value) -> (Option<&str>, Option<&str>, Option<&str>) {
    let picture = &part["image_url"];
    let file = &part["file"];
    let sound = &part["input_audio"];
    let content = [&picture["url"], picture, &file["file_data"], &sound["data"]];
    let content = content.into_iter().find_map(Value::as_str);
    (content, file["filename"].as_str(), sound["format"].as_str())
}

/// A name without a path, and without what has a meaning in a header.
fn safe_name(name: &str) -> String {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let safe = last.chars().filter(|char| !char.is_control() && !matches!(char, '"' | ';' | '[' | ']'));
    safe.take(LONGEST_NAME).collect::<String>().trim_matches([' ', '.']).to_owned()
}

fn type_of(name: &str) -> Option<&'static str> {
    let end = name.rsplit('.').next()?.to_ascii_lowercase();
    TYPES.iter().find(|(known, _)| *known == end).map(|(_, media_type)| *media_type)
}

/// A media type that may stand in a header (RFC 6838, section 4.2).
fn media_type(text: &str) -> Option<String> {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    let (kind, subtype) = text.trim().split_once('/')?;
    (text.len() <= LONGEST_NAME && is_name(kind) && is_name(subtype))
        .then(|| text.trim().to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(part: &Value) -> Result<(String, String, String), UnusableFile> {
        let file = PromptFile::read(part, kind(part).unwrap(), 2, 8)?;
        let content = String::from_utf8_lossy(&file.content).into_owned();
        Ok((file.name, file.media_type, content))
    }

    #[test]
    fn each_form_of_a_file_is_read() {
        let expected = |name: &str, media_type: &str, content: &str| {
            Ok((name.to_owned(), media_type.to_owned(), content.to_owned()))
        };
        let picture = json!({"type": "image_url", "image_url": {"url": "data:image/PNG;base64,aGk="}});
        let file =
            |name: &str, data: &str| json!({"type": "file", "file": {"filename": name, "file_data": data}});
        let sound = json!({"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}});

        assert_eq!(read(&picture), expected("picture-2.png", "image/png", "hi"));
        let path = file("../../etc/no\"te\r\n.md", "data:text/plain;charset=utf-8;base64,aGk=");
        assert_eq!(read(&path), expected("note.md", "text/plain", "hi"));
        let titled = file("report", "data:application/pdf;base64,aGk=");
        assert_eq!(read(&titled), expected("report.pdf", "application/pdf", "hi"));
        assert_eq!(read(&file("a.CSV", "aGk=")), expected("a.CSV", "text/csv", "hi"));
        assert_eq!(read(&file("..", "data:a b;base64,aGk=")), expected("file-2", UNKNOWN_TYPE, "hi"));
        assert_eq!(read(&sound), expected("sound-2.wav", "audio/wav", "hi"));
    }

    #[test]
    fn what_cannot_be_uploaded_is_told_apart() {
        let picture = |url: &str| json!({"type": "image_url", "image_url": {"url": url}});

        assert_eq!(read(&picture("https://a.example/b.png")), Err(UnusableFile::Elsewhere));
        assert_eq!(
            read(&json!({"type": "file", "file": {"file_id": "file-1"}})),
            Err(UnusableFile::Elsewhere)
        );
        for broken in ["data:image/png;base64,a", "data:image/png,red", "data:image/png;base64"] {
            assert_eq!(read(&picture(broken)), Err(UnusableFile::Broken), "{broken}");
        }
        assert_eq!(read(&picture("data:image/png;base64,MTIzNDU2Nzg5")), Err(UnusableFile::Large(9)));
        assert_eq!(read(&picture("data:image/png;base64,MTIzNDU2Nzg=")).unwrap().2, "12345678");
    }

    #[test]
    fn a_file_shows_nothing_of_itself() {
        let name = "secret.txt".to_owned();
        let content = Bytes::from_static(b"secret");
        let file = PromptFile { name, media_type: UNKNOWN_TYPE.to_owned(), content, is_new: true };

        assert_eq!(format!("{file:?}"), "File { size_bytes: 6, .. }");
    }
}
