//! A site whose certificate nobody vouches for.

use std::{
    net::{TcpListener, TcpStream},
    sync::Arc,
};

use latchkey_broker::login::FailureCode;
use latchkey_shared::account::State;
use reqwest::Url;
use rustls::{
    ServerConfig, ServerConnection,
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer},
};
use support::http;

use super::{bench::Bench, fake};

/// Self-signed for 127.0.0.1, good for a hundred years. Its key secures nothing.
const CERTIFICATE: &[u8] = include_bytes!("certificate/self-signed.der");
const KEY: &[u8] = include_bytes!("certificate/key.der");

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_nobody_vouches_for_is_refused() {
    http::install_tls();
    let bench = Bench::new(fake::site(&serve(), r#"{ cookie = "none" }"#, "")).await;

    let failure = bench.sign_in().await.unwrap_err();

    assert_eq!(failure.code, FailureCode::TlsError, "{failure:?}");
    assert!(failure.message.contains("ERR_CERT_AUTHORITY_INVALID"), "{}", failure.message);
    assert_eq!(failure.step.unwrap().verb, "goto");
    assert_eq!(bench.now().await.state, State::Cooldown);
}

/// A site with a certificate that it signed itself.
pub(crate) fn serve() -> Url {
    serve_as(CertificateDer::from(CERTIFICATE), PrivatePkcs8KeyDer::from(KEY).into())
}

/// Shakes hands and no more; the thread ends with the process.
pub(crate) fn serve_as(certificate: CertificateDer<'static>, key: PrivateKeyDer<'static>) -> Url {
    let config = ServerConfig::builder().with_no_client_auth();
    let config = Arc::new(config.with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming().filter_map(Result::ok) {
            shake_hands(stream, &config);
        }
    });
    url.parse().unwrap()
}

fn shake_hands(mut stream: TcpStream, config: &Arc<ServerConfig>) {
    let mut connection = ServerConnection::new(Arc::clone(config)).unwrap();
    // A client that refuses the certificate breaks off here.
    while connection.is_handshaking() && connection.complete_io(&mut stream).is_ok() {}
}
