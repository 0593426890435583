//! What may be the name and the value of a cookie.

/// No site's token or header is longer; servers refuse longer headers themselves.
pub(super) const LONGEST: usize = 16 * 1024;

/// A token of RFC 9110, section 5.6.2.
pub(super) fn is_cookie_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(fits)
}

/// What may stand in a header; browsers send more than RFC 6265 allows.
pub(super) fn is_cookie_value(value: &str) -> bool {
    value.len() <= LONGEST && value.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}
