//! Behind a gateway: whatever a site does, no client is told half an answer as a whole one, two answers as one, or
//! nothing at all; and a site is asked no more often than it must be.
//!
//! The gateway is the stand-in for new-api, which is held to the real one: where somebody has brought that
//! (`scripts/test --new-api PATH`), every cell runs on both, and both must say the same. Without it each pair of
//! dimensions runs on the stand-in.

use support::new_api::brought;

mod agents;
mod cells;
mod cover;
mod early;
mod faults;
mod killed;
mod raw;
mod stage;
mod table;
mod words;

use cells::GatewayCell;
use stage::GatewayStage;
use table::CellTable;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_lies_doubles_or_is_silent_behind_a_gateway() {
    let Some(binary) = brought() else {
        return assert_true(&run(&GatewayStage::stand_in().await, &cover::pairs()).await);
    };
    let cells = GatewayCell::all();
    let stand_in = GatewayStage::stand_in().await;
    let real = GatewayStage::real(&binary).await;
    // At once: most of the time they wait.
    let (stand_in, real) = tokio::join!(run(&stand_in, &cells), run(&real, &cells));
    assert_true(&real);
    assert_true(&stand_in);
    let differences = stand_in.differences(&real);
    assert!(differences.is_empty(), "{} cells differ:\n{}", differences.len(), differences.join("\n"));
}

async fn run(stage: &GatewayStage, cells: &[GatewayCell]) -> CellTable {
    let table = stage.run(cells).await;
    print(&format!("{}: {} cells: {}\n{}", stage.name, table.len(), table.total(), table.shown()));
    table
}

fn assert_true(table: &CellTable) {
    let wrong = table.wrong();
    assert!(wrong.is_empty(), "{} cells of {} are wrong:\n{}", wrong.len(), table.len(), wrong.join("\n"));
}

#[expect(clippy::print_stdout, reason = "the table is what this test shows")]
fn print(table: &str) {
    println!("{table}");
}
