//! No secret leaves the two processes: not in a log at TRACE, an error, an artefact, a command line, a file left
//! behind, or Redis.

use std::path::Path;

use latchkey_shared::account::Account;
use reqwest::Method;
use serde_json::json;
use support::{
    binaries::Binary,
    hunt::{Find, Hunter, files, forms},
    model::Reply,
    practice::{COOKIE, Practice, PracticeAccount, PracticeOptions, USERNAME},
    processes::ProcessWatch,
    redis::Redis,
    world::{AdapterClient, Admin, HttpAnswer, Keys},
};

use crate::{given::storage_state, traces::Collector};

/// Every character that some encoding changes.
const PASSWORD: &str = "Kanarien \"vogel\\ & <Käfig> 7%+/=?#;,'";
const WRONG_PASSWORD: &str = "Kanarien \"falsch\\ & <Käfig> 8%+/=?#;,'";
const TOTP_SEED: &str = "KANARIENVOGELKANARIENVOGELKANARI";
const ADMIN_TOKEN: &str = "canary-admin-token-3f1c9d";
const SHARED_SECRET: &str = "canary-shared-secret-77ab20";
const GUESS: &str = "canary-guess-of-a-stranger-51";
const GIVEN: &str = "canary-given-session-4be8";
const REDIS_PASSWORD: &str = "canary-redis-password-90de";
const QUESTION: &str = "canary question: what did the bird sing?";
const ANSWER: &str = "canary answer: it sang at dawn.";

/// A deployment of real processes, with a canary in every place.
struct Mine {
    practice: Practice,
    redis: Redis,
    collector: Collector,
    broker: Binary,
    adapter: Binary,
    keys: Keys,
    directory: tempfile::TempDir,
    bodies: Vec<String>,
}

#[tokio::test]
async fn no_secret_is_anywhere() {
    let mut mine = Mine::start().await;
    let watch = ProcessWatch::start();

    let alice = mine.everything_goes_well().await;
    let held = mine.redis.dump().await;
    mine.logins_fail(&alice).await;
    mine.requests_fail(&alice).await;
    let left = mine.redis.dump().await;
    mine.adapter.stop().await;
    mine.broker.stop().await;
    let seen = watch.stop().await;

    let hunter = mine.hunter();
    let mut finds = hunter.hunt_files(mine.directory.path());
    finds.extend(hunter.hunt("Redis", &held));
    finds.extend(hunter.hunt("Redis", &left));
    finds.extend(mine.bodies.iter().flat_map(|body| hunter.hunt("the body of an answer", body.as_bytes())));
    let traces = mine.collector.bytes();
    assert!(!traces.is_empty(), "no span was sent");
    finds.extend(hunter.hunt("a trace", &traces));
    let commands = seen.commands.values();
    finds.extend(commands.flat_map(|command| hunter.hunt("a command line", command.as_bytes())));
    let environments = seen.environments.values();
    finds.extend(environments.flat_map(|environment| hunter.hunt("Chromium's environment", environment)));
    let finds: Vec<String> = finds.iter().map(Find::to_string).collect();
    assert!(finds.is_empty(), "{} leaks:\n{}", finds.len(), finds.join("\n"));

    mine.hunted_in_earnest(&alice, &held);
    assert!(!seen.environments.is_empty(), "no Chromium was seen");
    let temporary: Vec<_> = files(&mine.broker.temporary());
    assert!(temporary.is_empty(), "the broker left files: {temporary:?}");
}

impl Mine {
    async fn start() -> Self {
        let directory = tempfile::Builder::new().prefix("lk-canary-").tempdir().unwrap();
        let redis = Redis::start().await;
        redis.add_user("canary", REDIS_PASSWORD).await;
        let bob = PracticeAccount { username: "bob".to_owned(), ..PracticeAccount::new("bob") };
        let options = PracticeOptions {
            password: PASSWORD.to_owned(),
            totp_seed: Some(TOTP_SEED.to_owned()),
            accounts: vec![bob, PracticeAccount::new("carol")],
            ..PracticeOptions::default()
        };
        let practice = Practice::start(options).await;
        let keys = Keys::generate();
        let collector = Collector::start().await;
        let mut common =
            keys.common(&redis.url_as("canary", REDIS_PASSWORD), &format!("practice={}", practice.url));
        common.push(collector.variable());
        let environment = |own: Vec<(String, String)>, format: &str| {
            let talk =
                [("LATCHKEY_LOG", "trace"), ("LATCHKEY_LOG_FORMAT", format), ("RUST_BACKTRACE", "full")];
            let talk = talk.map(|(name, value)| (name.to_owned(), value.to_owned()));
            [common.clone(), own, talk.to_vec()].concat()
        };
        let artefacts = directory.path().join("artefacts");
        std::fs::create_dir(&artefacts).unwrap();
        let mut own = keys.broker(&artefacts.display().to_string());
        own.push(("LATCHKEY_ADMIN_TOKEN".to_owned(), ADMIN_TOKEN.to_owned()));
        let broker = Binary::broker(directory.path(), &environment(own, "json")).await;
        let own = vec![("LATCHKEY_SHARED_SECRETS".to_owned(), SHARED_SECRET.to_owned())];
        let adapter = Binary::adapter(directory.path(), &environment(own, "human")).await;
        Self { practice, redis, collector, broker, adapter, keys, directory, bodies: Vec::new() }
    }

