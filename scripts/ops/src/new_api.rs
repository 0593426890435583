//! `new-api`: the channels of new-api for the adapters, in stages, and back.

use std::{collections::BTreeMap, path::PathBuf, process::ExitCode};

use anyhow::{Context, bail, ensure};
use clap::{Args, Subcommand};
use serde_json::json;

use crate::{output, secret};

mod adapter;
mod channel;
mod gateway;
mod journal;
mod plan;
mod rollout;
mod settings;
mod shown;
mod undo;

use adapter::Health;
use channel::Channel;
use gateway::Gateway;
use journal::Journal;
use plan::Plan;
use rollout::Rollout;
use settings::RequiredSetting;

/// What to do with new-api's channels.
#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    command: NewApiCommand,
    /// The rollout file; its journal is kept beside it.
    #[arg(long, global = true, default_value = "rollout.toml")]
    rollout: PathBuf,
}

#[derive(Subcommand)]
enum NewApiCommand {
    /// Shows what apply would change, and the settings of new-api that bite.
    Plan {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
    /// Makes and corrects the channels of the adapters; done twice, it changes nothing the second time.
    Apply,
    /// Gives this percentage of the requests to the adapters; at 100 the channels of before are the fallback.
    Stage {
        /// The percentage, like 5, 25, 50 or 100; 0 is what apply begins with.
        #[arg(value_parser = clap::value_parser!(u8).range(0..=100))]
        percent: u8,
    },
    /// Restores what was there before the last apply or stage, also one that was broken off.
    Rollback {
        /// Before the first one.
        #[arg(long)]
        all: bool,
    },
    /// Shows the channels beside the health of the adapters behind them.
    Status {
        /// As JSON.
        #[arg(long)]
        json: bool,
    },
}

/// A rollout and its new-api.
struct RolloutContext {
    rollout: Rollout,
    gateway: Gateway,
    version: String,
    journal: Journal,
}

/// Does what the options say.
///
/// # Errors
/// Whatever keeps it from being done, with what to do.
pub(crate) async fn run(options: Options) -> anyhow::Result<ExitCode> {
    let mut rolling = RolloutContext::open(&options.rollout).await?;
    match options.command {
        NewApiCommand::Plan { json } => rolling.show_plan(json).await?,
        NewApiCommand::Apply => {
            let stage = rolling.journal.stage();
            rolling.apply("apply", stage).await?;
        }
        NewApiCommand::Stage { percent } => {
            ensure!(
                rolling.journal.last().is_some(),
                "there is nothing to share with yet: scripts/new-api apply comes first"
            );
            rolling.apply(&format!("stage {percent}"), percent).await?;
        }
        NewApiCommand::Rollback { all } => rolling.roll_back(all).await?,
        NewApiCommand::Status { json } => rolling.show_status(json).await?,
    }
    Ok(ExitCode::SUCCESS)
}

impl RolloutContext {
    async fn open(path: &std::path::Path) -> anyhow::Result<Self> {
        let mut rollout = Rollout::read(path)?;
        let token = match &rollout.token_file {
            Some(file) => secret::from_file(file)?,
            None => secret::asked_for("access token of new-api")?,
        };
        let gateway = Gateway::new(rollout.url.clone(), token, rollout.user)?;
        let version = gateway.version().await?;
        if rollout.models.is_empty() {
            let key = secret::from_file(&rollout.key_file)?;
            rollout.models = adapter::models(&rollout.adapters[0], &key).await?;
        }
        let kinds = gateway.kinds().await?;
        let best = if kinds.contains(&rollout::PASSING) { rollout::PASSING } else { rollout::OPENAI };
        let kind = rollout.kind.unwrap_or(best);
        ensure!(
            kinds.contains(&kind),
            "{}: type: new-api {version} has no channels of type {kind}",
            path.display()
        );
        rollout.kind = Some(kind);
        let journal = Journal::open(path, rollout.url.as_str())?;
        Ok(Self { rollout, gateway, version, journal })
    }

    fn plan(&self, channels: &[Channel], stage: u8) -> anyhow::Result<Plan> {
        plan::plan(&self.rollout, channels, stage, |channel| self.journal.weight_before(channel))
    }

