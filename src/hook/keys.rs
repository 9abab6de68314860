//! What a call is made with: credentials, a signature, a client certificate and an authority.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use ring::hmac;

use crate::http::{self, Credentials, HttpRequest, Tls};
use crate::model::{Authority, HookKeys, Shelf, Time};

/// The data of a Secret or ConfigMap.
pub type Data = BTreeMap<String, Vec<u8>>;

/// When a request was signed, in seconds since 1970.
const TIMESTAMP: &str = "x-serin-timestamp";
/// `sha256=` and the HMAC-SHA256, in hexadecimal, of the timestamp, a dot and the body.
const SIGNATURE: &str = "x-serin-signature";

/// Why a call cannot be made as its spec asks. The text names the object and the key, never a value.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum KeyError {
    /// The object is not there.
    #[error("{kind} {name} is not there; apply it in the canary's namespace, or correct {field}")]
    Missing {
        /// Its kind.
        kind: &'static str,
        /// Its name with its namespace.
        name: String,
        /// What names it.
        field: &'static str,
    },
    /// The Secret has nothing that a call could be made with.
    #[error(
        "Secret {0} has none of the keys token, username, hmacKey and tls.crt; write the one that the server asks for"
    )]
    Empty(String),
    /// A call carries one of the two.
    #[error(
        "Secret {0} has both token and password, and a call carries only one of them; drop token, or username and password"
    )]
    Both(String),
    /// Half of a pair.
    #[error("Secret {secret} has {there} but not {missing}; write both")]
    Half {
        /// The Secret.
        secret: String,
        /// The key that is there.
        there: &'static str,
        /// The one that is not.
        missing: &'static str,
    },
    /// A value that no header can carry.
    #[error("Secret {secret} has a {key} that is empty or no single line of text; write it anew")]
    Unusable {
        /// The Secret.
        secret: String,
        /// The key.
        key: &'static str,
    },
    /// The object has no certificate under this key.
    #[error("{kind} {name} has no {key}; write the authority's certificate there in PEM, or another caRef.key")]
    NoAuthority {
        /// The object's kind.
        kind: &'static str,
        /// Its name with its namespace.
        name: String,
        /// The key.
        key: String,
    },
    /// A client certificate without TLS.
    #[error(
        "Secret {0} has tls.crt, and a url that does not begin with https: shows it to nobody; write an https URL, or drop tls.crt and tls.key"
    )]
    NoTls(String),
}

/// A request with all that it is made with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Equipped {
    /// The request with its credentials and its signature.
    pub request: HttpRequest,
    /// What its connection is made with.
    pub tls: Tls,
}

/// What was found of what the keys of a hook name; `None` for what is not there.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    /// The namespace of all of it.
    pub namespace: &'a str,
    /// The Secret.
    pub secret: Option<&'a Data>,
    /// The object with the authority.
    pub authority: Option<&'a Data>,
}

/// The request as it is sent at this moment: a signature is good for a short while.
///
/// # Errors
/// What is missing or contradicts itself; part of a sentence.
pub fn equip(request: HttpRequest, keys: &HookKeys, found: Found<'_>, now: Time) -> Result<Equipped, KeyError> {
    let mut equipped = Equipped { request, tls: Tls::default() };
    if let Some(name) = &keys.secret {
        let secret = format!("{name}.{}", found.namespace);
        let Some(data) = found.secret else {
            return Err(KeyError::Missing { kind: Shelf::Secret.as_str(), name: secret, field: "secretRef" });
        };
        Keys { secret, data }.add_to(&mut equipped, now)?;
    }
    if let Some(Authority { shelf, name, key }) = &keys.authority {
        let (kind, name) = (shelf.as_str(), format!("{name}.{}", found.namespace));
        let Some(data) = found.authority else { return Err(KeyError::Missing { kind, name, field: "caRef" }) };
        let pem = data.get(key).filter(|pem| !pem.is_empty()).cloned();
        equipped.tls.authority = Some(pem.ok_or_else(|| KeyError::NoAuthority { kind, name, key: key.clone() })?);
    }
    Ok(equipped)
}

