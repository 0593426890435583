//! Takes the openings of a Chinese clause off one by one, each with a part to play: who acts, when, whether at all.

use super::super::super::chinese;

/// Openings of one clause.
const OPENINGS: usize = 10;

/// The part that an opening of a clause plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opening {
    /// None: "那", "而且", "好".
    Filler,
    /// The model itself.
    Me,
    /// "这里".
    Place,
    /// Time of what comes next in speech: "现在", "先".
    Now,
    /// Of what comes next in speech or in a story: "然后", "重新".
    Then,
    /// Intention: "要", "打算", "需要".
    Will,
    /// "可以".
    Can,
    /// The contrary: "不", "无需".
    Not,
    /// It has happened: "已".
    Past,
    /// The user, or advice: "请", "记得".
    You,
    /// A condition.
    If,
}

const ROLES: [(Opening, &[&str]); 11] = [
    (Opening::Filler, chinese::FILLERS),
    (Opening::Me, chinese::ME),
    (Opening::Place, chinese::PLACES),
    (Opening::Now, chinese::NOW),
    (Opening::Then, chinese::THEN),
    (Opening::Will, chinese::WILL),
    (Opening::Can, chinese::CAN),
    (Opening::Not, chinese::NOT_OPENINGS),
    (Opening::Past, chinese::PAST_OPENINGS),
    (Opening::You, chinese::YOU),
    (Opening::If, chinese::IF),
];

/// The openings of a clause and what they leave.
#[derive(Debug, Default)]
pub(super) struct Head<'a> {
    pub(super) rest: &'a str,
    pub(super) is_mine: bool,
    pub(super) has_place: bool,
    pub(super) is_now: bool,
    pub(super) is_then: bool,
    /// The lead may stand by itself: "继续", "稍等".
    pub(super) goes_on: bool,
    pub(super) will: bool,
    pub(super) can: bool,
    /// "现在可以": at that time.
    pub(super) can_now: bool,
    /// And is about to: "可以开始".
    pub(super) begins: bool,
    /// The last opening is all that it needs: "开工".
    pub(super) is_all: bool,
    /// What keeps it from being an announcement.
    pub(super) bar: Option<Opening>,
}

impl<'a> Head<'a> {
    pub(super) fn of(clause: &'a str) -> Self {
        let mut head = Self { rest: clause.trim_start(), ..Self::default() };
        for _ in 0..OPENINGS {
            let Some((role, opening)) = opening(head.rest) else { break };
            // "要添加路由，编辑 X": without anybody before it, a purpose and no intention.
            let is_purpose =
                chinese::PURPOSES.contains(&opening) && !head.is_mine && !head.has_place && !head.is_led();
            let is_habit = chinese::HABITUAL.contains(&opening) && !head.is_mine && !head.is_now;
            head.take(match role {
                _ if is_habit => Opening::Past,
                _ if is_purpose => Opening::If,
                role => role,
            });
            head.goes_on |= chinese::GOING_ON.contains(&opening);
            head.begins |= (head.can || head.is_now) && chinese::BEGINNINGS.contains(&opening);
            head.is_all = chinese::ALONE.contains(&opening);
            head.rest = head.rest[opening.len()..].trim_start();
            if head.bar.is_some() {
                break;
            }
        }
        head
    }

    fn take(&mut self, role: Opening) {
        match role {
            Opening::Filler => {}
            Opening::Me => self.is_mine = true,
            Opening::Place => self.has_place = true,
            Opening::Now => self.is_now = true,
            Opening::Then => self.is_then = true,
            Opening::Will => self.will = true,
            Opening::Can => {
                self.can = true;
                self.can_now = self.is_now;
            }
            Opening::Not | Opening::Past | Opening::You | Opening::If => self.bar = Some(role),
        }
    }

    /// "开工", "逐个来", "马上去".
    pub(super) fn is_complete(&self) -> bool {
        let is_empty = self.rest.trim_end_matches([' ', '吧', '啦', '哦', '呀']).is_empty();
        let goes = self.will && (self.is_now || self.is_then);
        is_empty && (self.is_all || self.goes_on || goes)
    }

    pub(super) fn is_led(&self) -> bool {
        self.is_now || self.is_then || self.will
    }
}

/// The longest opening with which a clause begins.
fn opening(clause: &str) -> Option<(Opening, &'static str)> {
    if chinese::LONGER.iter().any(|word| clause.starts_with(word)) {
        return None;
    }
    let mut best: Option<(Opening, &'static str)> = None;
    for (role, words) in ROLES {
        for word in words {
            let is_longer = best.is_none_or(|(_, known)| known.len() < word.len());
            if is_longer && clause.starts_with(word) && is_whole(role, word, &clause[word.len()..]) {
                best = Some((role, word));
            }
        }
    }
    best
}

/// Letters go on as a word, characters do not; "简单的" is no adverb.
fn is_whole(role: Opening, word: &str, rest: &str) -> bool {
    let is_adjective = role == Opening::Filler && rest.starts_with('的');
    !is_adjective && (!word.ends_with(|c: char| c.is_ascii_alphabetic()) || rest.starts_with(' '))
}
