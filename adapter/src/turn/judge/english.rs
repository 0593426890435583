//! English phrases the judge knows, as `words` spells them: lower case, a space on either side.

/// The model speaks of what it does next. Adverbs may stand between the words.
pub(super) const OWN: &[&str] = &[
    "let me", "let's", "lets", "let us", "lemme", "i'll", "i will", "i'm going to", "i am going to", "im going to",
    "i need to", "i have to", "i've to", "i've got to", "i got to", "i gotta", "i should", "i must", "i want to",
    "i'd like to", "i would like to", "i'd want to", "i'd better", "i'd start", "i'd begin", "i can now", "i can go ahead",
    "i'm about to", "i am about to", "i shall", "i'm gonna", "i plan to", "i intend to", "i aim to", "i'm planning to",
    "i might as well", "i may as well", "we need to", "we have to", "we'll", "we will", "we shall", "we should",
    "we must", "we're going to", "we are going to", "we're about to", "we can now", "allow me to", "while i", "gonna",
    "i'm ready to", "i am ready to", "we're ready to", "i'd rather", "i would rather", "i'd prefer to",
];
/// With which words of it an announcement may begin.
pub(super) const FIRST_WORDS: &[&str] = &[
    "let", "let's", "lets", "lemme", "i", "i'll", "i'm", "im", "i've", "i'd", "we", "we'll", "we're", "allow", "while",
    "gonna",
];
/// The same at the beginning of a sentence, where the model leaves itself out.
pub(super) const OWN_BARE: &[&str] = &[
    "will", "going to", "about to", "need to", "have to", "gotta", "gonna", "got to", "want to", "my plan is to",
    "my next step is to", "the plan is to", "the next step is to", "the next thing is to", "the next thing to do is",
    "the next thing i need to do is", "what's left is to", "all that's left is to", "ready to",
];
/// What may stand in an announcement and changes nothing, besides those in -ly.
pub(super) const ADVERBS: &[&str] = &[
    "now", "then", "also", "just", "first", "next", "still", "further", "therefore", "thus", "once", "again", "too",
    "all", "both", "afterwards", "instead",
];

/// The model speaks of what it does not do.
pub(super) const NEGATED: &[&str] = &[
    " i won't ", " i'm not going to ", " i am not going to ", " i don't need to ", " i do not need to ",
    " no need to ", " we won't ", " we don't need to ", " hold off ", " i would not ", " i wouldn't ",
    " i'd rather not ", " i would rather not ", " i shouldn't ", " i don't want to ", " we shouldn't ",
];

/// Openings that lead over to an action without saying who acts.
pub(super) const TRANSITIONS: &[&str] = &[
    " now for ", " now on to ", " next up ", " time to ", " now to ", " now onto ", " then there's ", " ditto ", " over to the ", " consider it done ",
    " leave it to me ", " leave that to me ", " i can do that ", " almost there ", " nearly there ", " last file ", " same fix ", " same change ", " same for ", " same treatment ", " same edit ", " off to ", " on to ", " moving on ", " on it ",
    " i'm on it ", " give me a moment ", " one moment ", " give me a second ", " hang on ", " stand by ",
    " back to ",
    " now over to ", " then on to ", " and on to ", " onto ", " next stop ", " next on ", " time for ", " hold on ",
    " hold tight ", " bear with me ", " just a sec ", " just a moment ", " just a second ", " one sec ", " one second ",
    " give me a sec ", " give me a minute ", " give me one ", " here goes ", " here we go ", " coming right up ", " coming up ",
    " right on it ", " let's go ", " let's dive ", " let's get ", " working on it ", " on to ", " doing that ",
    " proceeding ", " continuing ", " onwards ", " onward ", " starting now ", " moving to ", " turning to ",
    " right away ", " now comes ", " next comes ", " then comes ", " first comes ",
    " it's time ", " now the interesting ", " now the fun ", " now comes the ", " one more ", " two more ", " three more ", " a few more ", " the next file ", " the next place ", " the next one ",
];

