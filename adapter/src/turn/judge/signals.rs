//! The signals of each reading and what they weigh. Weights are set on the tuning half of the labelled set.

use super::{
    JudgedTurn, PrecedingMessage, VerdictReason,
    announcement::{Intent, IntentKind},
    chinese, claim, denial,
    denial::ToolDenial,
    english, handed, intent, language, patch,
    request::{Plan, UserRequest},
    shape,
    tail::{LastParagraph, TailKind},
    unread,
    words::{Sentence, SentenceEnd, sentences},
};

/// Bytes after which a last paragraph is no short announcement any more.
const SHORT_BYTES: usize = 400;
/// An answer of a line or two.
const LINE_BYTES: usize = 120;
/// Behind an announcement, so many may give its reason.
const EARLIER_SENTENCES: usize = 2;

/// Something that speaks for a missing call, or against it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signal {
    name: &'static str,
    weight: i32,
    /// The reason to leave the turn alone, if this weighs most against it.
    against: VerdictReason,
}

const fn speaks_for(name: &'static str, weight: i32) -> Signal {
    Signal { name, weight, against: VerdictReason::Unclear }
}

const fn against(name: &'static str, weight: i32, against: VerdictReason) -> Signal {
    Signal { name, weight: -weight, against }
}

pub(super) const EMPTY: Signal = speaks_for("empty", 100);
pub(super) const REQUIRED: Signal = speaks_for("required", 100);
/// Outweighs everything.
pub(super) const SPENT: Signal = against("nudges_spent", 1000, VerdictReason::Spent);

const OWN: Signal = speaks_for("own_action", 50);
const LOOSE: Signal = speaks_for("loose_action", 35);
/// The verbs of talk are few and those of work are many: an unknown one is enough after a tool result.
const VAGUE: Signal = speaks_for("unknown_action", 45);
const EARLIER: Signal = speaks_for("action_a_sentence_earlier", 40);
const AT_ONCE: Signal = speaks_for("at_once", 15);
/// A colon that nothing follows promises something by itself, an ellipsis does not.
const COLON: Signal = speaks_for("open_colon", 25);
const COLON_ALONE: Signal = speaks_for("open_colon_alone", 40);
const TOOL_RESULT: Signal = speaks_for("after_tool_result", 15);
/// The whole answer to somebody who wants work is a line that announces it.
const NOTHING_ELSE: Signal = speaks_for("nothing_but_an_announcement", 15);
/// "Sure", "got it", before an answer that does nothing.
const CONSENT: Signal = speaks_for("agrees_to_act", 15);
/// An edit or a command is said to follow, and nothing does.
const PROMISED: Signal = speaks_for("promised_and_absent", 35);
const UNFINISHED: Signal = speaks_for("unfinished_list", 50);
const STAGE: Signal = speaks_for("stage_direction", 50);
const TARGET: Signal = speaks_for("names_tool_or_file", 10);

const QUESTION: Signal = against("question", 80, VerdictReason::Asked);
const WAITING: Signal = against("waits_for_user", 80, VerdictReason::Asked);
const OFFER: Signal = against("offer", 80, VerdictReason::Offered);
const EARLIER_QUESTION: Signal = against("question_a_sentence_earlier", 25, VerdictReason::Asked);
const EARLIER_OFFER: Signal = against("offer_a_sentence_earlier", 40, VerdictReason::Offered);
/// "Send me the log. I'll look at it."
const EARLIER_STEP: Signal = against("step_of_the_user_a_sentence_earlier", 50, VerdictReason::Asked);
const NEGATED: Signal = against("negated", 80, VerdictReason::Negated);
const STANDING: Signal = against("standing_promise", 50, VerdictReason::Finished);
const DONE: Signal = against("finished", 50, VerdictReason::Finished);
const USERS_STEP: Signal = against("step_of_the_user", 50, VerdictReason::Asked);
const LONG: Signal = against("long_paragraph", 15, VerdictReason::Unclear);
const PLAN: Signal = against("plan_only", 100, VerdictReason::Planned);
/// The user wanted words. Weighs little: an explanation often starts with reading files.
const EXPLAIN: Signal = against("user_wants_words", 25, VerdictReason::Planned);
const REFUSED: Signal = against("call_refused_before", 80, VerdictReason::Refused);

