//! Asks KPI providers: logs in where that is needed, sends one request after the other, and lets equal questions share one
//! answer. Never knows what an answer means.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::future::{join, join_all};
use tokio::sync::OnceCell;
use tokio::time::{Instant, sleep};

use super::ask::read_secret;
use super::breaker::Breakers;
use super::cluster::Cluster;
use super::groups::{Groups, Waiting};
use super::http::Http;
use super::{clock, identity};
use crate::http::{HttpRequest, HttpResponse};
use crate::metric::diagnosis::Reply;
use crate::metric::group;
use crate::metric::{Ask, Growth, Identity, Login, Means, QueryError, Request, SecretData, Session, Step};
use crate::model::Measurement;

/// So long an answer is good for others who ask the same: the canaries of one check, not the next check.
const FRESH: Duration = Duration::from_secs(1);
/// Statuses after which a session is not used again.
const UNAUTHORIZED: [u16; 2] = [401, 403];

/// All providers.
#[derive(Clone)]
pub(crate) struct Providers {
    http: Http,
    cluster: Cluster,
    groups: Groups,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    breakers: Breakers,
    sessions: Mutex<BTreeMap<[u8; 32], Session>>,
    answers: Mutex<BTreeMap<String, Answer>>,
}

/// An answer that is there or on its way, and since when it is there.
type Answer = Arc<OnceCell<(Measurement, Instant)>>;

impl Providers {
    pub(crate) fn new(http: Http, cluster: Cluster) -> Self {
        Self { http, cluster, groups: Groups::default(), state: Arc::default() }
    }

    /// The KPI, in the words of an event. Whoever asks the same at the same time gets the same.
    pub(crate) async fn measure(&self, ask: &Ask) -> Measurement {
        let answer = self.state.answer(ask.identity());
        let measure = async || {
            let reply = match group::of(ask) {
                Some(others) => self.hear_with_others(others, ask).await,
                None => self.hear(ask).await,
            };
            let measured = match reply {
                Reply::Answered(answer) => ask.measure(&answer),
                Reply::Measured(measured) => measured,
                Reply::NotAsked(why) | Reply::Hidden(why) => Measurement::Error(why),
                Reply::Silent(why) => ask.unanswered(&why),
            };
            (measured, Instant::now())
        };
        let (measured, _) = answer.get_or_init(measure).await;
        ask.told(measured.clone())
    }

    /// What both sides counted, in the words of an event.
    pub(crate) async fn count(&self, growth: &Growth) -> Measurement {
        let before = async {
            match &growth.before {
                Some(ask) => self.answer(ask).await.map(Some),
                None => Ok(None),
            }
        };
        let measured = match join(self.answer(&growth.grown), before).await {
            (Ok(grown), Ok(before)) => growth.sample(&grown, before.as_ref()),
            (Err(why), _) | (_, Err(why)) => why,
        };
        growth.grown.told(measured)
    }

    /// The answer, or what stands for it.
    async fn answer(&self, ask: &Ask) -> Result<HttpResponse, Measurement> {
        Err(match self.hear(ask).await {
            Reply::Answered(answer) => return Ok(answer),
            Reply::Measured(measured) => measured,
            Reply::NotAsked(why) | Reply::Hidden(why) => Measurement::Error(why),
            Reply::Silent(why) => ask.unanswered(&why),
        })
    }

    async fn hear_with_others(&self, others: String, ask: &Ask) -> Reply {
        let me = self.clone();
        self.groups.ask(others, ask, async move |group| me.send_group(group).await).await
    }

    /// Sends a group in one request; where the answer does not tell the parts, each alone.
    async fn send_group(&self, group: Vec<Waiting>) {
        let (asks, senders): (Vec<_>, Vec<_>) = group.into_iter().unzip();
        let whole = if asks.len() > 1 { self.hear_whole(&asks).await } else { Ok(None) };
        let replies = match whole {
            Ok(Some(answers)) => answers.into_iter().map(Reply::Answered).collect(),
            Ok(None) => join_all(asks.iter().map(|ask| self.hear(ask))).await,
            Err(why) => vec![Reply::Silent(why); asks.len()],
        };
        for (sender, reply) in senders.into_iter().zip(replies) {
            // Who does not wait any more needs no reply.
            let _ = sender.send(reply);
        }
    }

