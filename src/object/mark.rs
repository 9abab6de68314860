//! The labels and annotations by which tools know their own objects.

/// Whether a key says whose object this is: on a copy it would be wrong, and the tool would prune the copy.
pub fn is_mark(key: &str) -> bool {
    MARKS.contains(&key)
        || MARK_PREFIXES.iter().any(|prefix| key.starts_with(prefix))
        || key.contains("toolkit.fluxcd.io")
}

const MARKS: &[&str] = &[
    "app.kubernetes.io/managed-by",
    // Argo CD's default tracking label.
    "app.kubernetes.io/instance",
    "kubectl.kubernetes.io/last-applied-configuration",
];

const MARK_PREFIXES: &[&str] =
    &["argocd.argoproj.io/", "meta.helm.sh/", "autoscaling.keda.sh/paused", "deployment.kubernetes.io/", "serin.dev/"];
