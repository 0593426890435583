//! TLS with an authority of one's own.

use std::path::{Path, PathBuf};

use latchkey_shared::{
    env::Env,
    store::{BrokerStore, RedisConfig, StoreError},
};
use support::redis::Redis;

/// For 127.0.0.1, good for a hundred years. The key secures nothing.
fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("it/fleet/certificate").join(name)
}

/// A server that speaks TLS on a second port.
async fn server() -> (Redis, String) {
    let port = support::server::listener().await.local_addr().unwrap().port().to_string();
    let [ca, certificate, key] =
        ["ca.pem", "server.pem", "server.key"].map(|name| file(name).display().to_string());
    let arguments = [
        ["--tls-port", &port],
        ["--tls-ca-cert-file", &ca],
        ["--tls-cert-file", &certificate],
        ["--tls-key-file", &key],
        ["--tls-auth-clients", "no"],
    ];
    let redis = Redis::start_with(&arguments.concat()).await;
    (redis, format!("rediss://127.0.0.1:{port}/0"))
}

async fn connect(url: &str, ca: Option<&Path>) -> Result<BrokerStore, StoreError> {
    let ca = ca.map(|ca| ("LATCHKEY_REDIS_CA", ca.display().to_string()));
    let env = Env::of([("LATCHKEY_REDIS_URL", url.to_owned())].into_iter().chain(ca));
    BrokerStore::connect(&RedisConfig::from_env(&env).unwrap()).await
}

#[tokio::test]
async fn a_private_authority_is_trusted_when_it_is_named_and_only_then() {
    support::http::install_tls();
    let (_redis, url) = server().await;

    let store = connect(&url, Some(&file("ca.pem"))).await.unwrap();
    assert!(!store.server_info().await.unwrap().version.is_empty());

    assert!(matches!(connect(&url, None).await, Err(StoreError::Unavailable(_))));
    let missing =
        connect(&url, Some(Path::new("/nonexistent/ca.pem"))).await.map(drop).unwrap_err().to_string();
    assert!(missing.contains("LATCHKEY_REDIS_CA") && missing.contains("/nonexistent/ca.pem"), "{missing}");
}
