//! Cookies that keep users on a side, as `Set-Cookie` values and back.

use crate::api::{SameSite, SessionAffinity};
use crate::model::Cookie;

/// The header that brings cookies back.
pub(super) const HEADER: &str = "Cookie";
/// The header that gives them.
pub(super) const SET: &str = "Set-Cookie";

const DAY: i64 = 86_400;

/// Keeps the cookie for as long as the user asked (`maxAge`; a day by default).
pub(super) fn kept(cookie: &Cookie, options: Option<&SessionAffinity>) -> String {
    let asked = options.map(|options| i64::from(options.max_age)).filter(|seconds| *seconds != 0);
    kept_for(asked.unwrap_or(DAY), cookie, options)
}

/// Keeps the cookie for so many seconds.
pub(super) fn kept_for(seconds: i64, cookie: &Cookie, options: Option<&SessionAffinity>) -> String {
    let mut text = format!("{}={}; Max-Age={seconds}", cookie.name, cookie.value);
    let Some(options) = options else { return text };
    let attribute = |name: &str, value: &Option<String>| value.as_ref().map(|value| format!("; {name}={value}"));
    let flag = |name: &str, set: Option<bool>| set.filter(|set| *set).map(|_| format!("; {name}"));
    let same_site = options.same_site.map(|same_site| match same_site {
        SameSite::Strict => "Strict".to_owned(),
        SameSite::Lax => "Lax".to_owned(),
        SameSite::None => "None".to_owned(),
    });
    let attributes = [
        attribute("Domain", &options.domain),
        flag("HttpOnly", options.http_only),
        flag("Partitioned", options.partitioned),
        attribute("Path", &options.path),
        attribute("SameSite", &same_site),
        flag("Secure", options.secure),
    ];
    text.extend(attributes.into_iter().flatten());
    text
}

/// Takes the cookie back. A browser drops a cookie only when domain, path and partition are those that it was set with.
pub(super) fn expired(cookie: &Cookie, options: Option<&SessionAffinity>) -> String {
    kept_for(-1, cookie, options)
}

/// The cookie of a `Set-Cookie` value.
pub(super) fn parse(set_cookie: &str) -> Option<Cookie> {
    let (name, value) = set_cookie.split(';').next()?.split_once('=')?;
    Some(Cookie { name: name.trim().to_owned(), value: value.trim().to_owned() })
}

/// Whether a `Set-Cookie` value takes the cookie back.
pub(super) fn expires(set_cookie: &str) -> bool {
    set_cookie.split(';').any(|attribute| attribute.trim() == "Max-Age=-1")
}

/// Seconds of a duration such as `1m` or `1m30s`: a minute where it cannot be read, at least ten, as `analysis.interval` counts.
pub(super) fn seconds(text: &str) -> i64 {
    const SHORTEST: i64 = 10;
    duration(text).filter(|seconds| *seconds != 0).map_or(MINUTE, |seconds| seconds.max(SHORTEST))
}

const MINUTE: i64 = 60;

/// Seconds of a duration in hours, minutes and seconds.
pub(super) fn duration(text: &str) -> Option<i64> {
    let mut rest = text;
    let mut total: i64 = 0;
    while !rest.is_empty() {
        let digits = rest.len() - rest.trim_start_matches(|c: char| c.is_ascii_digit()).len();
        let (number, tail) = rest.split_at(digits);
        let unit = match tail.chars().next()? {
            'h' => 60 * MINUTE,
            'm' => MINUTE,
            's' => 1,
            _ => return None,
        };
        total = total.saturating_add(number.parse::<i64>().ok()?.saturating_mul(unit));
        rest = tail.get(1..)?;
    }
    Some(total)
}

/// The text as an RE2 expression that means nothing but itself.
pub(super) fn escaped(text: &str) -> String {
    let mut regex = String::with_capacity(text.len());
    for c in text.chars() {
        if r"\.+*?()|[]{}^$".contains(c) {
            regex.push('\\');
        }
        regex.push(c);
    }
    regex
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_is_read_as_the_analysis_reads_it() {
        for (text, wanted) in
            [("1m", 60), ("30s", 30), ("2h", 7200), ("1m30s", 90), ("5s", 10), ("", 60), ("1x", 60), ("m", 60)]
        {
            assert_eq!(seconds(text), wanted, "{text}");
        }
    }

    #[test]
    fn attributes_follow_in_one_order_and_only_if_set() {
        let cookie = Cookie { name: "a".to_owned(), value: "b".to_owned() };
        let options = SessionAffinity {
            domain: Some("shop.example".to_owned()),
            http_only: Some(true),
            partitioned: Some(false),
            path: Some("/".to_owned()),
            same_site: Some(SameSite::Lax),
            secure: Some(true),
            ..SessionAffinity::default()
        };
        let text = "a=b; Max-Age=86400; Domain=shop.example; HttpOnly; Path=/; SameSite=Lax; Secure";
        assert_eq!(kept(&cookie, Some(&options)), text);
        assert_eq!(kept(&cookie, None), "a=b; Max-Age=86400");
        assert_eq!(parse(text), Some(cookie));
    }
}