    fn admin(&self) -> Admin {
        Admin::new(&self.broker.url).with_token(ADMIN_TOKEN)
    }

    fn chat(&self) -> AdapterClient {
        AdapterClient::new(&self.adapter.url).with_secret(SHARED_SECRET)
    }

    async fn everything_goes_well(&mut self) -> Account {
        let admin = self.admin();
        let alice = admin.add(USERNAME, PASSWORD, Some(TOTP_SEED)).await;
        let login = admin.sign_in(alice.id).await;
        assert!(login.error.is_none(), "the login failed: {login:#?}");

        let model = self.practice.model();
        model.will(Reply::text(ANSWER));
        model.will(Reply::text(ANSWER));
        assert_eq!(self.chat().ask(QUESTION).await.text(), ANSWER);
        assert_eq!(self.chat().ask_streamed(QUESTION).await.text(), ANSWER);
        for path in ["/livez", "/readyz", "/openapi.json", "/v1/accounts", "/v1/audit", "/v1/keys"] {
            self.keep(&admin.get(path).await);
        }
        for path in ["/livez", "/readyz", "/metrics", "/v1/models"] {
            self.keep(&self.chat().get(path).await);
        }
        self.sessions_are_given().await;
        alice
    }

    async fn logins_fail(&mut self, alice: &Account) {
        let admin = self.admin();
        let bob = admin.add("bob", WRONG_PASSWORD, Some(TOTP_SEED)).await;
        let failed = |code: &'static str, login: &support::world::OperationView| {
            let found = login.error.as_ref().map(|error| error.code.as_str());
            assert_eq!(found, Some(code), "{login:#?}");
        };
        let login = admin.sign_in(bob.id).await;
        failed("credentials_rejected", &login);
        let screenshot = login.error.as_ref().and_then(|error| error.screenshot.clone());
        self.keep(&admin.get(&screenshot.expect("a failed login leaves a screenshot")).await);