/// Work is named as left, without a verb of the model's.
pub(super) const REMAINS: &[&str] = &[
    " one more thing ", " one last thing ", " remaining piece ", " remaining step ", " remaining task ",
    " remaining file ", " remaining files ", " only thing left ", " that leaves ", " what's left ",
    " what remains ", " still need to ", " still needs ", " also needs ", " need changes ", " needs changes ", " has to change ", " have to change ", " must change ", " needs to change ",
    " need to change ", " need this ", " needs this ", " gets the same ", " get the same ", " next piece ", " next part ", " next task ",
    " remaining , ", " outstanding , ", " brings me to ", " brings us to ", " are in order ", " is in order ", " what i need is ", " what i need now ", " what we need is ", " what we need now ", " we need a ", " we need an ",
    " requires a change ", " require a change ", " also requires ", " we're missing ", " we are missing ", " still reference ",
    " needs to be updated ", " left to ",
    " still missing ", " still to do ", " to do , ", " todo , ", " up next ", " last piece ", " last step ",
    " final step ", " still has to ", " still have to ", " needs a ", " needs an ", " the rest of the ",
    " remains to ", " yet to be ", " next step is ", " next step , ", " next step ",
    " is next ", " are next ", " comes next ", " come next ", " to go , ", " more to go ", " files to go ", " two to go ",
    " one to go ", " three to go ", " is outstanding ", " are outstanding ", " still outstanding ", " still pending ",
    " is pending ", " are pending ", " i forgot to ", " i forgot the ", " i missed the ", " i haven't ", " i have not yet ",
    " hasn't been ", " haven't been ", " just leaves ", " only leaves ", " what's missing ", " is missing now ",
    " still missing ", " my next ", " the following step ", " next thing ", " is left ", " are left ", " left , ",
    " leaving only ", " also need ", " also needs ", " needs the same ", " need the same ", " not been updated yet ",
    " there's one more ", " there is one more ", " there's also one ", " leaves us with ", " we still have ", " i still have ", " are still two ", " is still one ", " still three ", " are still a few ",
];

/// Of somebody who agrees to act.
pub(super) const CONSENT: &[&str] = &[
    " sure ", " on it ", " got it ", " okay ", " ok ", " will do ", " understood ", " right away ", " of course ",
    " absolutely ", " certainly ", " no problem ", " sounds good ", " makes sense ", " sure thing ",
    " you got it ", " yep ", " yes ", " yeah ", " alright ", " roger ", " can do ", " great idea ", " good idea ", " good point ",
];

/// Openings that mean an action only before a colon.
pub(super) const ORDINALS: &[&str] = &[
    " first , ", " next , ", " now , ", " then , ", " now the ", " next the ", " then the ", " and now ",
    " and finally the ", " finally the ", " finally , ", " lastly the ", " lastly , ", " after that ", " after this ", " and then the ", " second , ", " third , ", " last one , ", " the last one , ",
];

/// Words an announcement may start with before it says anything.
pub(super) const LEADS: &[&str] = &[
    "now", "ok", "okay", "so", "next", "first", "then", "also", "still", "alright", "great", "perfect",
    "good", "and", "just", "currently", "sure", "right", "finally", "again", "quickly", ",", "step", "last",
    "one", "interesting", "hmm", "well", "yes",
];

/// A gerund followed by one of these soon is the subject of a statement: "adding a cache would help".
pub(super) const FINITE: &[&str] = &[
    "would", "is", "takes", "will", "should", "may", "can", "makes", "are", "does", "means", "has", "could",
    "requires", "needs", "might", "was", "works", "gives", "helps", "causes", "doesn't", "isn't", "won't",
    "did", "fixed", "made", "worked", "helped", "broke", "solved", "caused", "resolved", "gave", "took", "showed",
    "were", "cost", "costs", "brings", "brought", "returns", "prints", "shows", "passes", "produces", "yields", "succeeds", "fails",
    "reports", "responds", "keeps", "lets", "allows", "leads", "turns", "avoids", "prevents",
];

