//! What is no CSS selector, as people write them: `XPath`, other tools' own words, a quote too few.
//!
//! The browser has the last word; here the usual mistakes are told before it starts.

/// Words of other tools, and what to write here.
const FOREIGN: [(&str, &str); 9] = [
    (":contains(", "is jQuery's; CSS cannot look for text: name an id, a name or a type"),
    (":has-text(", "is Playwright's; CSS cannot look for text: name an id, a name or a type"),
    (":text(", "is Playwright's; CSS cannot look for text: name an id, a name or a type"),
    ("text=", "is Playwright's; CSS cannot look for text: name an id, a name or a type"),
    (">>", "is Playwright's; shadow roots are pierced without it: write a space"),
    ("::shadow", "is no CSS any more; shadow roots are pierced without it: write a space"),
    (":visible", "is jQuery's; only what is visible is looked for: leave it out"),
    (":eq(", "is jQuery's; write :nth-of-type(1) for the first"),
    ("xpath=", "is Playwright's, and XPath is not understood; write CSS, like input[name=username]"),
];

/// Looks for the usual mistakes.
///
/// # Errors
/// What is wrong and what to write instead.
pub(super) fn check(selector: &str) -> Result<(), String> {
    let text = selector.trim();
    if text.is_empty() {
        return Err("the selector is empty; write CSS, like input[name=username]".to_owned());
    }
    if text.starts_with(['/', '(']) || text.starts_with("./") {
        return Err(format!("{text:?} is XPath; write CSS, like input[name=username]"));
    }
    if text.contains(['“', '”', '‘', '’']) {
        return Err(format!("{text:?} has typographic quotes; write straight ones"));
    }
    let outside = without_quoted(text).ok_or_else(|| format!("{text:?} has a quote that is not closed"))?;
    if let Some((word, why)) = FOREIGN.iter().find(|(word, _)| outside.contains(word)) {
        return Err(format!("`{word}` {why}"));
    }
    for (open, close) in [('[', ']'), ('(', ')')] {
        let count = |bracket: char| outside.chars().filter(|letter| *letter == bracket).count();
        if count(open) != count(close) {
            return Err(format!("{text:?} has a `{open}` or `{close}` too many; close what is open"));
        }
    }
    if outside.starts_with(['>', '+', '~', ',']) || outside.ends_with(['>', '+', '~', ',']) {
        return Err(format!("{text:?} begins or ends in the middle; name an element on both sides"));
    }
    attributes(text, &outside)?;
    match outside.split('#').skip(1).find(|id| id.starts_with(|first: char| first.is_ascii_digit())) {
        Some(_) => Err(format!("{text:?}: an id that begins with a digit is written [id=\"1a\"]")),
        None => Ok(()),
    }
}

/// A value without quotes is one word.
fn attributes(text: &str, outside: &str) -> Result<(), String> {
    let word = |letter: char| letter.is_alphanumeric() || matches!(letter, '-' | '_' | '\\' | '"');
    for attribute in outside.split('[').skip(1).filter_map(|rest| rest.split(']').next()) {
        let Some((name, value)) = attribute.split_once('=') else { continue };
        let value = value.trim().trim_end_matches(" i").trim_end_matches(" s");
        let begins = value.starts_with(|first: char| !first.is_ascii_digit() && word(first));
        if !begins || !value.chars().all(word) {
            let name = name.trim_end_matches(['~', '|', '^', '$', '*']);
            return Err(format!("{text:?}: put the value of {name} between single quotes: [{name}='...']"));
        }
    }
    Ok(())
}

/// The selector with `""` in place of each quoted text; `None` when one is not closed.
fn without_quoted(text: &str) -> Option<String> {
    let mut outside = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['"', '\'']) {
        let quote = &rest[at..=at];
        outside.push_str(&rest[..at]);
        outside.push_str("\"\"");
        rest = rest[at + 1..].split_once(quote)?.1;
    }
    outside.push_str(rest);
    Some(outside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_of_real_pages_are_right() {
        for right in [
            "input[name=username]",
            "#chat",
            "button[type='submit']:not(:disabled)",
            "form > input[aria-label=\"Sign in, please\" i]",
            "div:has(> .a) ~ p, a[href^='/login?next=']",
            "input[data-testid=textbox]",
            "[name='user.name']",
        ] {
            assert_eq!(check(right), Ok(()), "{right}");
        }
    }

    #[test]
    fn what_is_none_is_told_with_what_to_write() {
        for (wrong, part) in [
            ("", "empty"),
            ("//input[@name='user']", "XPath"),
            ("(//button)[1]", "XPath"),
            ("button:has-text('Sign in')", "Playwright"),
            ("text=Sign in", "Playwright"),
            ("button:contains('Sign in')", "jQuery"),
            ("input[name=user", "too many"),
            ("input[name='user]", "not closed"),
            ("input[name=“user”]", "straight"),
            ("input[name=user.name]", "single quotes: [name='...']"),
            ("button[aria-label=Sign in]", "single quotes: [aria-label='...']"),
            ("#1a", "[id=\"1a\"]"),
            ("form >", "in the middle"),
        ] {
            let told = check(wrong).unwrap_err();
            assert!(told.contains(part), "{wrong}: {told}");
        }
    }
}