const UNREAD: Signal = speaks_for("call_in_another_form", 70);
/// The person wrote it, or a file or result has it.
const QUOTED: Signal = against("quoted", 100, VerdictReason::Planned);

const DIFF: Signal = speaks_for("diff", 60);
const FILE: Signal = speaks_for("whole_file", 60);
const BY_HAND: Signal = speaks_for("edit_handed_over", 60);
const COMMAND: Signal = speaks_for("command_handed_over", 60);
const APPLIED: Signal = against("reports_an_edit", 80, VerdictReason::Finished);
const WANTED: Signal = against("user_wants_to_see", 80, VerdictReason::Planned);

const DENIED: Signal = speaks_for("denies_tools", 70);
const BRING: Signal = speaks_for("asks_for_a_file", 60);
const CAUSED: Signal = against("gives_a_cause", 60, VerdictReason::Refused);

/// Whatever says that nothing is left outweighs it.
pub(super) const UNMARKED: Signal = speaks_for("no_mark_of_the_end", 50);

const CLAIMED: Signal = speaks_for("change_without_call", 60);

const EDIT_TOOLS: &[&str] = &["edit", "write", "patch", "replace", "create", "update_file"];
const SHELL_TOOLS: &[&str] = &["bash", "shell", "exec", "terminal", "command", "run"];
const READ_TOOLS: &[&str] = &["read", "view", "glob", "grep", "list", "open", "search"];

/// Signals of one reading.
#[derive(Debug, Default)]
pub(super) struct Signals(Vec<Signal>);

impl Signals {
    pub(super) fn of(signal: Signal) -> Self {
        Self(vec![signal])
    }

    pub(super) fn add(&mut self, signal: Signal) {
        self.0.push(signal);
    }

    fn add_if(&mut self, holds: bool, signal: Signal) {
        if holds {
            self.0.push(signal);
        }
    }

    pub(super) fn score(&self) -> i32 {
        self.0.iter().map(|signal| signal.weight).sum()
    }

    /// The reason behind what weighs most against a nudge.
    pub(super) fn against(&self) -> VerdictReason {
        let heaviest = self.0.iter().min_by_key(|signal| signal.weight);
        heaviest.filter(|signal| signal.weight < 0).map_or(VerdictReason::Unclear, |signal| signal.against)
    }

    pub(super) fn into_pairs(self) -> Vec<(&'static str, i32)> {
        self.0.into_iter().map(|signal| (signal.name, signal.weight)).collect()
    }
}

/// Weighs whether the tail announces an action.
pub(super) fn announced(turn: &JudgedTurn<'_>, tail: &LastParagraph<'_>, request: UserRequest) -> Signals {
    let mut signals = Signals::default();
    signals.add_if(shape::is_unfinished_list(turn.text), UNFINISHED);
    let mut sentences = sentences(tail.prose);
    let Some((last, before)) = sentences.split_last_mut() else {
        leave_alone(turn, request, &mut signals);
        return signals;
    };
    if tail.ends != TailKind::Prose && last.end == SentenceEnd::Colon {
        last.end = SentenceEnd::Open; // what the colon promised follows
    }
    let last = &*last;
    let before = &*before;
    let intent = intent::find(last);
    let kind = intent.map(|intent| intent.kind);
    match kind {
        Some(IntentKind::Own) => signals.add(OWN),
        Some(IntentKind::Loose) => signals.add(LOOSE),
        Some(IntentKind::Vague) => signals.add(VAGUE),
        Some(IntentKind::Negated) => signals.add(NEGATED),
        Some(IntentKind::Talk) | None => {}
    }
    let acts_earlier = before
        .iter()
        .rev()
        .take(EARLIER_SENTENCES)
        .any(|sentence| intent::find(sentence).is_some_and(|intent| intent.kind == IntentKind::Own));
    signals.add_if(acts_earlier && kind != Some(IntentKind::Own), EARLIER);
    signals.add_if(kind.is_none() && tail.ends == TailKind::Prose && promises(last), PROMISED);
    signals.add_if(tail.ends == TailKind::Prose && shape::is_stage_direction(tail.prose), STAGE);
    let acts = acts_earlier || matches!(kind, Some(IntentKind::Own | IntentKind::Loose | IntentKind::Vague));
    signals.add_if(
        kind == Some(IntentKind::Loose) && has(last, &[" now "], &["马上", "现在", "立即", "这就", "正在"]),
        AT_ONCE,
    );
    signals.add_if(
        last.end == SentenceEnd::Colon,
        if acts || is_ellipsis(tail.prose) { COLON } else { COLON_ALONE },
    );
    signals.add_if(turn.answers == PrecedingMessage::ToolResult, TOOL_RESULT);
    let is_first = acts && turn.answers == PrecedingMessage::User;
    signals.add_if(is_first && agrees(before.first().unwrap_or(last)), CONSENT);
    let is_all = turn.text.len() <= LINE_BYTES && before.len() <= 1 && !request.words && !request.sight;
    signals.add_if(is_first && is_all, NOTHING_ELSE);
    signals.add_if(names_target(turn, tail.prose), TARGET);

    hands_back(before, last, tail, intent, &mut signals);
    note_end(last, kind, &mut signals);
    signals.add_if(tail.prose.len() > SHORT_BYTES, LONG);
    signals.add_if(kind != Some(IntentKind::Own) && request.words, EXPLAIN);
    let is_line = tail.ends == TailKind::Prose && turn.text.len() <= SHORT_BYTES;
    let looks = is_line && kind == Some(IntentKind::Own) && request.plan == Some(Plan::Mode) && looks(last);
    leave_alone(turn, UserRequest { plan: request.plan.filter(|_| !looks), ..request }, &mut signals);
    signals
}