    async fn show_plan(&self, json: bool) -> anyhow::Result<()> {
        let stage = self.journal.stage();
        let channels = self.gateway.channels().await?;
        let plan = self.plan(&channels, stage)?;
        let settings = self.settings(&channels).await?;
        if json {
            let new_api = json!({"url": self.rollout.url.as_str(), "version": self.version});
            return output::print_json(
                &json!({"new_api": new_api, "stage": stage, "plan": plan, "settings": settings}),
            );
        }
        let head = self.head();
        let plan = shown::plan(&plan);
        output::print(&format!("{head}\n{plan}\n{}", shown::settings(&settings)))
    }

    async fn settings(&self, channels: &[Channel]) -> anyhow::Result<Vec<RequiredSetting>> {
        let Rollout { models, adapters, .. } = &self.rollout;
        Ok(settings::check(self.gateway.settings().await?.as_ref(), models, channels, adapters))
    }

    async fn apply(&mut self, command: &str, stage: u8) -> anyhow::Result<()> {
        let plan = self.plan(&self.gateway.channels().await?, stage)?;
        if plan.is_empty() && self.journal.last().is_some_and(|last| !last.open && last.stage == stage) {
            return output::print(&format!("{}\n{}", self.head(), shown::plan(&plan)));
        }
        let key = match plan.creations.is_empty() {
            true => None,
            false => Some(secret::from_file(&self.rollout.key_file).context("the key of the new channels")?),
        };
        self.journal.begin(command, stage, &plan)?;
        for creation in &plan.creations {
            let key = key.as_ref().expect("it was read for them");
            self.gateway.create(&creation.name, &creation.fields, key).await?;
        }
        for change in &plan.changes {
            self.gateway.change(&change.channel, &change.fields).await?;
        }
        let left = self.plan(&self.gateway.channels().await?, stage)?;
        if !left.is_empty() {
            bail!(
                "new-api took the changes and did not keep them all; scripts/new-api rollback takes them back:\n{}",
                shown::plan(&left)
            );
        }
        self.journal.end()?;
        output::print(&format!(
            "{}\n{}\ndone; scripts/new-api rollback takes it back",
            self.head(),
            shown::plan(&plan)
        ))
    }

    async fn roll_back(&mut self, all: bool) -> anyhow::Result<()> {
        ensure!(self.journal.last().is_some(), "there is nothing to take back: nothing was applied");
        let mut told = self.head();
        while let Some(entry) = self.journal.last().cloned() {
            told += &undo::undo(&self.gateway, &entry).await?;
            self.journal.undone()?;
            if !all {
                break;
            }
        }
        output::print(&format!("{told}\nnew-api is as it was"))
    }

    async fn show_status(&self, json: bool) -> anyhow::Result<()> {
        let channels = self.gateway.channels().await?;
        let of_the_rollout = |channel: &&Channel| {
            channel.is_ours() || channel.serves(&self.rollout.models, &self.rollout.groups)
        };
        let settings = self.settings(&channels).await?;
        let channels: Vec<&Channel> = channels.iter().filter(of_the_rollout).collect();
        let mut health = Vec::new();
        for adapter in &self.rollout.adapters {
            health.push((adapter, adapter::health(adapter).await));
        }
        if json {
            let new_api = json!({"url": self.rollout.url.as_str(), "version": self.version});
            let stage = self.journal.stage();
            let adapters: BTreeMap<&str, &Health> =
                health.iter().map(|(adapter, health)| (adapter.as_str(), health)).collect();
            return output::print_json(&json!({
                "new_api": new_api, "stage": stage, "channels": channels, "adapters": adapters, "settings": settings,
            }));
        }
        let head = self.head();
        let channels = shown::channels(&channels, &health);
        output::print(&format!("{head}\n{channels}\n{}", shown::settings(&settings)))
    }

    fn head(&self) -> String {
        let stage = match self.journal.last() {
            None => "nothing applied".to_owned(),
            Some(last) if last.open => format!("{} was broken off", last.command),
            Some(last) => format!("stage {} %", last.stage),
        };
        format!("new-api {} at {}, {stage}\n", self.version, self.rollout.url)
    }
}
