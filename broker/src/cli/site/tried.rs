//! `site try`: signs in with a site file, and has the adapter ask one question.

use std::{
    path::Path,
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context as _, bail};
use latchkey_shared::{
    account::Rung,
    credentials::Credentials,
    env::Env,
    id::AccountId,
    shutdown::Tasks,
    site::{self, Site, SiteFileDiagnostic, SiteUrls, catalog},
    trial::TrialEvent,
};
use serde_json::json;

use super::{
    arguments::TryArguments,
    asked::{self, SiteQuestion},
    chromium::supervisor,
};
use crate::{
    cli::{follow, output::Output, secrets},
    login::{
        LoginDone, Trigger,
        trial::{self, LoginTrial, TrialLogin},
    },
    operations::{OperationId, OperationOutcome, OperationRecord, OperationView},
    state,
};

/// The login failed.
const NO_LOGIN: u8 = 3;
/// There was no answer, or not all of it.
const NO_ANSWER: u8 = 4;

pub(super) async fn run(arguments: &TryArguments, env: &Env, output: &Output) -> anyhow::Result<ExitCode> {
    let file = arguments.file.display().to_string();
    let text = std::fs::read_to_string(&arguments.file)
        .with_context(|| format!("cannot read {file}; name a site file"))?;
    let site = match described(&file, &text, arguments, env)? {
        Ok(site) => site,
        Err(mistakes) => {
            let lines = || mistakes.iter().map(|mistake| format!("{mistake}\n")).collect();
            output.answer(&json!({ "mistakes": mistakes }), lines)?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let secrets = secrets::read(None)?;
    let credentials = Credentials {
        username: arguments.username.clone(),
        password: secrets.password,
        totp_seed: secrets.totp_seed,
    };
    output.show(&format!("signing in {} at {} ({})\n", credentials.username, site.name, site.base_url))?;
    let (login, signed_in) = sign_in(&site, &credentials, arguments, env, output).await?;
    let Some(TrialLogin { session, answer }) = signed_in else {
        let error = login.error.as_ref();
        output.answer(&json!({ "login": login }), || error.map(follow::failure).unwrap_or_default())?;
        return Ok(ExitCode::from(NO_LOGIN));
    };
    output.show(&format!("signed in; the probe was answered {answer}\n"))?;
    if arguments.no_question {
        output.answer(&json!({ "login": login, "probe": answer }), String::new)?;
        return Ok(ExitCode::SUCCESS);
    }
    output.show(&format!("\nasking: {}\n", arguments.question))?;
    let asking = SiteQuestion { file, text, site: &site, session: &session, arguments };
    let told = asked::ask(&asking, output).await?;
    let answered = matches!(told.last(), Some(TrialEvent::End { .. }));
    output.answer(&json!({ "login": login, "probe": answer, "told": told }), String::new)?;
    Ok(if answered { ExitCode::SUCCESS } else { ExitCode::from(NO_ANSWER) })
}

/// The site, at the address that the command, the environment or the file gives.
fn described(
    file: &str,
    text: &str,
    arguments: &TryArguments,
    env: &Env,
) -> anyhow::Result<Result<Site, Vec<SiteFileDiagnostic>>> {
    let name = match site::check(file, text, &SiteUrls::new()) {
        Ok(parsed) => parsed.name,
        Err(mistakes) => return Ok(Err(mistakes)),
    };
    let mut urls = catalog::urls(env)?;
    if let Some(url) = &arguments.url {
        let url = site::http_url(url).map_err(|why| anyhow::anyhow!("--url: {why}"))?;
        urls.insert(name.clone(), url);
    }
    match site::check(file, text, &urls) {
        Ok(parsed) => match parsed.site {
            Some(site) => Ok(Ok(site)),
            None => bail!("nobody says where {name} is: --url https://..., or base_url in {file}"),
        },
        Err(mistakes) => Ok(Err(mistakes)),
    }
}

/// Signs in with a Chromium of its own, and shows each step as it happens.
async fn sign_in(
    site: &Site,
    credentials: &Credentials,
    arguments: &TryArguments,
    env: &Env,
    output: &Output,
) -> anyhow::Result<(OperationView, Option<TrialLogin>)> {
    let tasks = Tasks::new();
    let browser = supervisor(env, Vec::new(), tasks.clone())?;
    let http = state::probe_client()?;
    let artefacts = env.text("LATCHKEY_ARTEFACTS")?.map_or_else(trial::artefacts, Into::into);
    let shown = Mutex::new(TrialOutput {
        record: OperationRecord::new(OperationId::new(), AccountId::new(), Trigger::Operator),
        printer: follow::StepPrinter::new(output),
    });
    let trial = LoginTrial {
        browser: &browser,
        http: &http,
        site,
        credentials,
        artefacts: arguments.screenshots.as_deref().unwrap_or(Path::new(&artefacts)),
        pictures: arguments.screenshots.as_deref(),
    };
    let report = |progress| shown.lock().unwrap_or_else(PoisonError::into_inner).report(progress);
    let outcome = trial.run(&report).await;
    browser.close().await;
    tasks.stop(crate::DRAIN).await;
    let shown = shown.into_inner().unwrap_or_else(PoisonError::into_inner);
    Ok(match outcome {
        Ok(signed_in) => {
            let expires_at = signed_in.session.expires_at;
            let duration = std::time::Duration::ZERO;
            (
                shown.end(OperationOutcome::Done(LoginDone {
                    generation: 0,
                    expires_at,
                    duration,
                    rung: Some(Rung::Recipe),
                })),
                Some(signed_in),
            )
        }
        Err(failure) => (shown.end(OperationOutcome::Failed(failure)), None),
    })
}

/// What was reported, and how much of it was printed.
struct TrialOutput<'a> {
    record: OperationRecord,
    printer: follow::StepPrinter<'a>,
}

impl TrialOutput<'_> {
    fn report(&mut self, progress: crate::login::LoginProgress) {
        self.record.report(progress);
        self.print();
    }

    fn end(mut self, outcome: OperationOutcome) -> OperationView {
        self.record.end(outcome);
        self.print();
        self.record.view()
    }

    fn print(&mut self) {
        // Whoever does not read any more hears the outcome by the exit code.
        self.printer.print(&self.record.view().steps).ok();
    }
}
