//! Alerts on their way to chats, and secrets that must not be seen on it.

use std::time::Duration;

use serde_json::{Value, json};
use serin::model::Phase;
use tokio::net::TcpListener;

use super::super::app::{App, small};
use super::super::operator::Operator;
use super::ear::{Ear, Heard};
use super::{analysis, secret, template};
use crate::apiserver::establish_our_definitions;
use crate::support::{Outcome, in_namespace, run, wait_until};

/// A rollout, one check and a drain.
const ENDED_WITHIN: Duration = Duration::from_secs(120);
/// Alerts leave at once; a new operator leads after the lease of the one before has run out.
const TOLD_WITHIN: Duration = Duration::from_secs(60);

/// A kind of chat, the path that its messages come in at, where its text stands, and what is the same in each of them.
struct Kind {
    name: &'static str,
    path: &'static str,
    text: &'static str,
    about: &'static str,
    colour: Option<(&'static str, [&'static str; 2])>,
}

const SLACK_TEXT: &str = "/attachments/0/text";
const SLACK_ABOUT: &str = "/attachments/0/author_name";
const SLACK_COLOUR: &str = "/attachments/0/color";

const KINDS: [Kind; 5] = [
    Kind {
        name: "slack",
        path: "/planted-slack",
        text: SLACK_TEXT,
        about: SLACK_ABOUT,
        colour: Some((SLACK_COLOUR, ["good", "danger"])),
    },
    Kind {
        name: "discord",
        path: "/planted-discord/slack",
        text: SLACK_TEXT,
        about: SLACK_ABOUT,
        colour: Some((SLACK_COLOUR, ["good", "danger"])),
    },
    Kind {
        name: "rocket",
        path: "/planted-rocket",
        text: SLACK_TEXT,
        about: SLACK_ABOUT,
        colour: Some((SLACK_COLOUR, ["#0076D7", "#FF0000"])),
    },
    Kind {
        name: "msteams",
        path: "/planted-msteams",
        text: "/sections/0/activityTitle",
        about: "/summary",
        colour: Some(("/themeColor", ["0076D7", "FF0000"])),
    },
    Kind {
        name: "gchat",
        path: "/planted-gchat",
        text: "/cards/0/sections/0/widgets/0/textParagraph/text",
        about: "/cards/0/header/subtitle",
        colour: None,
    },
];

impl Kind {
    /// The message with this text, once it is there.
    async fn told(&self, ear: &Ear, text: &str) -> Outcome<Heard> {
        let what = format!("{text:?} at {}", self.name);
        wait_until(&what, TOLD_WITHIN, async || {
            let says = |heard: &Heard| {
                heard.body.pointer(self.text).and_then(Value::as_str).unwrap_or_default().contains(text)
            };
            Ok(ear.heard(self.path).into_iter().find(says))
        })
        .await
    }

    fn has_its_form(&self, heard: &Heard, namespace: &str, colour: usize) {
        let at = |pointer: &str| heard.body.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(at(self.about), format!("hello.{namespace}"), "{}: {heard:?}", self.name);
        if let Some((pointer, colours)) = self.colour {
            assert_eq!(at(pointer), colours[colour], "{}: {heard:?}", self.name);
        }
        let token = (self.name == "slack").then(|| "Bearer planted-token".to_owned());
        assert_eq!(heard.authorization, token, "{}", self.name);
    }
}

fn provider(kind: &str) -> Value {
    json!({
        "apiVersion": "flagger.app/v1beta1",
        "kind": "AlertProvider",
        "metadata": {"name": kind},
        "spec": {"type": kind, "secretRef": {"name": kind}},
    })
}

/// A chat of each kind, one that never answers, and a Prometheus that repeats the password: everything by Secrets.
async fn plant(app: &App, ear: &Ear, dead: &str) -> Outcome<Value> {
    let mut alerts = Vec::new();
    for kind in KINDS {
        let address = ear.url(kind.path.trim_start_matches('/').trim_end_matches("/slack"));
        let mut data = json!({ "address": address });
        if kind.name == "slack" {
            data["token"] = json!("planted-token");
        }
        app.apply(&secret(kind.name, &data)).await?;
        app.apply(&provider(kind.name)).await?;
        alerts.push(json!({"name": kind.name, "severity": "info", "providerRef": {"name": kind.name}}));
    }
    let mut silent = provider("slack");
    silent["metadata"]["name"] = json!("dead");
    silent["spec"] = json!({"type": "slack", "address": format!("http://{dead}/planted-dead")});
    app.apply(&silent).await?;
    alerts.insert(0, json!({"name": "dead", "severity": "info", "providerRef": {"name": "dead"}}));

    app.apply(&secret("prometheus", &json!({"username": "reader", "password": "planted-password"}))).await?;
    let provider = json!({"type": "prometheus", "address": ear.url(""), "secretRef": {"name": "prometheus"}});
    app.apply(&template("errors", &provider, "vector(0)")).await?;
    Ok(json!({ "alerts": alerts }))
}

#[tokio::test]
async fn each_kind_of_chat_is_told_beside_a_dead_one_also_over_a_restart_and_no_planted_secret_shows() -> Outcome {
    establish_our_definitions().await?;
    in_namespace(async |client, namespace| {
        let (ear, silent) = (Ear::start().await?, TcpListener::bind("127.0.0.1:0").await?);
        let operator = Operator::start(&namespace, &[])?;
        let app = App::new(&client, &namespace, "hello");
        let alerts = plant(&app, &ear, &silent.local_addr()?.to_string()).await?;
        app.go_live(&small()).await?;
        app.adopted(&analysis("errors", &alerts)).await?;
        for kind in KINDS {
            let heard = kind.told(&ear, "New Deployment detected, initialization completed.").await?;
            kind.has_its_form(&heard, &namespace, 0);
        }

        ear.refuse(true);
        app.release(&[("VERSION", "2")]).await?;
        app.reaches(Phase::Failed, ENDED_WITHIN).await?;
        let sentence = app.tells("CheckNotPossible", TOLD_WITHIN).await?;
        assert!(sentence.contains("Prometheus answered 500: reader may not read with …"), "{sentence}");
        operator.kill()?;
        ear.refuse(false);
        let operator = Operator::start(&namespace, &[])?;
        for kind in KINDS {
            let heard = kind.told(&ear, "Failed checks threshold reached 1").await?;
            kind.has_its_form(&heard, &namespace, 1);
        }

        let seen = run("kubectl", &["get", "canaries,events", "-n", &namespace, "-o", "yaml"])?;
        let shown: Vec<_> = seen.lines().filter(|line| line.contains("planted")).collect();
        assert!(shown.is_empty(), "{shown:?}");
        assert!(!operator.said("planted")?, "a secret is in the log");
        Ok(())
    })
    .await
}
