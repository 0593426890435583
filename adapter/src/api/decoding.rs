//! A request's body as its client wrote it: unpacked where it came packed, and never to more than may be sent unpacked.

use std::io::{self, Read};

use axum::{
    body::Bytes,
    http::{HeaderMap, header::CONTENT_ENCODING},
};
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use ruzstd::decoding::StreamingDecoder;

use super::error::ApiError;

/// A longer name is no encoding's.
const LONGEST_NAME: usize = 20;

/// How a body is packed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyEncoding {
    Gzip,
    Deflate,
    Zstd,
}

impl BodyEncoding {
    /// What the headers say; `None` where the body is not packed.
    ///
    /// # Errors
    /// An encoding that is not read here, by its name.
    pub(super) fn of(headers: &HeaderMap) -> Result<Option<Self>, ApiError> {
        let mut named = headers.get_all(CONTENT_ENCODING).iter();
        let Some(first) = named.next() else { return Ok(None) };
        let name = first.to_str().unwrap_or_default().trim().to_ascii_lowercase();
        match name.as_str() {
            _ if named.next().is_some() => Err(ApiError::Encoding("several at once".to_owned())),
            "" | "identity" => Ok(None),
            "gzip" | "x-gzip" => Ok(Some(Self::Gzip)),
            "deflate" => Ok(Some(Self::Deflate)),
            "zstd" => Ok(Some(Self::Zstd)),
            _ => Err(ApiError::Encoding(shown(&name))),
        }
    }

    fn as_str(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
            Self::Zstd => "zstd",
        }
    }

    /// Unpacks a body. Takes time in proportion to what comes out: call it where that harms nobody.
    ///
    /// # Errors
    /// When it is no such body, or longer than `limit` bytes.
    pub(super) fn unpack(self, packed: &[u8], limit: usize) -> Result<Bytes, ApiError> {
        let mut out = Vec::new();
        let read = match self {
            Self::Gzip => append(MultiGzDecoder::new(packed), limit, &mut out),
            Self::Deflate => append(ZlibDecoder::new(packed), limit, &mut out),
            Self::Zstd => frames(packed, limit, &mut out),
        };
        read.map_err(|_| {
            let name = self.as_str();
            ApiError::Invalid(format!("the body is not the {name} that content-encoding says"))
        })?;
        if out.len() > limit { Err(ApiError::BodyTooLong { limit }) } else { Ok(out.into()) }
    }
}

/// Reads until the end, or a byte more than the limit.
fn append(from: impl Read, limit: usize, out: &mut Vec<u8>) -> io::Result<()> {
    let room = (limit + 1).saturating_sub(out.len());
    from.take(room as u64).read_to_end(out).map(drop)
}

/// Reads frames of zstd, of which there may be several.
fn frames(mut packed: &[u8], limit: usize, out: &mut Vec<u8>) -> io::Result<()> {
    while !packed.is_empty() && out.len() <= limit {
        let frame = StreamingDecoder::new(&mut packed).map_err(io::Error::other)?;
        append(frame, limit, out)?;
    }
    Ok(())
}

/// A name as it may be repeated: a client must not put phrases there that gateways act upon.
fn shown(name: &str) -> String {
    let plain =
        name.len() <= LONGEST_NAME && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if plain { name.to_owned() } else { "...".to_owned() }
}