/// Who can do one of these is about to: "I can start on it".
pub(super) const BEGINNINGS: &[&str] = &["start", "begin", "proceed", "continue", "finally"];
/// What one has "to do" something with or about: "I have enough to start", "I have one more to convert".
pub(super) const HAD: &[&str] = &[
    "enough", "everything", "all", "what", "one", "two", "three", "four", "several", "more", "another", "the", "some", "a",
];
/// Behind a gerund, these go with its verb: "spinning up".
pub(super) const PARTICLES: &[&str] = &["up", "down", "out", "into", "through", "over", "off", "back", "in", "it", "that", "them", "both"];
/// Openings of a clause further on: "..., need to look again".
pub(super) const LATER: &[&str] = &["need to", "gonna", "gotta", "going to", "time to"];
/// What the user is told to do rather than what is done: "now restart the server".
pub(super) const HANDS: &[&str] = &[
    "restart", "open", "visit", "deploy", "reload", "refresh", "install", "set", "try", "go", "start", "launch", "see", "log", "use",
    "call", "watch", "switch", "follow",
];
/// In such a sentence.
pub(super) const DIRECTED: &[&str] = &[" so that ", " to try ", " to see ", " your ", " you ", " page ", " browser ", " effect "];
/// Behind a gerund, these tell how things are: "looking good".
pub(super) const HOW: &[&str] = &["good", "great", "fine", "well", "as", "correctly", "nicely"];
/// What happens again and again is nothing to be done now.
pub(super) const REPEATED: &[&str] = &[" each ", " every ", " whenever ", " after a ", " always ", " by the "];
/// "I'll add that it works": more is said, not done.
pub(super) const SUBJECTS: &[&str] = &["this", "it", "the", "you", "these", "there", "we", "i", "if", "all", "they", "a", "an"];
/// Behind one of these a verb is not the sentence's own.
pub(super) const RELATIVE: &[&str] = &["what", "where", "how", "whether", "why", "who", "which"];
/// Before an action that is a noun.
pub(super) const QUICK: &[&str] = &["quick", "brief", "final", "fast", "short"];

/// What tools do.
pub(super) const ACTIONS: &[&str] = &[
    "adapt", "add", "address", "adjust", "analyse", "analyze", "append", "apply", "archive", "assess",
    "attach", "attempt", "backup", "begin", "bind", "bring", "browse", "build", "bump", "cache", "call",
    "change", "check", "clean", "clear", "clone", "collect", "combine", "comment", "commit", "compare",
    "compile", "complete", "configure", "confirm", "consolidate", "continue", "convert", "copy", "correct",
    "count", "cover", "create", "cross", "cut", "debug", "decode", "define", "delegate", "delete", "deploy",
    "detect", "determine", "diagnose", "diff", "dig", "disable", "dive", "do", "document", "double",
    "downgrade", "download", "draft", "drop", "dump", "edit", "enable", "encode", "evaluate", "examine",
    "execute", "expand", "explore", "export", "expose", "extend", "extract", "fetch", "figure", "filter",
    "finalize", "find", "finish", "fix", "flatten", "follow", "format", "gather", "generalise", "generalize",
    "generate", "get", "go", "grab", "grep", "grow", "handle", "hook", "identify", "implement", "import",
    "improve", "include", "inline", "insert", "inspect", "install", "integrate", "investigate", "invoke",
    "isolate", "jump", "kick", "kill", "launch", "link", "lint", "list", "load", "locate", "log", "look",
    "loosen", "lower", "make", "map", "measure", "merge", "migrate", "mock", "modify", "monitor", "move",
    "narrow", "nest", "normalize", "open", "organize", "override", "overwrite", "parse", "pass", "patch",
    "peek", "perform", "pin", "pinpoint", "port", "prepare", "print", "probe", "proceed", "profile",
    "publish", "pull", "push", "put", "query", "raise", "re", "read", "rearrange", "rebase", "rebuild",
    "record", "reduce", "refactor", "refine", "regenerate", "register", "reload", "relocate", "remove",
    "rename", "reorder", "reorganize", "repair", "replace", "reproduce", "rerun", "reset", "resolve",
    "restart", "restore", "restructure", "retry", "reuse", "revert", "review", "rework", "rewrite", "roll",
    "run", "sanity", "save", "scan", "search", "see", "seed", "send", "set", "shrink", "simplify", "sort",
    "specialise", "split", "stage", "start", "stub", "study", "submit", "survey", "swap", "switch", "sync",
    "tackle", "take", "test", "tidy", "tighten", "toggle", "trace", "track", "transform", "translate", "trim", "truncate",
    "try", "tune", "tweak", "undo", "unify", "uninstall", "unlink", "update", "upgrade", "use", "validate",
    "verify", "view", "visit", "watch", "widen", "wire", "work", "wrap", "write",
];

