//! `account credentials`: another password or another seed, and a login with it.

use image::{GrayAlphaImage, LumaA, Rgb, RgbImage};
use qrcode::{Color, QrCode};
use support::practice::{PASSWORD, TOTP_SEED};
use tempfile::TempDir;

use super::{account::broker_with_practice, run};

const OTHER_SEED: &str = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ";

fn address(seed: &str) -> String {
    format!("otpauth://totp/Practice:alice?secret={seed}&issuer=Practice&algorithm=SHA1&digits=6&period=30")
}

/// The colour of each dot of a code, with the margin that one needs.
fn dots(text: &str) -> Vec<Vec<bool>> {
    let code = QrCode::new(text).unwrap();
    let width = code.width();
    let margin = 4;
    let dark = |x: usize, y: usize| {
        let within = (margin..margin + width).contains(&x) && (margin..margin + width).contains(&y);
        within && code[(x - margin, y - margin)] == Color::Dark
    };
    (0..width + 2 * margin).map(|y| (0..width + 2 * margin).map(|x| dark(x, y)).collect()).collect()
}

/// Dark on nothing, as sites draw it.
fn transparent_png(directory: &TempDir, text: &str) -> String {
    let dots = dots(text);
    let scale = 6;
    let size = u32::try_from(dots.len()).unwrap() * scale;
    let picture = GrayAlphaImage::from_fn(size, size, |x, y| {
        let dark = dots[(y / scale) as usize][(x / scale) as usize];
        LumaA([0, if dark { 255 } else { 0 }])
    });
    let path = directory.path().join("code.png");
    picture.save(&path).unwrap();
    path.display().to_string()
}

/// Light on dark in a corner of something larger, with a JPEG's noise: a telephone's picture of a dark page.
fn photo(directory: &TempDir, text: &str) -> String {
    let dots = dots(text);
    let scale = 5;
    let at = (400, 150);
    let size = u32::try_from(dots.len()).unwrap() * scale;
    let picture = RgbImage::from_fn(1600, 1200, |x, y| {
        let inside = (at.0..at.0 + size).contains(&x) && (at.1..at.1 + size).contains(&y);
        let light = inside && dots[((y - at.1) / scale) as usize][((x - at.0) / scale) as usize];
        if light { Rgb([230, 235, 240]) } else { Rgb([20, 25, 35]) }
    });
    let path = directory.path().join("photo.jpg");
    picture.save(&path).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn browser_a_rejected_password_is_replaced_by_the_command_that_the_hint_names() {
    let (practice, _broker, environment) = broker_with_practice().await;
    let add = ["account", "add", "--site", "practice", "--username", "alice"];
    let rejected = run(&add, &environment, &format!("wrong-horse\n{TOTP_SEED}\n")).await;
    let hint = rejected.stdout.lines().find_map(|line| line.trim().strip_prefix("next: latchkey-broker "));
    let hint: Vec<&str> = hint.unwrap_or_else(|| panic!("{}", rejected.stdout)).split(' ').collect();

    // The seed stays.
    let changed = run(&hint, &environment, &format!("{PASSWORD}\n")).await;

    assert_eq!(changed.code, 0, "{}", changed.shown());
    assert!(
        changed.stdout.starts_with("stored credentials of alice at practice: version 2\n"),
        "{}",
        changed.stdout
    );
    assert!(changed.stdout.contains("\nsigned in: session "), "{}", changed.stdout);
    assert_eq!(practice.counts("alice").logins, 1);
}

#[tokio::test]
async fn browser_a_seed_comes_out_of_a_picture_and_signs_in() {
    let (practice, _broker, environment) = broker_with_practice().await;
    let directory = tempfile::tempdir().unwrap();
    let add = ["account", "add", "--site", "practice", "--username", "alice", "--no-login"];
    let added = run(&add, &environment, &format!("{PASSWORD}\n{}\n", address(OTHER_SEED))).await;
    assert_eq!(added.code, 0, "{}", added.shown());
    let picture = transparent_png(&directory, &address(TOTP_SEED));

    // The password stays.
    let changed =
        run(&["account", "credentials", "alice", "--totp-picture", &picture], &environment, "").await;

    assert_eq!(changed.code, 0, "{}", changed.shown());
    assert_eq!(practice.counts("alice").logins, 1);
}

/// What is stored, by the one thing that may be known of it.
#[tokio::test]
async fn every_form_of_a_seed_is_taken_and_a_wrong_one_changes_nothing() {
    let (_practice, _broker, environment) = broker_with_practice().await;
    let directory = tempfile::tempdir().unwrap();
    let add = ["account", "add", "--site", "practice", "--username", "alice", "--no-login"];
    assert_eq!(run(&add, &environment, &format!("{PASSWORD}\n")).await.code, 0);
    let photo = photo(&directory, &address(TOTP_SEED));
    let large = directory.path().join("large.png");
    image::GrayImage::new(9000, 10).save(&large).unwrap();
    let no_code = directory.path().join("none.png");
    let text = directory.path().join("text.png");
    image::GrayImage::new(200, 200).save(&no_code).unwrap();
    std::fs::write(&text, PASSWORD).unwrap();
    let shop = TempDir::new_in(directory.path()).unwrap();
    let shop = transparent_png(&shop, "https://shop.example/7");
    let sha256 = format!("\n{}\n", address(TOTP_SEED).replace("SHA1", "SHA256"));
    let path = |path: &std::path::Path| path.display().to_string();

    let cases: [(&[&str], &str, Result<u64, &str>); 11] = [
        (&[], "second-horse\n", Ok(2)),
        (&[], &format!("\n{TOTP_SEED}\n"), Ok(3)),
        (&[], &format!("third-horse\n{}\n", address(TOTP_SEED)), Ok(4)),
        (&["--totp-picture", &photo], "", Ok(5)),
        (&["--no-totp"], "", Ok(6)),
        (&["--username", "bob"], "fourth-horse\n", Ok(7)),
        (&[], "", Err("nothing given")),
        (&[], &sha256, Err("algorithm=SHA256")),
        (&["--totp-picture", &path(&no_code)], "", Err("no QR code")),
        (&["--totp-picture", &shop], "", Err("not that of a TOTP enrolment")),
        (&["--totp-picture", &path(&large)], "", Err("Image size exceeds limit")),
    ];
    for (more, input, expected) in cases {
        let arguments = [&["account", "credentials", "alice", "--no-login"], more].concat();
        let ran = run(&arguments, &environment, input).await;
        match expected {
            Ok(version) => {
                let stored = format!("stored credentials of alice at practice: version {version}\n");
                assert_eq!(
                    (ran.code, ran.stdout.as_str()),
                    (0, stored.as_str()),
                    "{more:?}: {}",
                    ran.shown()
                );
            }
            Err(told) => {
                assert_eq!(ran.code, 1, "{more:?}: {}", ran.shown());
                assert!(ran.shown().contains(told) && !ran.shown().contains(TOTP_SEED), "{}", ran.shown());
            }
        }
    }
    let not_a_picture = ["account", "credentials", "alice", "--no-login", "--totp-picture", &path(&text)];
    assert_eq!(run(&not_a_picture, &environment, "").await.code, 1);
    let shown = run(&["account", "show", "alice"], &environment, "").await;
    assert!(shown.stdout.contains("credentials   version 7"), "{}", shown.stdout);
}
