use std::time::Duration;

use super::*;
use crate::http::HttpResponse;
use crate::model::{HookKeys, Moment, Phase, Reply, Revision, Time, Tone, Trust};

fn hook() -> Hook {
    Hook {
        name: "smoke".into(),
        moment: Moment::PreRollout,
        url: "http://user:pw@tester.test:8080/run?token=t".into(),
        timeout: Duration::from_secs(10),
        retries: 2,
        trust: Trust::System,
        keys: HookKeys::default(),
        deadline: None,
        metadata: [("type", "bash"), ("cmd", "true")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
    }
}

fn call() -> Call {
    let revision = Some(Revision::new("s1-74f2957d5f"));
    Call { hook: hook(), phase: Phase::Progressing, revision, check: None }
}

fn body(request: HttpRequest) -> String {
    String::from_utf8(request.body).unwrap()
}

fn answer(status: u16, body: &str) -> Result<HttpResponse, String> {
    Ok(HttpResponse::new(status, body.as_bytes().to_vec()))
}

fn no(tries: u32, outcome: &Result<HttpResponse, String>) -> String {
    match next(&Hook { retries: 0, ..hook() }, tries, outcome) {
        Next::Done(Reply::No(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_payload_is_flaggers_to_the_byte() {
    let request = request(&call(), &CanaryRef::podinfo());
    assert_eq!(request.headers, [("content-type".to_owned(), "application/json".to_owned())]);
    assert_eq!(
        body(request),
        r#"{"name":"podinfo","namespace":"test","phase":"Progressing","checksum":"s1-74f2957d5f","metadata":{"cmd":"true","type":"bash"}}"#
    );
}

#[test]
fn a_hook_without_metadata_sends_none() {
    let call = Call { hook: Hook { metadata: Default::default(), ..hook() }, ..call() };
    assert!(!body(super::request(&call, &CanaryRef::podinfo())).contains("metadata"));
}

#[test]
fn an_event_keeps_its_own_texts_whatever_the_user_wrote() {
    let mut hook = hook();
    hook.metadata =
        [("environment", "staging"), ("eventType", "mine")].map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    let revision = Revision::new("s1-74f2957d5f");
    let told = Told {
        phase: Phase::Progressing,
        revision: Some(&revision),
        message: "Advance podinfo.test canary weight 10",
        tone: Tone::Normal,
        at: Time::from_millis(1_578_607_635_167),
    };
    assert_eq!(
        body(event(&hook, &CanaryRef::podinfo(), &told)),
        concat!(
            r#"{"name":"podinfo","namespace":"test","phase":"Progressing","checksum":"s1-74f2957d5f","metadata":{"#,
            r#""environment":"staging","eventMessage":"Advance podinfo.test canary weight 10","eventType":"Normal","timestamp":"1578607635167"}}"#
        )
    );
}

/// Case 81: 204 too.
#[test]
fn every_2xx_is_a_yes_and_nothing_else_is() {
    for status in [200, 201, 202, 204, 299] {
        assert_eq!(next(&hook(), 1, &answer(status, "")), Next::Done(Reply::Yes), "{status}");
    }
    for status in [304, 400, 403, 404, 501] {
        assert!(matches!(next(&hook(), 1, &answer(status, "")), Next::Done(Reply::No(_))), "{status}");
    }
}

/// Case 78.
#[test]
fn a_no_shows_what_the_hook_said_for_every_status() {
    assert_eq!(no(1, &answer(403, "Forbidden\n")), "answered 403: Forbidden");
    assert_eq!(no(3, &answer(500, "1 of 3 tests\nfailed")), "answered 500, 3 tries: 1 of 3 tests failed");
    assert_eq!(no(1, &answer(502, "")), "answered 502 without a text");
    assert!(no(1, &answer(500, &"x".repeat(9000))).len() < 1000);
}

#[test]
fn the_sentence_of_a_failure_holds_neither_a_password_nor_the_path() {
    assert_eq!(
        no(1, &Err("connection refused".to_owned())),
        "did not answer: http://tester.test:8080: connection refused"
    );
}

#[test]
fn a_redirect_to_another_host_says_what_to_write() {
    assert!(no(1, &answer(302, "")).ends_with("redirects to other hosts are not followed; write the final URL"));
}

/// Case 79.
#[test]
fn what_may_pass_is_tried_again_as_often_as_the_hook_says() {
    for outcome in [answer(429, ""), answer(500, ""), answer(503, ""), Err("connection reset".to_owned())] {
        assert_eq!(next(&hook(), 1, &outcome), Next::Again(Duration::from_secs(1)));
        assert_eq!(next(&hook(), 2, &outcome), Next::Again(Duration::from_secs(2)));
        assert!(matches!(next(&hook(), 3, &outcome), Next::Done(Reply::No(_))));
    }
    for outcome in [answer(501, ""), answer(403, ""), Err("invalid peer certificate: UnknownIssuer".to_owned())] {
        assert!(matches!(next(&hook(), 1, &outcome), Next::Done(Reply::No(_))), "{outcome:?}");
    }
}

#[test]
fn waits_double_up_to_half_a_minute_unless_the_server_asks_for_another() {
    let hook = Hook { retries: u32::MAX, ..hook() };
    let wait = |tries, outcome: &Result<HttpResponse, String>| match next(&hook, tries, outcome) {
        Next::Again(wait) => wait.as_secs(),
        Next::Done(reply) => panic!("{reply:?}"),
    };
    let seconds: Vec<_> = [1, 2, 3, 4, 5, 6, 99].map(|tries| wait(tries, &answer(500, ""))).into();
    assert_eq!(seconds, [1, 2, 4, 8, 16, 30, 30]);
    let asked = |status, seconds| {
        Ok(HttpResponse { retry_after: Some(Duration::from_secs(seconds)), ..HttpResponse::new(status, vec![]) })
    };
    assert_eq!([wait(1, &asked(503, 7)), wait(1, &asked(429, 7)), wait(1, &asked(500, 7))], [7, 7, 1]);
    assert_eq!(wait(1, &asked(503, 86_400)), 300);
}
