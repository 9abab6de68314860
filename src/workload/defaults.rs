//! What the apiserver fills into a pod template where the user left it out.

use crate::object::value::is_unset;
use serde_json::Value;

/// Removes from a pod template every field whose value the apiserver would fill in, and everything unset.
pub(super) fn remove(template: &mut Value) {
    merge_service_account(template);
    strip("", template);
}

/// A default value of a field.
enum Plain {
    Text(&'static str),
    Number(i64),
    False,
}

use Plain::{False, Number, Text};

/// Keys of maps that hold the same fields.
type Keys = &'static [&'static str];

/// Default values by the key of the map that holds them. No map of the user's own keys has one of these keys, so the key alone
/// is enough. `False`, 0 and the empty text stand only where the apiserver drops them itself.
/// Source: k8s.io/kubernetes/pkg/apis/core/v1/defaults.go and the `omitempty` fields of k8s.io/api/core/v1/types.go.
const DEFAULTS: &[(Keys, &[(&str, Plain)])] = &[
    (
        &["spec"],
        &[
            ("restartPolicy", Text("Always")),
            ("dnsPolicy", Text("ClusterFirst")),
            ("schedulerName", Text("default-scheduler")),
            ("terminationGracePeriodSeconds", Number(30)),
            ("hostNetwork", False),
            ("hostPID", False),
            ("hostIPC", False),
            ("volumeMode", Text("Filesystem")),
        ],
    ),
    (
        CONTAINERS,
        &[
            ("terminationMessagePath", Text("/dev/termination-log")),
            ("terminationMessagePolicy", Text("File")),
            ("stdin", False),
            ("stdinOnce", False),
            ("tty", False),
        ],
    ),
    (
        &["livenessProbe", "readinessProbe", "startupProbe"],
        &[
            ("initialDelaySeconds", Number(0)),
            ("timeoutSeconds", Number(1)),
            ("periodSeconds", Number(10)),
            ("successThreshold", Number(1)),
            ("failureThreshold", Number(3)),
        ],
    ),
    (&["httpGet"], &[("path", Text("/")), ("scheme", Text("HTTP")), ("host", Text(""))]),
    (&["grpc"], &[("service", Text(""))]),
    (&["ports"], &[("protocol", Text("TCP")), ("hostPort", Number(0))]),
    (&["env"], &[("value", Text(""))]),
    (&["fieldRef"], &[("apiVersion", Text("v1"))]),
    (&["fileKeyRef"], &[("optional", False)]),
    (&["volumeMounts"], &[("readOnly", False), ("subPath", Text("")), ("subPathExpr", Text(""))]),
    (&["configMap", "secret", "downwardAPI", "projected"], &[("defaultMode", Number(420))]),
    (&["serviceAccountToken"], &[("expirationSeconds", Number(3600))]),
    (&["hostPath"], &[("type", Text(""))]),
    (&["securityContext"], &[("procMount", Text("Default"))]),
    (&["iscsi"], &[("iscsiInterface", Text("default"))]),
    (&["rbd"], &[("pool", Text("rbd")), ("user", Text("admin")), ("keyring", Text("/etc/ceph/keyring"))]),
    (
        &["azureDisk"],
        &[("cachingMode", Text("ReadWrite")), ("kind", Text("Shared")), ("fsType", Text("ext4")), ("readOnly", False)],
    ),
    (&["scaleIO"], &[("storageMode", Text("ThinProvisioned")), ("fsType", Text("xfs"))]),
];

const CONTAINERS: Keys = &["containers", "initContainers", "ephemeralContainers"];

/// Keys whose empty map means something else than no map: an empty selector matches everything, and an empty volume source is
/// another kind of volume than none (which is an emptyDir).
const MEANT: Keys = &["labelSelector", "namespaceSelector", "projected", "downwardAPI"];

/// `key` is the key of the nearest map or list around `value`; lists hand it on to their items.
fn strip(key: &str, value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(|item| strip(key, item)),
        Value::Object(map) => {
            let pull_policy = default_pull_policy(key, map);
            map.retain(|field, value| {
                strip(field, value);
                let pulls = field == "imagePullPolicy" || field == "pullPolicy";
                let filled = (pulls && value.as_str() == pull_policy) || is_default(key, field, value);
                !filled && (!is_unset(value) || MEANT.contains(&field.as_str()) && value.is_object())
            });
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_default(parent: &str, field: &str, value: &Value) -> bool {
    let rules = DEFAULTS.iter().filter(|(parents, _)| parents.contains(&parent)).flat_map(|(_, fields)| fields.iter());
    rules.filter(|(name, _)| *name == field).any(|(_, default)| match default {
        Text(text) => value.as_str() == Some(text),
        Number(number) => value.as_i64() == Some(*number),
        False => value.as_bool() == Some(false),
    })
}

/// `Always` for the tag `latest` and for no tag at all, `IfNotPresent` for any other tag and for a digest alone.
fn default_pull_policy(key: &str, map: &serde_json::Map<String, Value>) -> Option<&'static str> {
    let image = match key {
        key if CONTAINERS.contains(&key) => map.get("image")?.as_str()?,
        "image" => map.get("reference")?.as_str()?,
        _ => return None,
    };
    let (name, digest) = image.split_once('@').map_or((image, None), |(name, digest)| (name, Some(digest)));
    let tag = name.rsplit('/').next().and_then(|last| last.split_once(':')).map(|(_, tag)| tag);
    let latest = tag.map_or(digest.is_none(), |tag| tag == "latest");
    Some(if latest { "Always" } else { "IfNotPresent" })
}

/// The apiserver writes the account's name into the older field of the same meaning too.
fn merge_service_account(template: &mut Value) {
    let Some(spec) = template.get_mut("spec").and_then(Value::as_object_mut) else { return };
    let older = spec.shift_remove("serviceAccount");
    if let Some(older) = older
        && spec.get("serviceAccountName").is_none_or(|name| name.as_str().is_none_or(str::is_empty))
    {
        spec.insert("serviceAccountName".to_owned(), older);
    }
}
