//! Flags of the operator's own chats.

use clap::Args;

use crate::alert::{Chat, ChatKind};

/// Chats that are alerted about Canaries without alerts of their own.
#[derive(Args, Debug)]
pub(super) struct Notifier {
    /// URL of Slack's incoming webhook, or of chat.postMessage with a token
    #[arg(
        long,
        env = "SLACK_URL",
        default_value = "",
        value_name = "URL",
        hide_default_value = true,
        hide_env_values = true
    )]
    slack_url: String,

    /// Token of a Slack bot
    #[arg(
        long,
        env = "SLACK_TOKEN",
        default_value = "",
        value_name = "TOKEN",
        hide_default_value = true,
        hide_env_values = true
    )]
    slack_token: String,

    /// Who Slack's messages come from
    #[arg(long, env = "SERIN_SLACK_USER", default_value = "flagger", value_name = "NAME")]
    slack_user: String,

    /// Channel of Slack's messages
    #[arg(long, env = "SERIN_SLACK_CHANNEL", default_value = "", value_name = "CHANNEL", hide_default_value = true)]
    slack_channel: String,

    /// HTTP proxy on the way to Slack
    #[arg(
        long,
        env = "SLACK_PROXY_URL",
        default_value = "",
        value_name = "URL",
        hide_default_value = true,
        hide_env_values = true
    )]
    slack_proxy_url: String,

    /// URL of an incoming webhook of Microsoft Teams
    #[arg(
        long,
        env = "MSTEAMS_URL",
        default_value = "",
        value_name = "URL",
        hide_default_value = true,
        hide_env_values = true
    )]
    msteams_url: String,

    /// HTTP proxy on the way to Microsoft Teams
    #[arg(
        long,
        env = "MSTEAMS_PROXY_URL",
        default_value = "",
        value_name = "URL",
        hide_default_value = true,
        hide_env_values = true
    )]
    msteams_proxy_url: String,

    /// Name of the cluster in alerts
    #[arg(long, env = "SERIN_CLUSTER_NAME", default_value = "", value_name = "NAME", hide_default_value = true)]
    cluster_name: String,
}

impl Notifier {
    /// The chats that have a URL. Flagger takes one of them only, and passes over the other in silence.
    pub(super) fn chats(&self) -> Vec<Chat> {
        let slack = Chat {
            kind: ChatKind::Slack,
            address: self.slack_url.clone(),
            token: text(&self.slack_token),
            channel: text(&self.slack_channel),
            username: text(&self.slack_user),
            proxy: text(&self.slack_proxy_url),
        };
        let teams = Chat {
            kind: ChatKind::MsTeams,
            address: self.msteams_url.clone(),
            token: None,
            channel: None,
            username: None,
            proxy: text(&self.msteams_proxy_url),
        };
        [slack, teams].into_iter().filter(|chat| !chat.address.is_empty()).collect()
    }

    /// The name of the cluster, where it has one.
    pub(super) fn cluster_name(&self) -> Option<String> {
        text(&self.cluster_name)
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        notifier: Notifier,
    }

    #[test]
    fn each_chat_with_a_url_is_alerted() {
        let chats = |flags: &[&str]| {
            let line = [&["serin"], flags].concat();
            Line::try_parse_from(line).unwrap().notifier.chats()
        };
        assert_eq!(chats(&["--slack-token=t"]), []);
        let both = chats(&["--slack-url=https://s", "--slack-channel=dev", "--msteams-url=https://t"]);
        assert_eq!(both.iter().map(|chat| chat.kind).collect::<Vec<_>>(), [ChatKind::Slack, ChatKind::MsTeams]);
        assert_eq!((both[0].channel.as_deref(), both[0].username.as_deref()), (Some("dev"), Some("flagger")));
    }
}