/// What needs no tool, so that announcing it is as good as doing it.
pub(super) const TALK: &[&str] = &[
    "answer", "assume", "break", "clarify", "describe", "explain", "give", "hold", "keep", "know", "leave",
    "mention", "note", "outline", "point", "propose", "recap", "recommend", "say", "show", "stay", "suggest",
    "summarise", "summarize", "tell", "think", "wait", "walk", "remember", "avoid", "appreciate", "admit",
    "ask", "let",
    "trust", "stick", "pause", "believe", "treat", "accept", "defer", "await", "present", "share",
    "refer", "emphasize", "stress", "highlight", "caution", "warn", "thank", "apologize", "congratulate", "expect",
    "hope", "guess", "bet", "quote", "cite", "rephrase", "illustrate", "elaborate", "postpone", "refuse", "decline",
    "understand",
];

/// "I'm adding": a gerund follows within a word or two.
pub(super) const PROGRESSIVE: &[&str] = &[" i'm ", " i am ", " i'll be ", " i will be "];

/// A promise for all time to come is kept without a tool.
pub(super) const STANDING: &[&str] = &[
    " from now on ", " from here on ", " going forward ", " in the future ", " in future ", " next time ",
];

/// Words that turn an announcement into its contrary.
pub(super) const NOT: &[&str] = &["not", "never", "no"];

/// The sentence hands control back with an offer.
pub(super) const OFFERS: &[&str] = &[
    " let me know ", " feel free ", " if you'd like ", " if you want ", " if you prefer ", " if you like ",
    " if you need ", " if needed ", " if that's useful ", " happy to ", " glad to ", " glad that ",
    " just say ", " say the word ", " tell me ", " just ask ", " ping me ", " whenever you ", " i can also ",
    " i could also ", " i'm here if ", " i'm here to ", " i'm here for ", " i'm here whenever ", " i'm here should ", " i'm here when ", " would you like ", " you'd like me ", " want me to ",
    " at your disposal ", " anything else ", " message me ", " drop me ", " shoot me ", " dm me ", " text me ", " email me ", " mail me ",
    " write me ", " write to me ", " call me ", " ring me ", " contact me ", " reach me ", " reach out to me ", " reach out when", " reach out if ",
    " reach out any ", " reach out and ", " give me a shout ", " give me a call ", " give me a nudge ", " give me a ping ", " give me a heads up ",
    " hit me up ", " buzz me ", " nudge me ", " poke me ", " holler ", " get in touch ", " get back to me ", " come back to me ",
    " send me a message ", " leave me a ", " tag me ", " flag me ", " my inbox ", " my dms ",
];

/// The user has to act, answer or agree first.
pub(super) const WAITS: &[&str] = &[
    " once you ", " once you've ", " once you're ", " after you've ", " until you've ", " when you have ", " when you're ", " when you are ", " when you've ", " after you ", " as soon as ",
    " until you ", " unless you ", " waiting for ", " wait for you ", " wait for your ",
    " your confirmation ", " your approval ", " your go ahead ", " your decision ", " please provide ",
    " please confirm ", " please send ", " please choose ", " please let ", " please tell ",
    " please restart ", " please check ", " please try ", " please share ", " send me ", " please pick ",
    " which do you ", " over to you ", " hear back ", " your side ", " your end ", " your reply ",
    " your answer ", " your input ", " your feedback ", " your review ", " your call ", " up to you ",
    " from you ", " your go ", " before i can continue ", " before i can proceed ", " before i can go ", " before i can start ",
    " before i continue ", " before i proceed ",
];

/// Before an announcement, these make it depend on something.
pub(super) const CONDITIONS: &[&str] = &[
    " if ", " once ", " unless ", " in case ", " when you ", " should you ",
];

/// Before an announcement: the user's step comes first.
pub(super) const USERS_FIRST: &[&str] = &[
    " you'll need to ", " you need to ", " you will need to ", " you have to ", " you'll have to ", " need you to ",
    " you should first ", " you must ", " when you ", " after you ", " your ",
    " give me the ", " give me a go ", " give me your ", " your key ", " you pick ", " you choose ", " you decide ",
];

/// The work is reported as finished. Counts only where the same sentence announces nothing.
pub(super) const DONE: &[&str] = &[
    " done ", " fixed ", " complete ", " completed ", " finished ", " passes ", " pass ", " passed ",
    " green ", " in place ", " i've ", " i have ", " i updated ", " i added ", " i fixed ", " i changed ",
    " i created ", " i removed ", " committed ", " succeeds ", " succeeded ", " no errors ", " all set ",
    " no changes ", " is ready ",
];

