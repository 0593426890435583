//! Takes one change back: restores the channels that it changed, deletes those that it made, and looks whether it is so.

use std::fmt::Write;

use anyhow::bail;

use super::{channel::Channel, gateway::Gateway, journal::Entry};

/// Takes a change back. Whatever of it was never done, or was undone before, is left as it is.
///
/// # Errors
/// When new-api is not as it was before.
pub(super) async fn undo(gateway: &Gateway, entry: &Entry) -> anyhow::Result<String> {
    let mut told = format!("takes back: {}\n", entry.command);
    let now = gateway.channels().await?;
    // Those of before first: somebody must serve while ours go.
    for before in &entry.before {
        let Some(channel) = now.iter().find(|channel| channel.id() == before.channel.id()) else { continue };
        let fields = channel.differing(&before.restoring());
        if fields.is_empty() {
            continue;
        }
        gateway.change(channel, &fields).await?;
        let names: Vec<&str> = fields.iter().map(|(field, _)| *field).collect();
        writeln!(told, "  restored  {}: {}", channel.name(), names.join(", ")).expect("a String takes all");
    }
    for channel in now.iter().filter(|channel| was_made(channel, entry)) {
        gateway.delete(channel).await?;
        writeln!(told, "  deleted   {}", channel.name()).expect("a String takes all");
    }
    let wrong = wrong(&gateway.channels().await?, entry);
    if !wrong.is_empty() {
        bail!("{told}\nnew-api is not as it was before:\n{}", wrong.join("\n"));
    }
    Ok(told)
}

/// A channel of ours under a name that nobody had before.
fn was_made(channel: &Channel, entry: &Entry) -> bool {
    channel.is_ours() && entry.made.iter().any(|name| name == channel.name())
}

fn wrong(now: &[Channel], entry: &Entry) -> Vec<String> {
    let mut wrong = Vec::new();
    for before in &entry.before {
        let name = before.channel.name();
        match now.iter().find(|channel| channel.id() == before.channel.id()) {
            None => wrong.push(format!("  {name} was deleted by somebody else")),
            Some(channel) if !channel.differing(&before.restoring()).is_empty() => {
                wrong.push(format!("  {name} does not keep what it was"));
            }
            Some(_) => {}
        }
    }
    let left = now.iter().filter(|channel| was_made(channel, entry));
    wrong.extend(left.map(|channel| format!("  {} is still there", channel.name())));
    wrong
}
