//! The steady streams that `scripts/compose` judges a stack by: what is whole counts, and nothing else does.

use std::{path::PathBuf, time::Duration};

use support::{
    model::{Reply, ScriptedModel},
    server::{self, Server},
    streams::{self, AnswerEnd, StreamAnswer, StreamsPlan},
};
use tokio_util::sync::CancellationToken;

/// Asks twice: once each of two askers.
async fn asked(reply: Reply) -> Vec<StreamAnswer> {
    let model = ScriptedModel::new();
    model.always(reply);
    let server = Server::on(server::listener().await, model.router());
    asked_at(server.url()).await
}

async fn asked_at(url: reqwest::Url) -> Vec<StreamAnswer> {
    let directory = tempfile::tempdir().unwrap();
    let secret: PathBuf = directory.path().join("shared.secret");
    std::fs::write(&secret, "secret\n").unwrap();
    let length = Duration::from_millis(100);
    let plan = StreamsPlan { url, secret, model: "practice-1".to_owned(), at_once: 2, length, each: Some(1) };
    let mut answers = Vec::new();
    streams::run(plan, CancellationToken::new(), |answer| answers.push(answer)).await;
    answers
}

fn ends(answers: &[StreamAnswer]) -> Vec<AnswerEnd> {
    answers.iter().map(|answer| answer.end).collect()
}

#[tokio::test]
async fn an_answer_with_every_word_and_an_end_is_whole() {
    let answers = asked(Reply::echo()).await;

    assert_eq!(ends(&answers), [AnswerEnd::Whole; 2], "{answers:?}");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_counted_with_what_it_broke_by() {
    let answers = asked(Reply::text("You asked").cut()).await;

    assert_eq!(ends(&answers), [AnswerEnd::Middle; 2], "{answers:?}");
    assert!(answers.iter().all(|answer| !answer.why.is_empty()), "{answers:?}");
}

#[tokio::test]
async fn an_answer_of_other_words_is_not_whole() {
    let answers = asked(Reply::text("something else")).await;

    assert_eq!(ends(&answers), [AnswerEnd::Middle; 2], "{answers:?}");
}

#[tokio::test]
async fn a_refusal_and_a_closed_port_are_counted() {
    let refused = asked(Reply::rate_limited(1)).await;
    let listener = server::listener().await;
    let url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);

    let closed = asked_at(url).await;

    assert_eq!(ends(&refused), [AnswerEnd::Refused; 2], "{refused:?}");
    assert_eq!(ends(&closed), [AnswerEnd::Refused; 2], "{closed:?}");
}
