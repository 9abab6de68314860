//! What a payload asks for. Never runs anything.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use serde_json::Value;

use super::payload::Payload;
use super::process::Program;

/// A task, by how it is run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Task {
    /// A command beside the release: the answer does not wait for it.
    Background {
        program: Program,
        /// The command as the user wrote it.
        text: String,
        log: Log,
    },
    /// A command whose end is the answer.
    Command { program: Program, answer: Show },
    /// A process of a Concord server whose end is the answer.
    Concord(Concord),
    /// A test of an nGrinder server, beside the release.
    NGrinder(NGrinder),
}

/// Whether the output of a command goes into the log.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Log {
    Output,
    End,
}

/// What a success answers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Show {
    Output,
    Nothing,
}

/// A process of a Concord server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Concord {
    pub(super) server: String,
    /// A file with the key.
    pub(super) api_key_path: String,
    /// Names and values of the form.
    pub(super) fields: Vec<(String, String)>,
    pub(super) poll_interval: Duration,
    pub(super) poll_timeout: Duration,
}

/// A test of an nGrinder server, cloned from another one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct NGrinder {
    pub(super) server: String,
    pub(super) clone: u64,
    pub(super) user: String,
    pub(super) password: String,
    pub(super) poll_interval: Duration,
}

type Texts = BTreeMap<String, String>;

impl Task {
    /// Reads the metadata. The error is an answer to the sender.
    pub(super) fn read(payload: &Payload) -> Result<Self, String> {
        let metadata = payload.metadata.as_ref().filter(|metadata| !metadata.is_empty());
        let metadata =
            metadata.ok_or("metadata not found in payload; write the command as metadata.cmd of the webhook")?;
        match metadata.get("type").map_or("cmd", String::as_str) {
            "cmd" => {
                let text = needed(metadata, "cmd", "cmd")?;
                let log = if is_true(metadata, "logCmdOutput") { Log::Output } else { Log::End };
                Ok(Self::Background { program: shell("sh", &text), text, log })
            }
            "bash" => {
                let answer = if is_true(metadata, "returnCmdOutput") { Show::Output } else { Show::Nothing };
                Ok(Self::Command { program: shell("bash", &needed(metadata, "bash", "cmd")?), answer })
            }
            "helm" | "helmv3" => tool("helm", metadata),
            "kubectl" => tool("kubectl", metadata),
            "concord" => concord(metadata).map(Self::Concord),
            "ngrinder" => ngrinder(metadata).map(Self::NGrinder),
            other => Err(format!(
                "metadata.type is {other:?}, which is no task; write one of cmd, bash, helm, helmv3, kubectl, concord, ngrinder"
            )),
        }
    }

    /// The word in `metadata.type`.
    pub(super) const fn kind(&self) -> &'static str {
        match self {
            Self::Background { .. } => "cmd",
            Self::Command { program, .. } => program.name,
            Self::Concord(_) => "concord",
            Self::NGrinder(_) => "ngrinder",
        }
    }
}

fn shell(name: &'static str, text: &str) -> Program {
    Program { name, args: vec!["-c".to_owned(), text.to_owned()] }
}

/// Arguments are split at spaces and nothing is quoted, as in Flagger.
fn tool(name: &'static str, metadata: &Texts) -> Result<Task, String> {
    let args = needed(metadata, name, "cmd")?.split_whitespace().map(str::to_owned).collect();
    Ok(Task::Command { program: Program { name, args }, answer: Show::Nothing })
}

fn concord(metadata: &Texts) -> Result<Concord, String> {
    let needs = |key| needed(metadata, "concord", key);
    let mut fields = Vec::new();
    for (field, key) in [("org", "org"), ("project", "project"), ("repo", "repo"), ("entryPoint", "entrypoint")] {
        fields.push((field.to_owned(), needs(key)?));
    }
    fields.push(("arguments.endpoint".to_owned(), needs("endpoint")?));
    if metadata.contains_key("arguments.endpoint") {
        return Err(
            "metadata has arguments.endpoint, which is what metadata.endpoint becomes; keep only endpoint".to_owned()
        );
    }
    let arguments = metadata.iter().filter(|(key, _)| key.starts_with("arguments."));
    fields.extend(arguments.map(|(key, value)| (key.clone(), value.clone())));
    Ok(Concord {
        server: server(metadata, "concord")?,
        api_key_path: needs("apiKeyPath")?,
        fields,
        poll_interval: seconds(metadata, "pollInterval", 5)?,
        poll_timeout: seconds(metadata, "pollTimeout", 30)?,
    })
}

fn ngrinder(metadata: &Texts) -> Result<NGrinder, String> {
    let needs = |key| needed(metadata, "ngrinder", key);
    let clone = needs("clone")?;
    let encoded = needs("passwd")?;
    let password = serde_json::from_value::<ByteString>(Value::String(encoded)).ok();
    let password = password.and_then(|bytes| String::from_utf8(bytes.0).ok());
    let interval = metadata.get("pollInterval").map_or("1s", String::as_str);
    let poll_interval = crate::settings::duration(interval).filter(|interval| !interval.is_zero());
    Ok(NGrinder {
        server: server(metadata, "ngrinder")?,
        clone: clone
            .parse()
            .map_err(|_| format!("metadata.clone is {clone:?}; write the number of the test to clone"))?,
        user: needs("username")?,
        password: password.ok_or("metadata.passwd is no base64 text; write the password in base64")?,
        poll_interval: poll_interval.ok_or_else(|| {
            format!("metadata.pollInterval is {interval:?}, which is no length of time; write for example 5s")
        })?,
    })
}