/// The values of two keys that belong together.
type Pair<'a> = (&'a [u8], &'a [u8]);

/// A Secret with its name.
struct Keys<'a> {
    secret: String,
    data: &'a Data,
}

impl Keys<'_> {
    fn add_to(&self, equipped: &mut Equipped, now: Time) -> Result<(), KeyError> {
        let token = self.line("token")?;
        let user = self.pair("username", "password")?;
        let key = self.line("hmacKey")?;
        let certificate = self.pair("tls.crt", "tls.key")?;
        if token.is_none() && user.is_none() && key.is_none() && certificate.is_none() {
            return Err(KeyError::Empty(self.secret.clone()));
        }
        equipped.request.credentials = match (token, user) {
            (Some(_), Some(_)) => return Err(KeyError::Both(self.secret.clone())),
            (Some(token), None) => Credentials::Bearer(token.to_owned()),
            (None, Some(_)) => {
                let half = |key| self.line(key).map(|text| text.unwrap_or_default().to_owned());
                Credentials::Basic(half("username")?, half("password")?)
            }
            (None, None) => Credentials::None,
        };
        if let Some(key) = key {
            sign(&mut equipped.request, key.as_bytes(), now);
        }
        if let Some((chain, key)) = certificate {
            if !http::is_https(&equipped.request.url) {
                return Err(KeyError::NoTls(self.secret.clone()));
            }
            equipped.tls.identity = Some([chain, b"\n", key].concat());
        }
        Ok(())
    }

    /// The text of a key without the line break that editors and `echo` leave at its end; a header must be able to carry it.
    fn line(&self, key: &'static str) -> Result<Option<&str>, KeyError> {
        let Some(bytes) = self.data.get(key) else { return Ok(None) };
        let text = std::str::from_utf8(bytes).ok().map(|text| text.trim_end_matches(['\r', '\n']));
        match text {
            Some(text) if !text.is_empty() && !text.chars().any(char::is_control) => Ok(Some(text)),
            _ => Err(KeyError::Unusable { secret: self.secret.clone(), key }),
        }
    }

    /// Two keys of which neither comes without the other.
    fn pair(&self, one: &'static str, other: &'static str) -> Result<Option<Pair<'_>>, KeyError> {
        let half = |there, missing| Err(KeyError::Half { secret: self.secret.clone(), there, missing });
        match (self.data.get(one), self.data.get(other)) {
            (Some(one), Some(other)) => Ok(Some((one, other))),
            (None, None) => Ok(None),
            (Some(_), None) => half(one, other),
            (None, Some(_)) => half(other, one),
        }
    }
}

