//! The flags of `serin run`, some of which other verbs share: Flagger's, under Flagger's names and with its defaults, so that its Deployment needs only
//! another image.

use clap::{ArgAction, Args};

use super::notifier::Notifier;
use crate::metric::SecretName;
use crate::scene::{self, ConfigTracking};

/// Flags of the operator.
#[derive(Args, Debug)]
pub(super) struct Run {
    /// Path of a kubeconfig; the pod's ServiceAccount where it is empty
    #[arg(long, default_value = "", hide_default_value = true, value_name = "PATH")]
    pub(super) kubeconfig: String,

    /// Address of the apiserver, where it differs from the kubeconfig's
    #[arg(long, default_value = "", hide_default_value = true, value_name = "URL")]
    pub(super) master: String,

    /// Work in this namespace only; in the whole cluster where it is empty
    #[arg(long, default_value = "", hide_default_value = true)]
    pub(super) namespace: String,

    #[command(flatten)]
    pub(super) defaults: Defaults,

    #[command(flatten)]
    pub(super) notifier: Notifier,

    /// Port of /metrics, /healthz and /readyz
    #[arg(long, default_value_t = 8080)]
    pub(super) port: u16,

    /// debug, info, warn or error
    #[arg(long, default_value = "info", value_name = "LEVEL")]
    pub(super) log_level: String,

    /// json, or console for people
    #[arg(long, default_value = "json", value_name = "ENCODING")]
    pub(super) zap_encoding: String,

    /// Let several replicas elect the one that acts
    #[arg(long, default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    pub(super) enable_leader_election: bool,

    /// Namespace of the Lease, where --namespace is empty
    #[arg(long, default_value = "kube-system", value_name = "NAMESPACE")]
    pub(super) leader_election_namespace: String,

    /// Name of this pod, shown in the Lease and in events
    #[arg(long, env = "HOSTNAME", default_value = "serin", hide = true)]
    pub(super) hostname: String,

    #[command(flatten)]
    pub(super) unserved: Unserved,

    #[command(flatten)]
    pub(super) without_meaning: WithoutMeaning,
}

/// What a Canary leaves open. Each has an environment variable as well, so that a command in the operator's pod means
/// the same as the operator.
#[derive(Args, Debug)]
pub(super) struct Defaults {
    /// Prometheus that answers the builtin metrics
    #[arg(
        long,
        env = "SERIN_METRICS_SERVER",
        default_value = "http://prometheus:9090",
        value_name = "URL",
        hide_env_values = true
    )]
    metrics_server: String,

    /// Secret with the credentials for it: the key token, or both username and password
    #[arg(long, env = "SERIN_METRICS_SERVER_SECRET", value_parser = secret, value_name = "NAMESPACE/NAME")]
    metrics_server_secret: Option<SecretName>,

    /// Router of a Canary whose spec.provider is empty
    #[arg(long, env = "SERIN_MESH_PROVIDER", default_value = "istio", value_name = "PROVIDER")]
    mesh_provider: String,

    /// Labels of the target's selector that tell its pods apart; the first one that is there counts
    #[arg(
        long,
        env = "SERIN_SELECTOR_LABELS",
        default_value = "app,name,app.kubernetes.io/name",
        value_delimiter = ',',
        value_name = "LABELS"
    )]
    selector_labels: Vec<String>,

    /// Prefixes of labels and annotations that the primary inherits; `*` for all
    #[arg(long, env = "SERIN_INCLUDE_LABEL_PREFIX", value_delimiter = ',', value_name = "PREFIXES")]
    include_label_prefix: Vec<String>,

    /// Release changes of ConfigMaps and Secrets too: the primary reads copies of its own
    #[arg(long, env = "SERIN_ENABLE_CONFIG_TRACKING", default_value_t = true, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set)]
    enable_config_tracking: bool,

    /// Before the slash in the names of annotations that ingress-nginx reads
    #[arg(
        long,
        env = "SERIN_INGRESS_ANNOTATIONS_PREFIX",
        default_value = "nginx.ingress.kubernetes.io",
        value_name = "PREFIX"
    )]
    ingress_annotations_prefix: String,

    /// URL that hears every event of the Canaries without an event webhook of their own
    #[arg(
        long,
        env = "EVENT_WEBHOOK_URL",
        default_value = "",
        value_name = "URL",
        hide_default_value = true,
        hide_env_values = true
    )]
    event_webhook: String,
}

