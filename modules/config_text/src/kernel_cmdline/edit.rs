//! From the tokens that are there and a wish to what happens to each token.

use super::rules::{
    Rule, contradicts_by_name, holds, is_positional, part_contradicts, parts, rule, satisfies, switches_off,
};
use super::{Token, Wish, carry_out, key_eq, parse};

/// What happens to one token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// It stays as it is.
    Keep,
    /// It goes, with the blanks that set it apart.
    Drop,
    /// Another token takes its place.
    Replace(Vec<u8>),
}

/// How far a token can be relied on, for one that is wanted and there more than once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Standing {
    /// It may not be there in the end: it is edited, but never what a wanted token relies on.
    Uncertain,
    /// It is there.
    Certain,
    /// It is there, and the one to keep.
    Preferred,
}

/// The way from the tokens that are there to those that are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    /// One action for each token, in order.
    pub actions: Vec<Action>,
    /// Tokens to add at the end of the kernel's part.
    pub append: Vec<Vec<u8>>,
    /// Tokens in the result that were not there before.
    pub added: Vec<Vec<u8>>,
    /// Tokens that were there before and are not in the result.
    pub removed: Vec<Vec<u8>>,
}

impl Edit {
    /// Whether the line is as wished already.
    pub fn is_noop(&self) -> bool {
        self.append.is_empty() && self.actions.iter().all(|action| *action == Action::Keep)
    }

    /// What `tokens`, which the edit was planned for, become; without what is appended.
    pub(crate) fn kept<'e>(&'e self, tokens: &[Token<'e>]) -> Vec<&'e [u8]> {
        let become_of = |(token, action): (&Token<'e>, &'e Action)| match action {
            Action::Keep => Some(token.raw),
            Action::Replace(raw) => Some(raw.as_slice()),
            Action::Drop => None,
        };
        tokens.iter().zip(&self.actions).filter_map(become_of).collect()
    }
}

/// A token on its way through the edit.
struct Work {
    raw: Vec<u8>,
    standing: Standing,
    dropped: bool,
    /// A wanted token relies on this one.
    kept_for_wish: bool,
    /// Contradicted a wanted token of its own key as a whole: the wanted one may take its place.
    slot: bool,
}

impl Work {
    fn new(raw: &[u8], standing: Standing) -> Work {
        Work { raw: raw.to_vec(), standing, dropped: false, kept_for_wish: false, slot: false }
    }

    fn token(&self) -> Token<'_> {
        Token::new(&self.raw)
    }

    fn live(&self) -> bool {
        !self.dropped
    }
}

/// Works out what happens to `tokens` so that `wish` holds: each wanted token exactly once (as itself or in
/// a comma list), contrary values gone, everything else kept in order. `standings` has one item a token; a
/// token without one is [`Standing::Preferred`].
pub fn plan(tokens: &[Token], wish: &Wish, standings: &[Standing]) -> Edit {
    let standings = standings.iter().copied().chain(std::iter::repeat(Standing::Preferred));
    let mut line: Vec<Work> =
        tokens.iter().zip(standings).map(|(token, standing)| Work::new(token.raw, standing)).collect();
    for work in &mut line {
        clear(work, wish);
    }
    let keepers: Vec<Option<usize>> = wish.wanted().map(|wanted| choose(&mut line, &wanted)).collect();
    let mut append = Vec::new();
    for (wanted, keeper) in wish.wanted().zip(keepers) {
        fold(&mut line, &wanted, keeper);
        let slot = |work: &&mut Work| {
            work.slot && work.standing != Standing::Uncertain && key_eq(work.token().key(), wanted.key())
        };
        if keeper.is_some() {
            continue;
        }
        match line.iter_mut().find(slot) {
            Some(work) => *work = Work { kept_for_wish: true, ..Work::new(wanted.raw, work.standing) },
            None => append.push(wanted.raw.to_vec()),
        }
    }
    finish(tokens, line, append)
}

