//! How much of what was counted a client counts for: none teaches a lesson alone.

/// With fewer outcomes nothing is learned.
pub(super) const ENOUGH: u64 = 30;
/// So many of them count of one client: none teaches a lesson alone.
const OF_ONE_CLIENT: u64 = ENOUGH / 2;
/// The kinds of clients that are told apart.
pub(super) const CLIENTS: u8 = 16;

/// The sums of what was counted for several clients, of which each counts for so many at most; and all of it.
pub(super) fn shares<'a, const N: usize>(clients: impl Iterator<Item = &'a [u64; N]>) -> ([u64; N], u64) {
    let mut sums = [0; N];
    let mut total = 0;
    for counts in clients {
        let all: u64 = counts.iter().sum();
        let counted = all.min(OF_ONE_CLIENT);
        for (sum, count) in sums.iter_mut().zip(counts) {
            *sum += (count * counted).checked_div(all).unwrap_or(0);
        }
        total += counted;
    }
    (sums, total)
}
