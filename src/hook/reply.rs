//! What a try means: yes, no, or try again.

use std::time::Duration;

use crate::http::{HttpResponse, origin, shorten};
use crate::model::{Hook, Reply};

/// How much of a failure's body users see, in characters: an event holds 1 kB.
const SHOWN: usize = 800;
/// The first wait between two tries; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait that we choose.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// Longest wait that a server may ask for.
const LONGEST_ASKED: Duration = Duration::from_secs(300);

/// What follows a try.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Next {
    /// Nothing: this is the reply.
    Done(Reply),
    /// Another try after so long.
    Again(Duration),
}

/// What follows after `tries` tries, the last of which came to `outcome`: an answer, or why there was none.
pub fn next(hook: &Hook, tries: u32, outcome: &Result<HttpResponse, String>) -> Next {
    match outcome {
        Ok(answer) if (200..300).contains(&answer.status) => Next::Done(Reply::Yes),
        outcome if tries <= hook.retries && may_pass(outcome) => Next::Again(wait(tries, outcome)),
        outcome => Next::Done(Reply::No(why(hook, tries, outcome))),
    }
}

/// Whether another try may come to something else. A certificate that is not trusted stays so.
fn may_pass(outcome: &Result<HttpResponse, String>) -> bool {
    match outcome {
        Ok(answer) => matches!(answer.status, 429 | 500 | 502..),
        Err(why) => !why.contains("certificate"),
    }
}

fn wait(tries: u32, outcome: &Result<HttpResponse, String>) -> Duration {
    let asked = match outcome {
        Ok(HttpResponse { status: 429 | 503, retry_after: Some(asked), .. }) => Some((*asked).min(LONGEST_ASKED)),
        _ => None,
    };
    let doubled = FIRST_WAIT.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1)));
    asked.unwrap_or(doubled.min(LONGEST_WAIT))
}

/// The part of a sentence that follows "failed". A URL may hold a token: only its host is shown.
fn why(hook: &Hook, tries: u32, outcome: &Result<HttpResponse, String>) -> String {
    let after = if tries > 1 { format!(", {tries} tries") } else { String::new() };
    match outcome {
        Ok(HttpResponse { status, .. }) if (300..400).contains(status) => {
            format!("answered {status}{after}: redirects to other hosts are not followed; write the final URL")
        }
        Ok(HttpResponse { status, body, .. }) => match shorten(&String::from_utf8_lossy(body), SHOWN) {
            text if text.is_empty() => format!("answered {status}{after} without a text"),
            text => format!("answered {status}{after}: {text}"),
        },
        Err(why) => {
            let origin = origin(&hook.url).unwrap_or(&hook.url);
            let (scheme, authority) = origin.split_once("://").unwrap_or(("http", origin));
            let host = authority.rsplit('@').next().unwrap_or_default();
            format!("did not answer{after}: {scheme}://{host}: {}", shorten(why, SHOWN))
        }
    }
}
