//! A real Claude Code edits a file through a real Chainlit, over its socket.

use support::{claude, opencode::Project};

use super::{asked::ModelRequest, check, situations};
use crate::chainlit::ChainlitStage;

#[tokio::test]
async fn a_person_has_one_file_read_and_edited() {
    let site_file =
        include_str!("../../../shared/sites/chainlit.toml").replace("[\"chainlit\"]", "[\"practice-1\"]");
    let stage = ChainlitStage::with_site_file(&site_file).await;
    stage.sign_in().await;
    let mut situations = situations::all().into_iter();
    let situation = situations.find(|situation| situation.name == "read, then edit").unwrap();
    let answer = situation.answer;
    stage.model.model.always_with(move |request| answer(&ModelRequest::read(request)));
    let project = Project::new(&[("greeting.txt", "Hello, world!\n")]);

    let url = &stage.world.adapters[0].url;
    let run = claude::run(url, "practice-1", &project, "Greet Oslo in greeting.txt", &[]).await;

    check(&run, &project, &situation).unwrap_or_else(|why| panic!("{why}; {}", run.stderr));
    stage.world.stop().await;
}