fn server(metadata: &Texts, kind: &str) -> Result<String, String> {
    let server = needed(metadata, kind, "server")?;
    match crate::http::origin(&server) {
        Some(_) => Ok(server.trim_end_matches('/').to_owned()),
        None => Err(format!("metadata.server is {server:?}, which is no http or https URL; write one")),
    }
}

fn needed(metadata: &Texts, kind: &str, key: &str) -> Result<String, String> {
    let found = metadata.get(key).filter(|text| !text.trim().is_empty()).cloned();
    found.ok_or_else(|| format!("metadata.{key} not found in payload, and a task of type {kind} needs it; write it"))
}

fn seconds(metadata: &Texts, key: &str, default: u64) -> Result<Duration, String> {
    let Some(text) = metadata.get(key) else { return Ok(Duration::from_secs(default)) };
    let seconds = text.parse().ok().filter(|seconds| *seconds > 0).map(Duration::from_secs);
    seconds.ok_or_else(|| format!("metadata.{key} is {text:?}; write a number of seconds, for example \"{default}\""))
}

fn is_true(metadata: &Texts, key: &str) -> bool {
    metadata.get(key).is_some_and(|text| text == "true")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(metadata: &[(&str, &str)]) -> Result<Task, String> {
        let metadata = metadata.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())).collect();
        Task::read(&Payload { metadata: Some(metadata), ..Payload::default() })
    }

    #[test]
    fn a_command_without_a_type_runs_beside_the_release() {
        let Ok(Task::Background { program, log, .. }) = read(&[("cmd", "hey -z 1m http://a")]) else { panic!() };
        assert_eq!(
            (program.name, program.args, log),
            ("sh", vec!["-c".to_owned(), "hey -z 1m http://a".to_owned()], Log::End)
        );
        assert!(matches!(
            read(&[("cmd", "x"), ("logCmdOutput", "true")]),
            Ok(Task::Background { log: Log::Output, .. })
        ));
    }

    #[test]
    fn helm_and_kubectl_get_their_arguments_split_at_spaces() {
        for (kind, name) in [("helm", "helm"), ("helmv3", "helm"), ("kubectl", "kubectl")] {
            let Ok(Task::Command { program, .. }) = read(&[("type", kind), ("cmd", "test  podinfo")]) else { panic!() };
            assert_eq!((program.name, program.args), (name, vec!["test".to_owned(), "podinfo".to_owned()]));
        }
    }

    #[test]
    fn an_unknown_type_is_refused_with_the_known_ones() {
        let refusal = read(&[("type", "wrk"), ("cmd", "x")]).unwrap_err();
        assert_eq!(
            refusal,
            "metadata.type is \"wrk\", which is no task; write one of cmd, bash, helm, helmv3, kubectl, concord, ngrinder"
        );
    }

    #[test]
    fn what_a_task_lacks_is_named() {
        assert!(Task::read(&Payload::default()).unwrap_err().starts_with("metadata not found in payload"));
        assert!(read(&[("type", "bash")]).unwrap_err().starts_with("metadata.cmd not found in payload"));
        assert!(
            read(&[("type", "concord"), ("server", "http://c"), ("org", "o")])
                .unwrap_err()
                .contains("metadata.project")
        );
    }

    #[test]
    fn an_ngrinder_interval_is_the_time_that_is_written() {
        let task =
            [("type", "ngrinder"), ("server", "http://n/"), ("clone", "7"), ("username", "u"), ("passwd", "cHc=")];
        let Ok(Task::NGrinder(found)) = read(&task) else { panic!() };
        assert_eq!(
            (found.poll_interval, found.password.as_str(), found.server.as_str()),
            (Duration::from_secs(1), "pw", "http://n")
        );
        let Ok(Task::NGrinder(found)) = read(&[&task[..], &[("pollInterval", "5s")]].concat()) else { panic!() };
        assert_eq!(found.poll_interval, Duration::from_secs(5));
        assert!(read(&[&task[..], &[("pollInterval", "soon")]].concat()).unwrap_err().contains("\"soon\""));
    }

    #[test]
    fn a_concord_process_gets_its_arguments() {
        let task = [
            ("type", "concord"),
            ("server", "https://c"),
            ("org", "o"),
            ("project", "p"),
            ("repo", "r"),
            ("entrypoint", "e"),
            ("apiKeyPath", "/key"),
            ("endpoint", "http://app"),
            ("arguments.rate", "5"),
        ];
        let Ok(Task::Concord(found)) = read(&task) else { panic!() };
        let fields: Vec<_> = found.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            fields,
            [
                ("org", "o"),
                ("project", "p"),
                ("repo", "r"),
                ("entryPoint", "e"),
                ("arguments.endpoint", "http://app"),
                ("arguments.rate", "5"),
            ]
        );
        assert_eq!((found.poll_interval, found.poll_timeout), (Duration::from_secs(5), Duration::from_secs(30)));
    }
}
