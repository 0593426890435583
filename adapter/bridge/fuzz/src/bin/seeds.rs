//! Writes seeds and dictionary into a directory: `latchkey-fuzz-seeds DIRECTORY`.

use std::{fs, path::Path};

use anyhow::Context;
use latchkey_fuzz::seeds;

fn main() -> anyhow::Result<()> {
    let directory = std::env::args().nth(1).context("name the directory to write into")?;
    let directory = Path::new(&directory);
    for (target, inputs) in [("sieve", seeds::sieve()), ("repair", seeds::repair())] {
        let corpus = directory.join(target);
        fs::create_dir_all(&corpus).with_context(|| format!("cannot make {}", corpus.display()))?;
        for (number, input) in inputs.iter().enumerate() {
            let path = corpus.join(format!("seed-{number:03}"));
            fs::write(&path, input).with_context(|| format!("cannot write {}", path.display()))?;
        }
    }
    let path = directory.join("words.dict");
    fs::write(&path, seeds::dictionary()).with_context(|| format!("cannot write {}", path.display()))
}