fn secret(text: &str) -> Result<SecretName, String> {
    match text.split_once('/') {
        Some((namespace, name)) if !namespace.is_empty() && !name.is_empty() => {
            Ok(SecretName { namespace: namespace.to_owned(), name: name.to_owned() })
        }
        _ => Err("write NAMESPACE/NAME".to_owned()),
    }
}

impl From<Defaults> for scene::Defaults {
    fn from(flags: Defaults) -> Self {
        let Defaults {
            metrics_server,
            metrics_server_secret,
            mesh_provider: provider,
            selector_labels,
            include_label_prefix,
            enable_config_tracking,
            ingress_annotations_prefix,
            event_webhook,
        } = flags;
        let event_webhook = Some(event_webhook).filter(|url| !url.is_empty());
        let config_tracking = if enable_config_tracking { ConfigTracking::On } else { ConfigTracking::Off };
        Self {
            provider,
            metrics_server,
            metrics_secret: metrics_server_secret,
            selector_labels,
            include_label_prefix,
            config_tracking,
            ingress_annotations_prefix,
            event_webhook,
            notifiers: Vec::new(),
            cluster_name: None,
        }
    }
}

/// Flags of Flagger that ask for something which is not there yet. Ignoring them in silence would betray the user.
#[derive(Args, Debug)]
pub(super) struct Unserved {
    #[arg(long, default_value = "", hide = true)]
    kubeconfig_service_mesh: String,
    #[arg(long, default_value_t = false, default_missing_value = "true", num_args = 0..=1, require_equals = true, action = ArgAction::Set, hide = true)]
    no_cross_namespace_refs: bool,
}

impl Unserved {
    /// Without these the operator would do something else than asked: it must not start.
    pub(super) fn fatal(&self) -> Option<&'static str> {
        let mesh = "--kubeconfig-service-mesh is not served yet: routes would be written into the wrong cluster. Leave it out.";
        let refs = "--no-cross-namespace-refs is not served yet: references to other namespaces would be followed. Leave it out.";
        match self {
            Self { kubeconfig_service_mesh, .. } if !kubeconfig_service_mesh.is_empty() => Some(mesh),
            Self { no_cross_namespace_refs: true, .. } => Some(refs),
            _ => None,
        }
    }
}

/// Flags of Flagger that have nothing left to set: taken and ignored.
#[derive(Args, Debug)]
pub(super) struct WithoutMeaning {
    #[arg(long, hide = true)]
    kubeconfig_qps: Option<String>,
    #[arg(long, hide = true)]
    kubeconfig_burst: Option<String>,
    #[arg(long, hide = true)]
    control_loop_interval: Option<String>,
    #[arg(long, hide = true)]
    threadiness: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    zap_replace_globals: Option<Option<String>>,
    #[arg(long, hide = true)]
    ingress_class: Option<String>,
    #[arg(long, hide = true)]
    v: Option<String>,
    #[arg(long, hide = true, num_args = 0..=1, require_equals = true)]
    logtostderr: Option<Option<String>>,
    #[arg(long, hide = true)]
    vmodule: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        run: Run,
    }

    #[test]
    fn a_pod_needs_no_flag_and_an_empty_one_is_none() {
        assert_eq!(Line::try_parse_from(["serin"]).unwrap().run.kubeconfig, "");
        assert_eq!(Line::try_parse_from(["serin", "--kubeconfig="]).unwrap().run.kubeconfig, "");
    }
}