/// Takes out of one token what the wish forbids.
fn clear(work: &mut Work, wish: &Wish) {
    let token = work.token();
    let key = token.key();
    let same_key = |raw: &Vec<u8>| key_eq(Token::new(raw).key(), key);
    let is_wanted = wish.wanted().any(|wanted| satisfies(&token, &wanted));
    let key_forbidden =
        wish.remove().iter().any(|raw| Token::new(raw).value().is_none() && same_key(raw)) && !is_wanted;
    let token_forbidden = wish.remove().iter().any(|raw| token.same(&Token::new(raw)));
    let by_name = wish.wanted().any(|wanted| contradicts_by_name(&token, &wanted));
    if key_forbidden || token_forbidden || by_name {
        work.dropped = true;
        return;
    }
    if rule(key) == Rule::Last {
        let contrary =
            wish.wanted().any(|wanted| key_eq(wanted.key(), key) && wanted.value() != token.value());
        work.dropped = contrary;
        work.slot = contrary;
        return;
    }
    if rule(key) != Rule::List || token.value().is_none() {
        return;
    }
    let contrary = |part: &[u8]| wish.wanted().any(|wanted| part_contradicts(key, part, &wanted));
    let listed = |part: &[u8]| {
        wish.remove().iter().filter(|raw| same_key(raw)).any(|raw| {
            let forbidden = parts(&Token::new(raw));
            forbidden.len() == 1 && forbidden.first() == Some(&part)
        })
    };
    let wanted_itself =
        |part: &[u8]| wish.wanted().any(|w| key_eq(w.key(), key) && parts(&w).contains(&part));
    let mut own_key_contrary = false;
    let all = parts(&token);
    let left: Vec<&[u8]> = all
        .iter()
        .copied()
        .filter(|part| {
            if wanted_itself(part) {
                return true;
            }
            let against = contrary(part) || (wish.iommu_on() && switches_off(key, part));
            own_key_contrary |= against;
            !against && !listed(part)
        })
        .collect();
    if left.len() == all.len() {
        return;
    }
    if left.is_empty() {
        work.slot = own_key_contrary;
        work.dropped = true;
    } else {
        work.raw = list_token(&token, &left);
    }
}

/// Chooses the token that gives what is wanted.
fn choose(line: &mut [Work], wanted: &Token) -> Option<usize> {
    let candidates: Vec<usize> = (0..line.len())
        .filter(|index| line[*index].live() && line[*index].standing != Standing::Uncertain)
        .filter(|index| satisfies(&line[*index].token(), wanted))
        .collect();
    let rank = |index: &usize| {
        let work = &line[*index];
        let extras = parts(&work.token()).len() > parts(wanted).len();
        (work.kept_for_wish, work.standing, extras)
    };
    let best = candidates.iter().map(rank).max()?;
    let mut best_ones = candidates.iter().copied().filter(|index| rank(index) == best);
    // Of repeated consoles the last one is the one that counts.
    let keeper = if rule(wanted.key()) == Rule::Repeat { best_ones.next_back() } else { best_ones.next() }?;
    line[keeper].kept_for_wish = true;
    Some(keeper)
}

/// Takes what is wanted out of every token but the one that gives it.
fn fold(line: &mut [Work], wanted: &Token, keeper: Option<usize>) {
    if is_positional(wanted.key()) {
        return;
    }
    for (index, work) in line.iter_mut().enumerate() {
        if Some(index) == keeper || !work.live() || work.kept_for_wish || !satisfies(&work.token(), wanted) {
            continue;
        }
        let token = work.token();
        let extras: Vec<&[u8]> = match rule(wanted.key()) {
            Rule::List => parts(&token).into_iter().filter(|part| !parts(wanted).contains(part)).collect(),
            _ => Vec::new(),
        };
        if extras.is_empty() {
            work.dropped = true;
        } else {
            work.raw = list_token(&token, &extras);
        }
    }
}

/// The token with another comma list.
fn list_token(token: &Token, left: &[&[u8]]) -> Vec<u8> {
    let value = left.join(&b',');
    let quote: &[u8] = if value.iter().any(|byte| super::is_blank(*byte)) { b"\"" } else { b"" };
    [token.key(), b"=", quote, &value, quote].concat()
}

fn finish(tokens: &[Token], line: Vec<Work>, append: Vec<Vec<u8>>) -> Edit {
    let mut edit = Edit { actions: Vec::with_capacity(line.len()), append, added: vec![], removed: vec![] };
    for (token, work) in tokens.iter().zip(line) {
        edit.actions.push(if work.dropped {
            Action::Drop
        } else if work.raw == token.raw {
            Action::Keep
        } else {
            edit.added.push(work.raw.clone());
            Action::Replace(work.raw)
        });
        if edit.actions.last() != Some(&Action::Keep) {
            edit.removed.push(token.raw.to_vec());
        }
    }
    edit.added.extend(edit.append.iter().cloned());
    edit
}

/// Edits a command line that is written plainly (`/etc/kernel/cmdline`, a boot entry's options). Bytes
/// outside the touched tokens stay; the edit of its own result changes nothing.
///
/// ```
/// use config_text::kernel_cmdline::{Wish, rewrite};
/// let wish = Wish::new(&["intel_iommu=on"], &[] as &[&str], true)?;
/// let (text, _) = rewrite(b"root=/dev/sda2 intel_iommu=off,igfx_off -- single", &wish);
/// assert_eq!(text, b"root=/dev/sda2 intel_iommu=igfx_off intel_iommu=on -- single");
/// # Ok::<(), config_text::kernel_cmdline::WishError>(())
/// ```
pub fn rewrite(text: &[u8], wish: &Wish) -> (Vec<u8>, Edit) {
    let edit = plan(&parse(text).tokens, wish, &[]);
    (carry_out(text, &edit.actions, &edit.append), edit)
}

impl Wish {
    /// Whether the tokens give everything that is wanted.
    pub fn held_by(&self, line: &[Token]) -> bool {
        self.wanted().all(|wanted| holds(line, &wanted))
    }
}
