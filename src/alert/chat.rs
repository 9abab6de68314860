//! The chats: what each of them is sent, and how it says that it did not take it.

use std::fmt;

use serde_json::{Value, json};

use super::{Alert, SecretData, Severity};
use crate::http::{Credentials, HttpRequest, HttpResponse, Trust, origin, shorten};

/// Flagger's names for what a user leaves open.
const USERNAME: &str = "flagger";
const CHANNEL: &str = "general";
/// How much of a refusal is shown, in characters.
const REFUSAL_LENGTH: usize = 200;

/// A kind of chat.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum ChatKind {
    /// Slack: its incoming webhooks, or `chat.postMessage` with a bot's token.
    Slack,
    /// Microsoft Teams.
    MsTeams,
    /// Discord, which takes Slack's messages.
    Discord,
    /// Rocket.Chat, which takes Slack's messages.
    Rocket,
    /// Google Chat.
    GChat,
}

impl ChatKind {
    /// Every kind, by name.
    pub const ALL: [Self; 5] = [Self::Discord, Self::GChat, Self::MsTeams, Self::Rocket, Self::Slack];

    /// The word in `spec.type` of an AlertProvider.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Slack => "slack",
            Self::MsTeams => "msteams",
            Self::Discord => "discord",
            Self::Rocket => "rocket",
            Self::GChat => "gchat",
        }
    }

    /// What it is asked with: a row of the README.
    pub const fn about(self) -> &'static str {
        match self {
            Self::Slack => {
                "the URL of an incoming webhook; or https://slack.com/api/chat.postMessage and the key token"
            }
            Self::MsTeams => "the URL of an incoming webhook",
            Self::Discord => "the URL of a webhook; /slack is added where it is missing",
            Self::Rocket => "the URL of an incoming webhook",
            Self::GChat => "the URL of a webhook of the space",
        }
    }
}

/// A chat that can be written to.
#[derive(Clone, PartialEq, Eq)]
pub struct Chat {
    /// Its kind.
    pub kind: ChatKind,
    /// Where it takes messages; whoever knows it can write there.
    pub address: String,
    /// A bot's token.
    pub token: Option<String>,
    /// The channel; nothing stands for `general`.
    pub channel: Option<String>,
    /// Who the messages come from; nothing stands for `flagger`.
    pub username: Option<String>,
    /// The HTTP proxy on the way.
    pub proxy: Option<String>,
}

impl Chat {
    /// With the `address` and `token` of a Secret in the place of what stands here.
    ///
    /// # Errors
    /// What the Secret lacks: part of a sentence.
    pub fn with(self, secret: &SecretData) -> Result<Self, String> {
        let text = |key: &str| {
            let text = secret.get(key).and_then(|bytes| std::str::from_utf8(bytes).ok()).map(str::trim);
            text.filter(|text| !text.is_empty()).map(str::to_owned)
        };
        let address = text("address").ok_or("the Secret has no address; write the chat's URL under this key")?;
        Ok(Self { address, token: text("token").or(self.token), ..self })
    }

    /// The request that carries an alert.
    ///
    /// # Errors
    /// The address is no URL; part of a sentence.
    pub fn request(&self, alert: &Alert) -> Result<HttpRequest, String> {
        let address = self.address.trim();
        if origin(address).is_none() {
            return Err("its address is no http or https URL; write that of the chat's webhook".to_owned());
        }
        let (url, body) = match self.kind {
            ChatKind::Slack => (address.to_owned(), self.slack(alert, ["good", "danger"])),
            ChatKind::Discord => (discord(address), self.slack(alert, ["good", "danger"])),
            ChatKind::Rocket => (address.to_owned(), self.slack(alert, ["#0076D7", "#FF0000"])),
            ChatKind::MsTeams => (address.to_owned(), teams(alert)),
            ChatKind::GChat => (address.to_owned(), gchat(alert)),
        };
        let credentials = self.token.clone().map_or(Credentials::None, Credentials::Bearer);
        Ok(HttpRequest::post(url, "application/json", body.to_string(), credentials, Trust::System))
    }

    /// # Errors
    /// The chat did not take the message; part of a sentence.
    pub fn taken(&self, answer: &HttpResponse) -> Result<(), String> {
        let text = shorten(&String::from_utf8_lossy(&answer.body), REFUSAL_LENGTH);
        match answer.status {
            200..=299 => {}
            status => return Err(format!("it answered {status}: {text}")),
        }
        // Slack's API answers 200 where it refuses.
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match body.get("ok").and_then(Value::as_bool) {
            Some(false) => Err(format!("it answered: {text}")),
            Some(true) | None => Ok(()),
        }
    }

    fn slack(&self, alert: &Alert, [good, danger]: [&str; 2]) -> Value {
        let fields: Vec<Value> =
            alert.fields.iter().map(|(title, value)| json!({"title": title, "value": value, "short": false})).collect();
        let attachment = json!({
            "color": colour(alert, good, danger),
            "author_name": alert.about,
            "text": alert.message,
            "mrkdwn_in": ["text"],
            "fields": fields,
        });
        json!({
            "channel": self.channel.as_deref().unwrap_or(CHANNEL),
            "username": self.username.as_deref().unwrap_or(USERNAME),
            "icon_url": "",
            "icon_emoji": ":rocket:",
            "attachments": [attachment],
        })
    }
}

const fn colour<'a>(alert: &Alert, usual: &'a str, error: &'a str) -> &'a str {
    match alert.severity {
        Severity::Info | Severity::Warn => usual,
        Severity::Error => error,
    }
}

/// Discord takes Slack's messages below `/slack` only.
fn discord(address: &str) -> String {
    let (path, query) = address.split_once('?').map_or((address, None), |(path, query)| (path, Some(query)));
    let path = path.trim_end_matches('/');
    let end = if path.ends_with("/slack") { "" } else { "/slack" };
    let query = query.map(|query| format!("?{query}")).unwrap_or_default();
    format!("{path}{end}{query}")
}

fn teams(alert: &Alert) -> Value {
    let facts: Vec<Value> = alert.fields.iter().map(|(title, value)| json!({"name": title, "value": value})).collect();
    json!({
        "@type": "MessageCard",
        "@context": "http://schema.org/extensions",
        "themeColor": colour(alert, "0076D7", "FF0000"),
        "summary": alert.about,
        "sections": [{"activityTitle": alert.message, "activitySubtitle": alert.about, "facts": facts}],
    })
}

fn gchat(alert: &Alert) -> Value {
    let paragraph = |text: String| json!({"textParagraph": {"text": text}});
    let grey = |text: &str| format!("<font color=#848484><strong>{}</strong></font>", plain(text));
    let fields = alert.fields.iter().map(|(title, value)| paragraph(format!("{}<br>{}", plain(title), grey(value))));
    let widgets: Vec<Value> = std::iter::once(paragraph(grey(&alert.message))).chain(fields).collect();
    let header = json!({"title": "Flagger", "subtitle": alert.about, "imageUrl": "https://flagger.app/favicon.png"});
    json!({"cards": [{"header": header, "sections": [{"widgets": widgets}]}]})
}

/// Text that stands in HTML as it is.
fn plain(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

impl fmt::Debug for Chat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chat").field("kind", &self.kind).field("channel", &self.channel).finish_non_exhaustive()
    }
}
