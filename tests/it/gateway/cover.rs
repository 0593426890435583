//! A small set of cells in which each value of each dimension meets each value of every other: most faults need two.

use std::collections::BTreeSet;

use rand::{RngExt, SeedableRng, rngs::StdRng};

use super::cells::{GatewayCell, SIZES, places};

/// The same cells every time.
const SEED: u64 = 15;
/// Of how many the best is taken.
const TRIED: usize = 40;

/// Two places in two dimensions.
type Pair = (usize, usize, usize, usize);

/// The cells.
pub(super) fn pairs() -> Vec<GatewayCell> {
    let mut random = StdRng::seed_from_u64(SEED);
    let places: Vec<[usize; 6]> = places().collect();
    let mut missing: BTreeSet<Pair> = places.iter().flat_map(of).collect();
    let mut cells = Vec::new();
    while let Some(&first) = missing.iter().next() {
        let fitting: Vec<&[usize; 6]> =
            places.iter().filter(|places| of(places).any(|pair| pair == first)).collect();
        let candidates = (0..TRIED).map(|_| fitting[random.random_range(0..fitting.len())]);
        let best = candidates.max_by_key(|places| of(places).filter(|pair| missing.contains(pair)).count());
        let best = best.expect("some are tried");
        for pair in of(best) {
            missing.remove(&pair);
        }
        cells.push(GatewayCell::at(*best));
    }
    cells
}

fn of(places: &[usize; 6]) -> impl Iterator<Item = Pair> {
    let dimensions = (0..places.len()).flat_map(|one| (one + 1..SIZES.len()).map(move |other| (one, other)));
    dimensions.map(|(one, other)| (one, places[one], other, places[other]))
}

#[test]
fn a_few_cells_have_every_pair() {
    let cells = pairs();

    let largest = SIZES[0];

    let next = SIZES[1];
    assert!((largest * next..2 * largest * next).contains(&cells.len()), "{} cells", cells.len());
}
