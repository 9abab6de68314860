//! Hosts that do not answer are left alone for a while, so that nobody waits for what has just failed for others.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::http::HttpResponse;

/// Failures in a row after which a host is left alone.
const FAILURES: u32 = 8;
/// So long it is left alone: less than the shortest interval between two checks, so that a host which is back costs no
/// canary more than one check.
const PAUSE: Duration = Duration::from_secs(5);
/// The longest pause that a host itself may ask for.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Hosts that are remembered.
const HOSTS: usize = 1024;

/// All hosts.
#[derive(Default)]
pub(crate) struct Breakers(Mutex<BTreeMap<String, Arc<Breaker>>>);

/// One host.
#[derive(Default)]
pub(crate) struct Breaker(Mutex<Trouble>);

#[derive(Default)]
struct Trouble {
    failures: u32,
    /// Nobody asks before; then one asks first, and the others after its answer.
    until: Option<Instant>,
}

impl Breakers {
    /// The host of a URL.
    pub(crate) fn of(&self, url: &str) -> Arc<Breaker> {
        let host = url.split('/').nth(2).unwrap_or_default();
        let mut hosts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if hosts.len() >= HOSTS {
            hosts.retain(|_, breaker| breaker.trouble().failures > 0);
        }
        Arc::clone(hosts.entry(host.to_owned()).or_default())
    }
}

impl Breaker {
    /// # Errors
    /// Part of a sentence: it is not asked now.
    pub(crate) fn may_ask(&self, now: Instant) -> Result<(), String> {
        let mut trouble = self.trouble();
        let Some(until) = trouble.until else { return Ok(()) };
        let left = until.saturating_duration_since(now);
        if left.is_zero() {
            // The one that asks now finds out for all.
            trouble.until = Some(now + PAUSE);
            return Ok(());
        }
        let seconds = left.as_secs() + 1;
        Err(match trouble.failures {
            0 => format!("it asked to be left alone; it is asked again in {seconds} s"),
            failures => format!("no answer {failures} times in a row; it is asked again in {seconds} s"),
        })
    }

    /// Takes down how it went.
    pub(crate) fn note(&self, answer: &Result<HttpResponse, String>, now: Instant) {
        let mut trouble = self.trouble();
        let (failures, pause) = match answer {
            Ok(answer) => (0, answer.retry_after.filter(|_| matches!(answer.status, 429 | 503))),
            Err(_) => {
                let failures = trouble.failures.saturating_add(1);
                (failures, Some(PAUSE).filter(|_| failures >= FAILURES))
            }
        };
        *trouble = Trouble { failures, until: pause.map(|pause| now + pause.min(LONGEST_PAUSE)) };
    }

    fn trouble(&self) -> MutexGuard<'_, Trouble> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, retry_after: Option<u64>) -> Result<HttpResponse, String> {
        Ok(HttpResponse { retry_after: retry_after.map(Duration::from_secs), ..HttpResponse::new(status, Vec::new()) })
    }

    #[test]
    fn a_host_that_fails_again_and_again_is_left_alone_and_one_question_finds_out_whether_it_is_back() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES {
            assert_eq!(breaker.may_ask(now), Ok(()));
            breaker.note(&Err("refused".to_owned()), now);
        }
        assert_eq!(breaker.may_ask(now).unwrap_err(), "no answer 8 times in a row; it is asked again in 6 s");
        let later = now + PAUSE;
        assert_eq!(breaker.may_ask(later), Ok(()));
        assert!(breaker.may_ask(later).is_err(), "only one asks");
        breaker.note(&answered(200, None), later);
        assert_eq!(breaker.may_ask(later), Ok(()));
    }

    #[test]
    fn a_host_that_says_when_to_come_again_is_left_alone_until_then() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        breaker.note(&answered(429, Some(7)), now);
        assert!(breaker.may_ask(now + Duration::from_secs(6)).unwrap_err().contains("asked to be left alone"));
        assert_eq!(breaker.may_ask(now + Duration::from_secs(7)), Ok(()));
        breaker.note(&answered(429, Some(86_400)), now);
        assert_eq!(breaker.may_ask(now + LONGEST_PAUSE), Ok(()));
        breaker.note(&answered(200, Some(7)), now);
        assert_eq!(breaker.may_ask(now), Ok(()), "a good answer asks for nothing");
    }

    #[test]
    fn an_error_of_the_host_is_an_answer() {
        let (breaker, now) = (Breaker::default(), Instant::now());
        for _ in 0..FAILURES * 2 {
            breaker.note(&answered(500, None), now);
        }
        assert_eq!(breaker.may_ask(now), Ok(()));
    }
}