fn sign(request: &mut HttpRequest, key: &[u8], now: Time) {
    let timestamp = now.as_millis().div_euclid(1000).to_string();
    let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
    for part in [timestamp.as_bytes(), b".", &request.body] {
        context.update(part);
    }
    let mut signature = "sha256=".to_owned();
    for byte in context.sign().as_ref() {
        // A text takes every byte.
        let _ = write!(signature, "{byte:02x}");
    }
    request.headers.extend([(TIMESTAMP.to_owned(), timestamp), (SIGNATURE.to_owned(), signature)]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::Trust;

    fn data(keys: &[(&str, &str)]) -> Data {
        keys.iter().map(|(key, text)| ((*key).to_owned(), text.as_bytes().to_vec())).collect()
    }

    fn equip(url: &str, secret: &[(&str, &str)]) -> Result<Equipped, String> {
        let body = "{\"name\":\"podinfo\"}".to_owned();
        let request = HttpRequest::post(url.to_owned(), "application/json", body, Credentials::None, Trust::System);
        let keys = HookKeys { secret: Some("gate".to_owned()), authority: None };
        let found = Found { namespace: "test", secret: Some(&data(secret)), authority: None };
        super::equip(request, &keys, found, Time::from_millis(1_767_225_600_999)).map_err(|error| error.to_string())
    }

    /// Worked out with `printf '%s.%s' 1767225600 '{"name":"podinfo"}' | openssl dgst -sha256 -hmac it-is-a-secret`.
    #[test]
    fn the_signature_is_of_the_timestamp_a_dot_and_the_body() {
        let equipped = equip("http://a.test/", &[("hmacKey", "it-is-a-secret\n")]).unwrap();
        let header = |name: &str| {
            equipped.request.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
        };
        assert_eq!(header("x-serin-timestamp"), Some("1767225600"));
        assert_eq!(
            header("x-serin-signature"),
            Some("sha256=4945c4edbcc67a8d627df6cfad5aa91dae503897a22076869ccbb9a30e21c7ef")
        );
    }

    #[test]
    fn a_signature_and_a_certificate_go_with_either_kind_of_credentials() {
        let secret = [("token", "t\n"), ("hmacKey", "k"), ("tls.crt", "CERT"), ("tls.key", "KEY")];
        let equipped = equip("https://a.test/", &secret).unwrap();
        assert!(equipped.request.credentials == Credentials::Bearer("t".to_owned()));
        assert_eq!(equipped.tls.identity.as_deref(), Some(b"CERT\nKEY".as_slice()));
        assert_eq!(equipped.request.headers.len(), 3);
        let basic = equip("http://a.test/", &[("username", "u"), ("password", "p")]).unwrap();
        assert!(basic.request.credentials == Credentials::Basic("u".to_owned(), "p".to_owned()));
    }

    #[test]
    fn what_a_secret_lacks_is_a_sentence_that_names_secret_and_key_but_no_value() {
        let says = |secret: &[(&str, &str)]| equip("http://a.test/", secret).unwrap_err();
        let cases: [(&[(&str, &str)], &str); 7] = [
            (&[("address", "hidden")], "has none of the keys token, username, hmacKey and tls.crt"),
            (&[("token", "hidden"), ("username", "u"), ("password", "p")], "has both token and password"),
            (&[("username", "hidden")], "has username but not password; write both"),
            (&[("password", "hidden")], "has password but not username; write both"),
            (&[("tls.key", "hidden")], "has tls.key but not tls.crt; write both"),
            (&[("token", "hidden\nX-Admin: 1")], "has a token that is empty or no single line of text"),
            (
                &[("tls.crt", "hidden"), ("tls.key", "hidden")],
                "a url that does not begin with https: shows it to nobody",
            ),
        ];
        for (secret, expected) in cases {
            let said = says(secret);
            assert!(said.starts_with("Secret gate.test ") && said.contains(expected), "{said}");
            assert!(!said.contains("hidden"), "{said}");
        }
    }

    #[test]
    fn an_object_or_a_key_that_is_not_there_is_named() {
        let (shelf, name, key) = (Shelf::ConfigMap, "trust".to_owned(), "root.pem".to_owned());
        let keys = HookKeys { secret: None, authority: Some(Authority { shelf, name, key }) };
        let request = HttpRequest::get("https://a.test/".to_owned(), Credentials::None, Trust::System);
        let says = |authority: Option<&Data>| {
            let found = Found { namespace: "test", secret: None, authority };
            super::equip(request.clone(), &keys, found, Time::from_millis(0)).unwrap_err().to_string()
        };
        let missing = "ConfigMap trust.test is not there; apply it in the canary's namespace, or correct caRef";
        assert_eq!(says(None), missing);
        assert!(says(Some(&data(&[("ca.crt", "CERT")]))).starts_with("ConfigMap trust.test has no root.pem; "));
    }

    #[test]
    fn nothing_secret_is_in_what_is_logged() {
        let secret = [("token", "hidden"), ("hmacKey", "hidden"), ("tls.crt", "hidden"), ("tls.key", "hidden")];
        let equipped = equip("https://a.test/", &secret).unwrap();
        assert!(!format!("{equipped:?}").contains("hidden") && !format!("{equipped:?}").contains("104, 105"));
    }
}