/// Openings of a clause that gives the user something to do for the model.
pub(super) const ORDERS: &[&str] = &[
    " send me ", " send it ", " send over ", " give me ", " tell me ", " show me ", " get me ", " hand me ", " lend me ", " grant me ", " point me ",
    " log in ", " log into ", " sign in ", " sign into ", " visit ", " click ", " reload the ", " refresh the ", " share ", " paste ", " upload ",
    " attach ", " forward ", " post it ", " post the ", " pick one ", " choose one ", " decide ", " let me have ",
];
/// With one of these such a clause only asks for time.
pub(super) const PATIENCE: &[&str] = &[" moment ", " second ", " seconds ", " sec ", " minute ", " minutes ", " bit ", " while "];

/// The next step is the user's.
pub(super) const USERS_STEP: &[&str] = &[
    " you can ", " you'll ", " you may ", " you should ", " you need to ", " you have to ", " for you ",
    " you might ", " you will ",
];

/// Before a fence: the code is a new state of a file.
pub(super) const NEW_FILE: &[&str] = &[
    " updated ", " complete ", " full ", " corrected ", " modified ", " new version ", " revised ",
    " fixed version ", " final version ", " rewritten ", " refactored ", " here is ", " here's ",
];

/// Before a fence, or alone: the user is told to make the edit.
pub(super) const HANDED_OVER: &[&str] = &[
    " replace the contents ", " replace the content ", " replace it with ", " with the following ",
    " save this as ", " save it as ", " save the following ", " copy the ", " copy this ", " copy and paste ",
    " paste this ", " paste the following ", " add the following ", " add this to ", " add these ",
    " change line ", " to the following ", " insert the following ", " put this in ", " create a file ",
    " append the following ",
];
pub(super) const BY_HAND: &[&str] = &[" manually ", " by hand "];
pub(super) const COMMAND_HANDED_OVER: &[&str] = &[
    " please run ", " run the following ", " execute the following ", " in your terminal ",
];

/// The printed code is a report of what was done already.
pub(super) const APPLIED: &[&str] = &[
    " applied ", " i've ", " i have ", " i changed ", " i updated ", " i added ", " i made ", " i replaced ",
    " is fixed ", " is in ", " tests pass ", " committed ", " was changed ", " printed ", " you can use it ",
];

/// The model says it cannot; with `REACH` in the same sentence it means its tools.
pub(super) const CANNOT: &[&str] = &[
    " i can't ", " i cannot ", " i can not ", " unable to ", " not able to ", " i don't have direct ",
    " i don't have access ", " i do not have access ", " i do not have direct ", " don't have the ability ",
    " do not have the ability ", " don't have the capability ", " i have no tools ", " i have no way ",
    " i have no access ", " no tools available ", " tools aren't available ", " tools are not available ",
    " i don't have any tools ", " i don't have tools ", " don't have a way to ", " i lack ",
    " language model ", " chat model ", " no ability ", " don't have file ", " i have no ability ",
];
pub(super) const REACH: &[&str] = &[
    " file ", " files ", " filesystem ", " file system ", " code ", " codebase ", " project ", " repository ",
    " repo ", " computer ", " machine ", " terminal ", " commands ", " command line ", " tools ", " local ",
    " directly ", " environment ", " workspace ", " shell ", " system ", " repositories ", " directories ",
    " folder ", " directory ", " anything ",
];

/// The user is asked to bring what a tool could read.
pub(super) const BRING: &[&str] = &[
    " please paste ", " paste the ", " paste your ", " share the code ", " share your code ",
    " share the file ", " please upload ", " upload the ", " send me the file ", " provide the code ",
    " provide the contents ", " provide the file ", " share the contents ", " send me the code ",
    " copy the file ", " copy the code ", " drop the file ",
];
pub(super) const BROUGHT: &[&str] = &[
    " file ", " files ", " code ", " content ", " contents ", " source ", " function ", " class ", " ` ",
];

/// A cannot with one of these has a cause in the world rather than in missing tools.
pub(super) const CAUSES: &[&str] = &[
    " because ", " since you ", " since there ", " since it ", " as there ", " permission ", " declined ",
    " denied ", " rejected ", " outside ", " timed out ", " isn't installed ", " not installed ",
    " read only ", " doesn't exist ", " does not exist ", " no such ", " blocked ", " due to ",
];