/// Whether an answer opens by agreeing to act.
fn agrees(opening: &Sentence) -> bool {
    let bare = opening.words.trim_start_matches(' ');
    let starts = |phrases: &[&str]| phrases.iter().any(|phrase| bare.starts_with(phrase.trim_start()));
    starts(english::CONSENT) || starts(chinese::CONSENT) || language::consents(opening)
}

/// Adds what says that nothing is left for the model to do.
fn note_end(last: &Sentence, kind: Option<IntentKind>, signals: &mut Signals) {
    let is_done = has(last, english::DONE, chinese::DONE) || language::has(last, |language| &language.done);
    signals.add_if(is_done && !matches!(kind, Some(IntentKind::Own | IntentKind::Loose)), DONE);
    let users = has(last, english::USERS_STEP, chinese::USERS_STEP)
        || language::has(last, |language| &language.users);
    signals.add_if(kind != Some(IntentKind::Own) && users, USERS_STEP);
    let standing =
        has(last, english::STANDING, chinese::STANDING) || language::has(last, |language| &language.standing);
    signals.add_if(standing, STANDING);
}

/// Adds what gives the word to the user.
fn hands_back(
    before: &[Sentence],
    last: &Sentence,
    tail: &LastParagraph<'_>,
    intent: Option<Intent>,
    signals: &mut Signals,
) {
    let earlier = before.last();
    let depends = intent.is_some_and(|intent| handed::depends(last, intent.at));
    let announces = intent.is_some_and(|intent| matches!(intent.kind, IntentKind::Own | IntentKind::Loose));
    let asks_in_list =
        || tail.ends == TailKind::List && handed::is_list_of_questions(tail.behind, announces && looks(last));
    signals.add_if(handed::asks(last) || asks_in_list(), QUESTION);
    signals.add_if(handed::offers(last), OFFER);
    signals.add_if(depends || handed::waits(last), WAITING);
    let wonders = announces && earlier.is_some_and(handed::is_to_oneself);
    signals.add_if(!wonders && earlier.is_some_and(handed::asks), EARLIER_QUESTION);
    let gladly = |sentence: &Sentence| announces && sentence.has_any(english::GLADLY);
    signals.add_if(earlier.is_some_and(|earlier| handed::offers(earlier) && !gladly(earlier)), EARLIER_OFFER);
    signals.add_if(earlier.is_some_and(handed::orders), EARLIER_STEP);
}

/// "Here's the fix."
fn promises(sentence: &Sentence) -> bool {
    let opening = english::PROMISES.iter().find(|opening| sentence.words.starts_with(**opening));
    opening.is_some_and(|opening| {
        let rest = &sentence.words[opening.len() - 1..];
        english::PROMISED.iter().any(|noun| rest.contains(noun))
    })
}