    /// The answer of each part; `None` where the answer does not tell them, or nobody can be asked as.
    async fn hear_whole(&self, asks: &[Ask]) -> Result<Option<Vec<HttpResponse>>, String> {
        let secret = match asks.first().and_then(|ask| ask.secret.as_ref()) {
            Some(name) => read_secret(name, &self.cluster).await?,
            None => None,
        };
        let means = Means { secret: secret.as_ref(), session: None, identity: &Identity::default(), now: clock::now() };
        let Some(request) = group::together(asks, &means) else { return Ok(None) };
        let answer = means.scrub(self.ask_address(request).await?);
        Ok(group::apart(asks.len(), &answer))
    }

    /// What becomes of a question.
    pub(crate) async fn hear(&self, ask: &Ask) -> Reply {
        let secret = match &ask.secret {
            Some(name) => match read_secret(name, &self.cluster).await {
                Ok(secret) => secret,
                Err(why) => return Reply::Hidden(why),
            },
            None => None,
        };
        self.converse(ask, secret.as_ref()).await.unwrap_or_else(|reply| reply)
    }

    /// An error is the end of it as well.
    async fn converse(&self, ask: &Ask, secret: Option<&SecretData>) -> Result<Reply, Reply> {
        let identity = identity::read();
        let alone = Means { secret, session: None, identity: &identity, now: clock::now() };
        let key = ask.session_of(&alone);
        let session = match ask.login(&alone).map_err(|error| not_asked(&error))? {
            Some(login) => Some(self.session(key, &login, &alone).await?),
            None => None,
        };
        let means = Means { session: session.as_ref(), ..alone };
        let mut request = ask.request(&means).map_err(|error| not_asked(&error))?;
        let mut heard = Vec::new();
        loop {
            let answer = means.scrub(self.send(request).await.map_err(Reply::Silent)?);
            if session.is_some() && UNAUTHORIZED.contains(&answer.status) {
                self.state.sessions().remove(&key);
            }
            if ask.provider.speaks_promql() {
                return Ok(Reply::Answered(answer));
            }
            heard.push(answer);
            match ask.follow(&heard) {
                Step::Done(measured) => return Ok(Reply::Measured(measured)),
                Step::Ask(next, after) => {
                    sleep(after).await;
                    request = next;
                }
            }
        }
    }

    /// The session that is there, or a new one. Two that log in at once both get one.
    async fn session(&self, key: [u8; 32], login: &Login, means: &Means<'_>) -> Result<Session, Reply> {
        let kept = self.state.sessions().get(&key).filter(|session| session.until > means.now).cloned();
        if let Some(session) = kept {
            return Ok(session);
        }
        let answer = self.ask_address(login.request.clone()).await;
        let answer = means.scrub_login(answer.map_err(|why| Reply::Silent(format!("the login failed: {why}")))?);
        let session = (login.read)(&answer, means.now).map_err(Reply::NotAsked)?;
        let mut sessions = self.state.sessions();
        sessions.retain(|_, session| session.until > means.now);
        sessions.insert(key, session.clone());
        Ok(session)
    }

    async fn send(&self, request: Request) -> Result<HttpResponse, String> {
        match request {
            Request::Http(request) => self.ask_address(request).await,
            Request::Cluster(request) => self.cluster.relay(request).await,
        }
    }

    async fn ask_address(&self, request: HttpRequest) -> Result<HttpResponse, String> {
        let breaker = self.state.breakers.of(&request.url);
        breaker.may_ask(Instant::now())?;
        let answer = self.http.send(request).await;
        breaker.note(&answer, Instant::now());
        answer
    }
}

fn not_asked(error: &QueryError) -> Reply {
    Reply::NotAsked(error.to_string())
}

impl State {
    fn sessions(&self) -> MutexGuard<'_, BTreeMap<[u8; 32], Session>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer to a question: a fresh one, the one that is on its way, or one that is still to be got.
    fn answer(&self, question: String) -> Answer {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        let fresh = |answer: &Answer| match answer.get() {
            Some((_, at)) => at.elapsed() < FRESH,
            None => Arc::strong_count(answer) > 1,
        };
        answers.retain(|_, answer| fresh(answer));
        Arc::clone(answers.entry(question).or_default())
    }
}

#[cfg(test)]
mod tests;
