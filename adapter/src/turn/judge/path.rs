//! Tells the path of a file from a word.

/// Whether a word ends like the name of a file.
pub(super) fn is_path(word: &str) -> bool {
    let Some((stem, extension)) = word.rsplit_once('.') else { return false };
    let is_extension =
        (1..=5).contains(&extension.len()) && extension.starts_with(|c: char| c.is_ascii_alphabetic());
    is_extension
        && (word.contains('/') || !stem.is_empty())
        && extension.chars().all(|c| c.is_ascii_alphanumeric())
}
