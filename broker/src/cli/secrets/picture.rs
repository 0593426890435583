//! A TOTP seed out of a picture of the QR code that a site shows at enrolment.

use std::{
    fs::File,
    io::{Cursor, Read},
    path::Path,
};

use anyhow::{Context as _, ensure};
use image::{ImageReader, Limits};
use rqrr::PreparedImage;
use secrecy::SecretString;

use super::otpauth;

/// A photo of a telephone has less; more would take memory for nothing.
const LONGEST_BYTES: u64 = 16 * 1024 * 1024;
const WIDEST: u32 = 8192;
/// While it is decoded.
const MEMORY: u64 = 256 * 1024 * 1024;
/// QR codes on one picture that are looked at.
const MOST_CODES: usize = 8;
/// Wider pictures are made smaller first: finding a code in them would take long, and a code has few dots.
const ENOUGH: u32 = 2048;

/// The seed that the picture shows.
pub(super) fn seed(path: &Path) -> anyhow::Result<SecretString> {
    let named = || format!("--totp-picture {}", path.display());
    let bytes = read(path).with_context(named)?;
    let picture = decode(&bytes).with_context(named)?;
    address(&picture).and_then(|address| otpauth::seed_of(&address)).with_context(named)
}

fn read(path: &Path) -> anyhow::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path).context("cannot read it")?.take(LONGEST_BYTES + 1).read_to_end(&mut bytes)?;
    ensure!(bytes.len() as u64 <= LONGEST_BYTES, "it is longer than 16 MiB");
    Ok(bytes)
}

/// A picture in shades of grey, on white where it is transparent.
struct GreyImage {
    width: usize,
    height: usize,
    shades: Vec<u8>,
}

fn decode(bytes: &[u8]) -> anyhow::Result<GreyImage> {
    let mut limits = Limits::default();
    limits.max_image_width = Some(WIDEST);
    limits.max_image_height = Some(WIDEST);
    limits.max_alloc = Some(MEMORY);
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().context("cannot read it")?;
    reader.limits(limits);
    let picture = reader.decode().context("it is no PNG or JPEG that can be decoded")?;
    let is_large = ENOUGH < picture.width().max(picture.height());
    let picture = if is_large { picture.thumbnail(ENOUGH, ENOUGH) } else { picture };
    let grey = picture.to_luma_alpha8();
    let on_white = |[shade, opacity]: [u8; 2]| {
        let shade = u32::from(shade);
        let opacity = u32::from(opacity);
        u8::try_from((shade * opacity + 255 * (255 - opacity)) / 255).unwrap_or(u8::MAX)
    };
    let shades = grey.pixels().map(|pixel| on_white(pixel.0)).collect();
    Ok(GreyImage { width: grey.width() as usize, height: grey.height() as usize, shades })
}

/// The first address that a QR code on the picture holds; dark codes on light, else light on dark.
fn address(picture: &GreyImage) -> anyhow::Result<SecretString> {
    let mut other = false;
    for mask in [0, 0xff] {
        let shade = |x: usize, y: usize| picture.shades[y * picture.width + x] ^ mask;
        let mut prepared = PreparedImage::prepare_from_greyscale(picture.width, picture.height, shade);
        for grid in prepared.detect_grids().into_iter().take(MOST_CODES) {
            let Ok((_, text)) = grid.decode() else { continue };
            if text.to_ascii_lowercase().starts_with("otpauth") {
                return Ok(text.into());
            }
            other = true;
        }
    }
    ensure!(!other, "its QR code is not that of a TOTP enrolment (otpauth://)");
    anyhow::bail!("there is no QR code on it that can be read")
}