/// Whether an announcement is one of reading, and of nothing else.
fn looks(sentence: &Sentence) -> bool {
    has(sentence, english::LOOKS, chinese::LOOKS) && !has(sentence, english::WRITES, chinese::WRITES)
}

fn is_ellipsis(prose: &str) -> bool {
    prose.trim_end().ends_with(['.', '…', '。'])
}

/// Weighs whether a call was written in a form that is none.
pub(super) fn call_as_text(turn: &JudgedTurn<'_>, request: UserRequest) -> Signals {
    let mut signals = Signals::default();
    let Some(block) = unread::find(turn.text, turn.tools) else { return signals };
    signals.add(UNREAD);
    let is_quoted = turn.user.contains(block) || turn.shown.is_some_and(|shown| shown.shows(block));
    signals.add_if(is_quoted, QUOTED);
    signals.add_if(request.sight || request.words, WANTED);
    leave_alone(turn, request, &mut signals);
    signals
}

/// Weighs whether an edit or a command was printed instead of called.
pub(super) fn patch_as_text(
    turn: &JudgedTurn<'_>,
    tail: &LastParagraph<'_>,
    request: UserRequest,
) -> Signals {
    let mut signals = Signals::default();
    let printed = patch::find(turn.text, tail.prose);
    let edits = declares(turn, EDIT_TOOLS);
    signals.add_if(edits && printed.diff, DIFF);
    signals.add_if(edits && printed.file, FILE);
    signals.add_if(edits && printed.by_hand, BY_HAND);
    signals.add_if(declares(turn, SHELL_TOOLS) && printed.command, COMMAND);
    if signals.score() == 0 {
        return signals;
    }
    signals.add_if(printed.applied, APPLIED);
    signals.add_if(request.sight || request.words, WANTED);
    leave_alone(turn, request, &mut signals);
    signals
}

/// Weighs whether the model denies having tools.
pub(super) fn denial(turn: &JudgedTurn<'_>, tail: &LastParagraph<'_>, request: UserRequest) -> Signals {
    let mut signals = Signals::default();
    if ![EDIT_TOOLS, SHELL_TOOLS, READ_TOOLS].iter().any(|names| declares(turn, names)) {
        return signals;
    }
    let Some(denial) = denial::find(turn.text, tail.prose) else { return signals };
    signals.add(if denial == ToolDenial::Bring { BRING } else { DENIED });
    signals.add_if(denial == ToolDenial::Caused, CAUSED);
    leave_alone(turn, request, &mut signals);
    signals
}

/// Weighs whether a change is reported that no call can have made.
pub(super) fn claimed(turn: &JudgedTurn<'_>, tail: &LastParagraph<'_>, request: UserRequest) -> Signals {
    let mut signals = Signals::default();
    if turn.edited || !declares(turn, EDIT_TOOLS) || !claim::is_in(tail.prose) {
        return signals;
    }
    signals.add(CLAIMED);
    signals.add_if(request.sight || request.words, WANTED);
    leave_alone(turn, request, &mut signals);
    signals
}

/// Whether a call of this tool may change a file: every one that does not only look.
pub(super) fn may_edit(tool: &str) -> bool {
    let name = tool.to_lowercase();
    let is = |names: &[&str]| names.iter().any(|known| name.contains(known));
    is(EDIT_TOOLS) || is(SHELL_TOOLS) || !is(READ_TOOLS)
}

/// Adds what speaks against any nudge.
fn leave_alone(turn: &JudgedTurn<'_>, request: UserRequest, signals: &mut Signals) {
    signals.add_if(request.plan.is_some(), PLAN);
    signals.add_if(turn.refused, REFUSED);
}

fn declares(turn: &JudgedTurn<'_>, names: &[&str]) -> bool {
    turn.tools.iter().any(|tool| names.iter().any(|name| tool.name.to_lowercase().contains(name)))
}

fn names_target(turn: &JudgedTurn<'_>, prose: &str) -> bool {
    prose.contains('`') || patch::has_path(prose) || turn.tools.iter().any(|tool| prose.contains(tool.name))
}

fn has(sentence: &Sentence, english: &[&str], chinese: &[&str]) -> bool {
    sentence.has_any(english) || sentence.has_any(chinese)
}
