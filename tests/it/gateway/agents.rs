//! Real OpenCode, Claude Code and Codex through the gateway, one channel for all: none loops, none ends by itself, and
//! the site is asked as often as it must be. And Codex without a gateway: nobody tells it of errors but the adapter.
//!
//! On the stand-in times are short; where somebody has brought a real gateway, the long ones run on it too.

use std::{
    fmt::Write,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use serde_json::Value;
use support::{
    model::{CallEnd, Reply},
    new_api::brought,
    opencode::Project,
    wait,
};

use crate::claude::asked::ModelRequest;

mod hands;
mod situations;
mod stage;

use hands::{Agent, Work};
use situations::{GatewaySituation, GatewayTrouble};
use stage::{AgentStage, Before, PLACES};

/// How often somebody is refused before places are free again.
const REFUSALS: usize = 2;
/// A client's first start took 12 s on two busy cores; asking again, 20.
const SOON: Duration = Duration::from_secs(60);
/// Longer than an adapter keeps a turn for whoever asks again.
const FREE: Duration = Duration::from_secs(15);

const AGENTS: [Agent; 3] = [Agent::ClaudeCode, Agent::OpenCode, Agent::Codex];

#[tokio::test(flavor = "multi_thread")]
async fn no_agent_loops_or_ends_by_itself() {
    let mut red = every_situation(Before::StandIn, &AGENTS, false).await;
    if brought().is_some() {
        red += &every_situation(Before::Real, &AGENTS, true).await;
    }
    assert!(red.is_empty(), "{red}");
}

#[tokio::test(flavor = "multi_thread")]
async fn codex_does_not_without_a_gateway() {
    let red = every_situation(Before::Nothing, &[Agent::Codex], brought().is_some()).await;

    assert!(red.is_empty(), "{red}");
}

async fn every_situation(before: Before, agents: &[Agent], long: bool) -> String {
    let mut stage = AgentStage::start(before).await;
    let names: Vec<String> = agents.iter().map(|agent| format!("{:>16}", format!("{agent:?}"))).collect();
    super::print(&format!("{:<32}{}", format!("{before:?}"), names.concat()));
    let mut red = String::new();
    for situation in situations::all(long) {
        let mut row = format!("{:<32}", situation.name);
        for agent in agents {
            let cell = stage.cell(*agent, &situation).await;
            let shown =
                cell.as_ref().map_or("RED".to_owned(), |asked| format!("{asked} of {}", situation.least));
            write!(row, "{shown:>16}").unwrap();
            if let Err(why) = cell {
                writeln!(red, "{before:?}, {}, {agent:?}: {why}", situation.name).unwrap();
            }
        }
        super::print(&row);
    }
    red
}

impl AgentStage {
    /// One agent in one situation; how often the site was asked.
    async fn cell(&mut self, agent: Agent, situation: &GatewaySituation) -> Result<usize, String> {
        self.script(agent, situation);
        let project = Project::new(situation.work.before());
        let outcome = match situation.trouble {
            GatewayTrouble::Interrupted => self.interrupt(agent, &project).await,
            GatewayTrouble::Full => self.full(agent, &project).await,
            GatewayTrouble::Killed => self.killed(agent, &project).await,
            GatewayTrouble::No | GatewayTrouble::First(_) => agent.run(&self.console, &project).await,
        };
        let outcome = match situation.trouble {
            GatewayTrouble::Interrupted => outcome,
            _ => outcome.and_then(|()| check(&project, situation.work)),
        };
        // Whoever was cut off holds a place for a moment.
        let free = || self.model.count(CallEnd::Running) + self.model.count(CallEnd::Held) == 0;
        let outcome = match wait::holds_within(FREE, free).await {
            true => outcome,
            false => outcome.and(Err("a place stays taken".to_owned())),
        };
        let asked = self.model.calls().iter().filter(|call| has_tools(&call.body)).count();
        let outcome = outcome.and_then(|()| match asked <= situation.least {
            true => Ok(asked),
            false => Err(format!("{} are enough", situation.least)),
        });
        outcome.map_err(|why| format!("{why}; the site was asked {asked} times"))
    }

    /// Has the site's model be in a situation from now on.
    fn script(&self, agent: Agent, situation: &GatewaySituation) {
        self.model.reset();
        let trouble = situation.trouble;
        let work = situation.work;
        let turns = AtomicUsize::new(0);
        self.model.always_with(move |request| {
            if !has_tools(request) {
                return Reply::text("A title");
            }
            let is_first = turns.fetch_add(1, Ordering::SeqCst) == 0;
            match trouble {
                GatewayTrouble::Interrupted => Reply::new().silence(),
                GatewayTrouble::Killed if is_first => Reply::pieces(&["I will ", "write"]).silence(),
                GatewayTrouble::First(reply) if is_first => reply(agent),
                _ => agent.answer(Reply::new(), work, ModelRequest::read(request).results),
            }
        });
    }

    /// Every place is taken until somebody has been told so.
    async fn full(&self, agent: Agent, project: &Project) -> Result<(), String> {
        let before = self.refused().await;
        for _ in 0..PLACES {
            self.model.will(Reply::text("Here.").hold());
        }
        let held = self.holding().await;
        wait::until(SOON, || self.model.count(CallEnd::Held) == PLACES).await;
        let refused = async {
            wait::until_some(SOON, async || (before + REFUSALS <= self.refused().await).then_some(())).await;
            self.model.release(PLACES);
        };
        let (ran, ()) = tokio::join!(agent.run(&self.console, project), refused);
        drop(held);
        ran
    }

    /// The agent's process dies before the site's first word: its place is free as soon as the gateway tells of it.
    async fn interrupt(&self, agent: Agent, project: &Project) -> Result<(), String> {
        let running = agent.run(&self.console, project);
        tokio::select! {
            ended = running => return ended.and(Err("it ended by itself".to_owned())),
            () = self.asked() => {}
        }
        match wait::holds_within(FREE, || self.model.count(CallEnd::Cancelled) > 0).await {
            true => Ok(()),
            false => Err("the site is never told".to_owned()),
        }
    }

    /// The adapter's process dies in the middle of the answer.
    async fn killed(&mut self, agent: Agent, project: &Project) -> Result<(), String> {
        let console = self.console.clone();
        let dies = async {
            self.asked().await;
            self.kill().await;
        };
        let (ran, ()) = tokio::join!(agent.run(&console, project), dies);
        ran
    }

    /// Completes once a turn of an agent is at the site.
    async fn asked(&self) {
        wait::until_some(SOON, async || {
            self.model.calls().iter().any(|call| has_tools(&call.body)).then_some(())
        })
        .await;
    }
}

/// Whether a request is a turn of an agent.
fn has_tools(request: &Value) -> bool {
    request["tools"].as_array().is_some_and(|tools| !tools.is_empty())
}

fn check(project: &Project, work: Work) -> Result<(), String> {
    let files = project.files();
    let is_so = |(name, content): &(&str, &str)| files.get(*name).is_some_and(|is| is == content);
    match files.len() == work.after().len() && work.after().iter().all(is_so) {
        true => Ok(()),
        false => Err(format!("there are {files:?}")),
    }
}
