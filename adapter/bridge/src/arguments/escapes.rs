//! Escapes of HTML in a command: some models write them although they are told not to.
//!
//! Files of HTML keep theirs, and so does what a command quotes. Outside of quotes no shell wants one: `a &amp;&amp; b`
//! runs `amp`.

use serde_json::Value;

/// Parameters that a shell reads.
const COMMANDS: &[&str] = &["command", "cmd", "commands"];

/// The escapes of what a shell gives a meaning.
const ESCAPES: &[&str] = &["&amp;", "&lt;", "&gt;", "&quot;", "&#39;", "&apos;"];

/// The parameter whose command can only be escaped, if there is one.
pub(super) fn in_a_command(arguments: &Value) -> Option<&str> {
    let fields = arguments.as_object()?;
    let escaped = |(name, value): &(&String, &Value)| {
        COMMANDS.contains(&name.to_ascii_lowercase().as_str()) && value.as_str().is_some_and(is_escaped)
    };
    fields.iter().find(escaped).map(|(name, _)| name.as_str())
}

/// Whether escapes stand outside of quotes, and nothing that they would stand for.
fn is_escaped(command: &str) -> bool {
    let mut quote = None;
    let mut found = false;
    for (at, c) in command.char_indices() {
        match (quote, c) {
            (None, '&') if ESCAPES.iter().any(|escape| command[at..].starts_with(escape)) => found = true,
            // Who writes the letter itself does not escape it.
            (_, '&' | '<' | '>') if !ESCAPES.iter().any(|escape| command[at..].starts_with(escape)) => {
                return false;
            }
            (None, '"' | '\'') => quote = Some(c),
            (Some(open), c) if open == c => quote = None,
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_shell_wants_is_an_escape() {
        for escaped in ["cd a &amp;&amp; ls", "echo a &gt; b", "cat &lt; a | wc &amp;"] {
            assert!(is_escaped(escaped), "{escaped}");
        }
        for meant in [
            "grep '&amp;' a.html",
            "sed \"s/&lt;/x/\" a",
            "ls && grep &amp; a",
            "cat > a.html <<EOF\n&amp;\nEOF",
            "ls",
        ] {
            assert!(!is_escaped(meant), "{meant}");
        }
    }
}
