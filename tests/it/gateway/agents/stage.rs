//! Two adapters as processes behind the balancer, their site, and the gateway before all of them.

use std::time::Duration;

use serde_json::json;
use support::{
    balancer::Balancer,
    binaries::Binary,
    http,
    model::ScriptedModel,
    new_api::{Console, NewApi, Real, Relaying, brought},
    wait,
    world::{SHARED_SECRET, World},
};

use super::{
    super::{cells::PREFIX, stage::channel},
    hands::MODEL,
    situations::ADAPTER,
};

/// Streams at once on the only account: those of a killed adapter stay taken until its presence ends.
pub(super) const PLACES: usize = 4;
const SOON: Duration = Duration::from_secs(60);

/// What stands between the agents and the adapters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Before {
    StandIn,
    Real,
    /// Nothing: an agent has the balancer's address.
    Nothing,
}

/// All of it.
pub(super) struct AgentStage {
    pub(super) console: Console,
    pub(super) model: ScriptedModel,
    world: World,
    adapters: Vec<Binary>,
    started: usize,
    balancer: Balancer,
    _gateway: Option<Relaying>,
}

impl AgentStage {
    pub(super) async fn start(before: Before) -> Self {
        let start = World::start().without_broker().with_session("alice").adapters(0);
        let world = start.concurrency(u32::try_from(PLACES).unwrap()).await;
        let adapters = vec![adapter(&world, 0).await, adapter(&world, 1).await];
        let balancer = Balancer::start(&[&adapters[0].url, &adapters[1].url]).await;
        let gateway = match before {
            Before::StandIn => Some(Relaying::StandIn(NewApi::start().await)),
            Before::Real => Some(Relaying::Real(Box::new(Real::start(&brought().unwrap()).await))),
            Before::Nothing => None,
        };
        let console = match &gateway {
            Some(gateway) => gateway.console(),
            None => Console::new(&balancer.url, "", SHARED_SECRET),
        };
        if gateway.is_some() {
            console.set("RetryTimes", "1").await;
            let base = format!("{}{PREFIX}", balancer.url.as_str().trim_end_matches('/'));
            console.add(&channel(60, MODEL, &base)).await;
        }
        let model = world.practice.model();
        Self { console, model, world, adapters, started: 2, balancer, _gateway: gateway }
    }

    /// Kills the adapter that has the only answer, and starts another one in its place.
    pub(super) async fn kill(&mut self) {
        let busy = wait::until_some(SOON, async || {
            for (index, adapter) in self.adapters.iter().enumerate() {
                if self.count(adapter, |line| line.starts_with("latchkey_adapter_leases ")).await > 0 {
                    return Some(index);
                }
            }
            None
        });
        let busy = busy.await;
        self.adapters[busy].kill();
        self.adapters[busy] = adapter(&self.world, self.started).await;
        self.started += 1;
        self.balancer.change(&[&self.adapters[0].url, &self.adapters[1].url]).await;
    }

    /// How many requests were refused because every place was taken.
    pub(super) async fn refused(&self) -> usize {
        let mut refused = 0;
        for adapter in &self.adapters {
            let is_busy = |line: &str| line.contains("requests_total") && line.contains("outcome=\"busy\"");
            refused += self.count(adapter, is_busy).await;
        }
        refused
    }

    /// Requests that take places until the model lets them go.
    pub(super) fn holding(&self) -> impl Future<Output = Vec<reqwest::Response>> + '_ {
        let body = json!({
            "model": MODEL, "stream": true, "messages": [{"role": "user", "content": "Stay."}],
        });
        let asked = (0..PLACES).map(move |_| self.console.asks("/v1/chat/completions", &body).send());
        async { futures::future::join_all(asked).await.into_iter().map(Result::unwrap).collect() }
    }

    async fn count(&self, adapter: &Binary, wanted: impl Fn(&str) -> bool) -> usize {
        let answer = http::client().get(adapter.url.join("/metrics").unwrap()).send().await.unwrap();
        let text = answer.text().await.unwrap();
        let counted = text.lines().filter(|line| wanted(line)).filter_map(|line| line.rsplit(' ').next());
        counted.map(|count| count.parse::<usize>().unwrap()).sum()
    }
}

async fn adapter(world: &World, number: usize) -> Binary {
    let directory = world.directory.path().join(format!("adapter-{number}"));
    std::fs::create_dir(&directory).unwrap();
    let mut env = world.keys.common(&world.redis.url(), &format!("practice={}", world.practice.url));
    env.extend(world.keys.adapter());
    env.extend(ADAPTER.map(|(name, value)| (name.to_owned(), value.to_owned())));
    Binary::adapter(&directory, &env).await
}