/// Behind "the last step", these say that nothing is left.
pub(super) const LEFT_NOTHING: &[&str] = &[
    " done ", " complete ", " completed ", " finished ", " unchanged ", " as it is ", " as is ", " untouched ", " intact ",
    " passes ", " for later ", " for another ", " up to you ", " worked ", " would be ", " could be ", " you'd ", " you'll ", " in case ",
    " take effect ", " takes effect ", " don't have ", " way to ", " neither ", " yours ", " harmless ", " unrelated ", " to note ", " to know ", " to mention ",
];

/// Words of a sentence that say that nothing must happen.
pub(super) const NOTHING: &[&str] = &[
    " no ", " nothing ", " none ", " not ", " don't ", " doesn't ", " never ", " didn't ", " won't ", " needn't ",
];

/// Before a participle: what must happen.
pub(super) const MUST_BE: &[&str] = &[
    " needs to be ", " need to be ", " must be ", " has to be ", " have to be ", " can now be ", " still to be ",
    " remains to be ", " should now be ", " should also be ", " ought to be ", " must also be ", " yet to be ",
];
/// Participles that do not end in -ed.
pub(super) const PARTICIPLES: &[&str] = &[
    "rewritten", "written", "built", "rebuilt", "run", "rerun", "set", "reset", "split", "made", "cut", "put", "sent",
    "undone", "redone", "found", "brought", "taken", "swapped",
];

/// Actions whose past looks like their present.
pub(super) const LIKE_PAST: &[&str] = &["read", "put", "set", "cut", "reset", "split", "see", "get", "use", "do", "hit"];

/// Words in -ing that announce nothing.
pub(super) const NO_GERUND: &[&str] = &[
    "nothing", "something", "everything", "anything", "during", "regarding", "according", "including", "following",
    "interesting", "missing", "remaining", "having", "assuming", "considering", "string", "warning", "heading",
    "looking", "morning", "evening", "meaning", "leaving", "waiting", "pending", "existing", "depending", "using",
    "leading", "standing", "amazing", "exciting", "explaining", "summarizing", "summarising",
];

/// What is promised to follow.
pub(super) const PROMISES: &[&str] = &[" here's ", " here is ", " here are ", " here comes "];
pub(super) const PROMISED: &[&str] = &[
    " edit ", " edits ", " fix ", " patch ", " change ", " changes ", " diff ", " update ", " command ", " call ",
    " updated ", " corrected ", " revised ", " modified ", " new ", " tool ",
];

/// A question that opens like this and speaks of nobody is put to oneself.
pub(super) const WONDERS: &[&str] = &[
    " where ", " why ", " who ", " how ", " is ", " does ", " did ", " so what ", " so where ", " so why ", " what ", " are ",
    " but why ", " could ", " hmm ",
];
pub(super) const SPOKEN_TO: &[&str] = &[" you ", " your ", " i ", " we ", " us ", " me ", " should ", " shall ", " or "];

/// Before a participle: what the model says it has done.
pub(super) const HAVE: &[&str] = &[
    " i've ", " i have ", " i just ", " i ", " has been ", " have been ", " was ", " were ", " is now ", " are now ", " successfully ",
];
/// Participles of what only an editing tool does.
pub(super) const CLAIMS: &[&str] = &[
    "updated", "added", "changed", "edited", "created", "modified", "removed", "renamed", "written", "rewritten",
    "implemented", "replaced", "refactored", "fixed", "deleted", "saved", "patched", "applied", "inserted",
];

/// Openings of what the user is told to bear in mind.
pub(super) const ADVICE: &[&str] = &[
    " note ", " remember ", " make sure ", " keep in mind ", " be aware ", " bear in mind ", " please ", " don't forget ",
    " be sure ", " in production ",
];
/// An offer that agrees to act, where the action follows.
pub(super) const GLADLY: &[&str] = &[" happy to ", " glad to "];

/// What may be done while a plan is made, and what may not.
pub(super) const LOOKS: &[&str] = &[
    " read ", " reading ", " look ", " looking ", " check ", " checking ", " search ", " searching ", " explore ", " exploring ",
    " examine ", " inspect ", " open ", " grep ", " find ", " see ", " list ", " scan ", " view ", " review ", " investigate ",
];
pub(super) const WRITES: &[&str] = &[
    " plan ", " write ", " edit ", " change ", " add ", " update ", " create ", " implement ", " fix ", " remove ", " rename ",
    " replace ", " refactor ", " move ", " delete ", " run ", " approval ", " then ",
];