        self.practice.change(|options| options.foreign_origin = true);
        failed("origin_violation", &admin.sign_in(alice.id).await);
        assert_eq!(self.practice.foreign_submissions(), Vec::<String>::new());
        self.practice.change(|options| {
            options.foreign_origin = false;
            options.crash_renderer = true;
        });
        failed("browser_crashed", &admin.sign_in(alice.id).await);
        self.practice.change(|options| options.crash_renderer = false);
    }

    async fn requests_fail(&mut self, alice: &Account) {
        let admin = self.admin();
        let adapter = self.chat();
        let credentials = format!("/v1/accounts/{}/credentials", alice.id);
        let misplaced = [
            json!({"username": "alice", "password": PASSWORD, "totp": TOTP_SEED}),
            json!({"username": "alice", "password": [PASSWORD]}),
            json!({"username": "alice", "password": PASSWORD, "totp_seed": format!("{TOTP_SEED}!")}),
            json!(PASSWORD),
        ];
        for body in &misplaced {
            self.refused(&admin.send(Method::PUT, &credentials, Some(body)).await);
        }
        let whole = json!({"site": "practice", "label": "carol", "credentials": PASSWORD});
        self.refused(&admin.send(Method::POST, "/v1/accounts", Some(&whole)).await);
        self.refused(&admin.clone().with_token(GUESS).get("/v1/accounts").await);
        self.refused(&adapter.clone().with_secret(GUESS).ask(QUESTION).await);

        let token = self.practice.issued().pop().unwrap().token;
        let echo = json!({"error": {"message": format!("the token {token} is odd")}});
        let model = self.practice.model();
        for reply in
            [Reply::status(500, &echo), Reply::status(400, &echo), Reply::raw(format!("data: {echo}\n\n"))]
        {
            model.will(reply);
            self.refused(&adapter.ask(QUESTION).await);
        }
        model.will(Reply::text(ANSWER).bytes(format!("data: {echo}\n\n")).cut());
        let cut = adapter.ask_streamed(QUESTION).await;
        self.bodies.push(cut.raw.replace(ANSWER, ""));
        self.practice.expire_all();
        self.refused(&adapter.ask(QUESTION).await);
        self.redis.stop();
        self.refused(&admin.get("/v1/accounts").await);
        self.redis.restart().await;
        self.redis.add_user("canary", REDIS_PASSWORD).await;
    }

    /// In every form, well and ill: what is refused is no less a secret.
    async fn sessions_are_given(&mut self) {
        let admin = self.admin();
        let carol = json!({"site": "practice", "label": "carol"});
        let carol = admin.send(Method::POST, "/v1/accounts", Some(&carol)).await.json();
        let account = format!("/v1/accounts/{}", carol["id"].as_str().unwrap());
        let path = format!("{account}/session");
        let parts = self.practice.sign_in("carol");
        let state = storage_state(&self.practice.url, &parts);
        let well = [
            json!({"bearer": parts.token}),
            json!({"cookies": format!("{COOKIE}={}", parts.cookie)}),
            json!({"storage_state": state}),
            json!({"api_key": parts.token}),
        ];
        for body in &well {
            let answer = admin.send(Method::PUT, &path, Some(body)).await;
            assert_eq!(answer.status, 200, "{}", answer.body);
            self.keep(&answer);
        }
        let ill = [
            json!({"bearer": GIVEN}),
            json!({"bearer": [GIVEN]}),
            json!({"cookies": GIVEN}),
            json!({"cookies": format!("{COOKIE}={GIVEN}")}),
            json!({"storage_state": GIVEN}),
            json!({"storage_state": {"cookies": [{"name": COOKIE, "value": [GIVEN]}]}}),
            json!({"bearer": GIVEN, "api_key": GIVEN}),
            json!({"api_key": format!("{GIVEN} {GIVEN}")}),
        ];
        for body in &ill {
            self.refused(&admin.send(Method::PUT, &path, Some(body)).await);
        }
        self.keep(&admin.get("/v1/audit").await);
        self.keep(&admin.send(Method::DELETE, &account, None).await);
    }

    /// Keeps an answer that is no success for the hunt.
    fn refused(&mut self, answer: &HttpAnswer) {
        assert!(400 <= answer.status, "{} {}", answer.status, answer.body);
        self.keep(answer);
    }

    fn keep(&mut self, answer: &HttpAnswer) {
        self.bodies.push(format!("{:?} {}", answer.headers, answer.body));
    }

    fn hunter(&self) -> Hunter {
        let mut hunter = Hunter::default();
        let fixed = [
            ("the password", PASSWORD),
            ("the wrong password", WRONG_PASSWORD),
            ("the TOTP seed", TOTP_SEED),
            ("the admin token", ADMIN_TOKEN),
            ("the shared secret", SHARED_SECRET),
            ("a stranger's guess", GUESS),
            ("a given session", GIVEN),
            ("the Redis password", REDIS_PASSWORD),
            ("the question", QUESTION),
            ("the answer", ANSWER),
            ("the ring of credentials", &self.keys.credentials),
            ("the ring of sessions", &self.keys.sessions),
        ];
        for (name, value) in fixed {
            hunter.secret(name, value);
        }
        for session in self.practice.issued() {
            hunter.secret("a cookie", &session.cookie);
            hunter.secret("a token", &session.token);
            hunter.secret("a refresh cookie", &session.refresh);
            hunter.secret("a device cookie", &session.device);
        }
        hunter
    }

    /// A hunt where nothing is proves nothing.
    fn hunted_in_earnest(&self, alice: &Account, dump: &[u8]) {
        let id = alice.id.to_string();
        assert!(self.broker.output().contains(&id), "the broker's log names no account");
        assert!(!self.adapter.output().is_empty(), "the adapter's log is empty");
        assert!(String::from_utf8_lossy(dump).contains(&id), "Redis holds no account");
        assert!(!files(&self.directory.path().join("artefacts")).is_empty(), "there is no artefact");
        assert!(!self.practice.issued().is_empty(), "no session was issued");
    }
}

#[test]
fn the_hunter_finds_a_canary_in_every_form() {
    let mut hunter = Hunter::default();
    hunter.secret("the password", PASSWORD);
    let planted = tempfile::tempdir().unwrap();

    for (form, bytes) in forms(PASSWORD) {
        let text = [b"before ".as_slice(), &bytes, b" after"].concat();
        assert!(!hunter.hunt("here", &text).is_empty(), "{form}");
        std::fs::write(planted.path().join("log"), &text).unwrap();
        assert!(!hunter.hunt_files(planted.path()).is_empty(), "{form}");
    }
    for before in ["", "a", "ab", "abc"] {
        let encoded = base64(&format!("{before}{PASSWORD} after"));
        assert!(
            hunter.hunt("here", encoded.as_bytes()).iter().any(|find| find.form.contains("base64")),
            "{before:?}"
        );
    }
    assert_eq!(hunter.hunt("here", b"Kanarien is a bird"), []);
    assert_eq!(hunter.hunt_files(Path::new("/nowhere")), []);
}

fn base64(text: &str) -> String {
    base64::Engine::encode(&base64::engine::general_purpose::STANDARD, text)
}
