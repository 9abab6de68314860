//! The data planes, and what their users have: two sides of the demo app, and the objects that lead to them.

use std::time::Duration;

use k8s_openapi::api::apps::v1::Deployment;
use kube::{Api, Client};
use serde_json::{Value, json};
use serin::model::{Percent, Routing};
use serin::object::value;

use super::measure::{Account, ask};
use crate::routed::Routed;
use crate::support::{Outcome, apply, project, run, wait_until};

/// From a write to the answers that it makes.
const FOLLOWS_WITHIN: Duration = Duration::from_secs(40);
/// Enough to tell weights that are 40 apart.
const BATCH: u32 = 60;

/// A data plane, and how its users reach their app.
pub(super) struct Plane {
    name: &'static str,
    /// Below `e2e/dataplane`, with the verb `url`; none where users ask the Service itself.
    script: Option<&'static str>,
    /// The Canary, then the user's objects.
    manifest: &'static str,
    /// `$NAMESPACE` stands for the namespace.
    host: &'static str,
    /// A condition for the header `Cookie: canary=always`.
    cookie: &'static str,
    copies: Copies,
    /// A port behind which requests are bytes: the data plane shares connections, of which each request has one.
    bytes: Option<u16>,
}

/// Whether requests can be copied.
#[derive(Clone, Copy)]
pub(super) enum Copies {
    /// Where the router can ask for it.
    Asked,
    /// Never: this gateway would answer 500 to a route that asks for copies, so the router refuses them.
    Refused,
}

impl Plane {
    /// A gateway that users reach by a host of the world outside.
    const fn new(name: &'static str, script: &'static str, manifest: &'static str) -> Self {
        Self {
            name,
            script: Some(script),
            manifest,
            host: "$NAMESPACE.example.com",
            cookie: "canary=always",
            copies: Copies::Asked,
            bytes: None,
        }
    }

    /// A mesh, where the app's own name is the host.
    const fn mesh(name: &'static str, script: &'static str, manifest: &'static str) -> Self {
        Self { host: "app.$NAMESPACE", ..Self::new(name, script, manifest) }
    }
}

pub(super) const ISTIO: Plane = Plane::new("istio", "istio.sh", include_str!("planes/istio.yaml"));
pub(super) const ISTIO_OVER_TCP: Plane =
    Plane { bytes: Some(9000), ..Plane::new("istio over tcp", "istio.sh", include_str!("planes/istio-ports.yaml")) };
pub(super) const TRAEFIK: Plane = Plane::new("traefik", "traefik.sh", include_str!("planes/traefik.yaml"));
pub(super) const GATEWAY_API_ON_TRAEFIK: Plane = Plane {
    copies: Copies::Refused,
    ..Plane::new("gatewayapi on traefik", "traefik.sh", include_str!("planes/gatewayapi-traefik.yaml"))
};
/// The annotation names the cookie; that its value is `always` is understood.
pub(super) const NGINX: Plane =
    Plane { cookie: "canary", ..Plane::new("nginx", "traefik.sh", include_str!("planes/nginx.yaml")) };
pub(super) const CONTOUR: Plane = Plane::new("contour", "contour.sh", include_str!("planes/contour.yaml"));
pub(super) const GATEWAY_API_ON_CONTOUR: Plane =
    Plane::new("gatewayapi on contour", "contour.sh", include_str!("planes/gatewayapi-contour.yaml"));
pub(super) const APP_MESH_V1BETA2: Plane =
    Plane::mesh("appmesh:v1beta2", "appmesh.sh", include_str!("planes/appmesh-v1beta2.yaml"));
pub(super) const APP_MESH_V1BETA1: Plane =
    Plane::mesh("appmesh", "appmesh.sh", include_str!("planes/appmesh-v1beta1.yaml"));

pub(super) const KUBERNETES: Plane =
    Plane { script: None, ..Plane::mesh("kubernetes", "", include_str!("planes/kubernetes.yaml")) };

/// A data plane with two sides of an app behind it.
pub(super) struct Stand {
    plane: &'static Plane,
    client: Client,
    namespace: String,
    canary: Value,
    routed: Routed,
    url: String,
    host: String,
}

impl Stand {
    /// Brings the sides and the user's objects up. No route is written yet.
    pub(super) async fn up(plane: &'static Plane, client: &Client, namespace: &str) -> Outcome<Self> {
        let text = |template: &str| template.replace("$NAMESPACE", namespace);
        let mut objects: Vec<Value> = serde_saphyr::from_multiple(&text(plane.manifest))?;
        let canary = objects.remove(0);
        objects.extend(serde_saphyr::from_multiple::<Value>(&text(include_str!("planes/sides.yaml")))?);
        for object in &objects {
            apply(client, namespace, object).await?;
        }
        let deployments = Api::<Deployment>::namespaced(client.clone(), namespace);
        for side in ["app-primary", "app"] {
            wait_until(&format!("an available Deployment/{side}"), Duration::from_secs(90), async || {
                let status = deployments.get(side).await?.status.unwrap_or_default();
                Ok((status.available_replicas > Some(0)).then_some(()))
            })
            .await?;
        }
        let url = match plane.script {
            Some(script) => run(project("e2e/dataplane").join(script), &["url"])?.trim().to_owned(),
            None => format!("http://{}/", text(plane.host)),
        };
        let url = match plane.bytes {
            Some(port) => format!("{}:{port}/", url.trim_end_matches('/')),
            None => url,
        };
        let routed = Routed::new(client, namespace, canary.clone())?;
        Ok(Self {
            plane,
            client: client.clone(),
            namespace: namespace.to_owned(),
            canary,
            routed,
            url,
            host: text(plane.host),
        })
    }

    /// The same canary, asked at its first port.
    pub(super) fn at_first_port(mut self) -> Self {
        let port = self.plane.bytes.map(|port| format!(":{port}/")).unwrap_or_default();
        self.url = self.url.replace(&port, "/");
        self.plane = &ISTIO;
        self
    }

    pub(super) fn name(&self) -> &'static str {
        self.plane.name
    }

    /// What every request says beside its own headers.
    pub(super) fn header(&self) -> Option<&'static str> {
        self.plane.bytes.map(|_| "Connection: close")
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn routed(&self) -> &Routed {
        &self.routed
    }

    /// None where the router knows no copies.
    pub(super) fn copies(&self) -> Option<Copies> {
        self.routed.capabilities().mirror.then_some(self.plane.copies)
    }

    pub(super) fn ask(&self, requests: u32, headers: &[&str]) -> Outcome<Account> {
        ask(self, requests, headers)
    }

    /// A route of the user's own to the apex, and waits until it serves.
    pub(super) async fn users_route(&self) -> Outcome {
        let service = &self.canary["spec"]["service"];
        let route = json!({
            "apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": {"name": "app"},
            "spec": {
                "parentRefs": service["gatewayRefs"], "hostnames": service["hosts"],
                "rules": [{"backendRefs": [{"name": "app", "port": 80}]}],
            },
        });
        apply(&self.client, &self.namespace, &route).await?;
        self.settles(&[], |_| true).await
    }

    /// Writes a weight, by one write where the route is there already, and waits until the data plane follows.
    pub(super) async fn moves(&self, before: Percent, weight: Percent) -> Outcome {
        let changes = self.routed.route(&Routing::split(weight)).await?;
        self.routed.is_accepted().await?;
        if before != weight && changes.len() != 1 {
            return Err(format!("{} writes for the move to {weight} %: {changes:?}", changes.len()).into());
        }
        let [before, weight] = [before, weight].map(|weight| weight.as_f64());
        let ends = weight == 0.0 || weight == 100.0;
        self.settles(&[], |seen| {
            let away = |from: f64| (seen.share() - from).abs();
            if ends { away(weight) == 0.0 } else { away(weight) < away(before) }
        })
        .await
    }

    /// Asks until two batches in a row are as they should be. Until the first answer came, a lost request is nobody's.
    pub(super) async fn settles(&self, headers: &[&str], is_so: impl Fn(&Account) -> bool) -> Outcome {
        let mut in_a_row = 0;
        wait_until(&format!("the route in the answers of {}", self.host), FOLLOWS_WITHIN, async || {
            let seen = self.ask(BATCH, headers)?;
            let good = seen.lost_nothing().is_ok() && is_so(&seen);
            in_a_row = if good { in_a_row + 1 } else { 0 };
            Ok((in_a_row == 2).then_some(()))
        })
        .await
    }

    /// Conditions, each with a header that matches it and one that does not.
    pub(super) fn rules(&self) -> [(Value, &'static str, &'static str); 2] {
        [
            (json!({"headers": {"x-user": {"exact": "insider"}}}), "x-user: insider", "x-user: outsider"),
            (
                json!({"headers": {"cookie": {"exact": self.plane.cookie}}}),
                "Cookie: canary=always",
                "Cookie: canary=never",
            ),
        ]
    }

    /// The same canary with more in its analysis.
    pub(super) fn with(&self, analysis: &Value) -> Outcome<Routed> {
        let mut canary = self.canary.clone();
        value::merge(&mut canary, &json!({"spec": {"analysis": analysis}}));
        Routed::new(&self.client, &self.namespace, canary)
    }

    /// How many requests the canary's pod has answered, by itself.
    pub(super) fn canary_has_answered(&self) -> Outcome<u32> {
        let metrics = run("curl", &["-fsS", &format!("http://app-canary.{}:8080/metrics", self.namespace)])?;
        let counters = metrics.lines().filter(|line| line.starts_with("http_requests_total{"));
        Ok(counters.filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok()).sum())
    }

    /// The same, once the last copy has arrived.
    pub(super) async fn canary_has_settled(&self) -> Outcome<u32> {
        let mut last = None;
        wait_until("an end of copies", Duration::from_secs(15), async || {
            let now = self.canary_has_answered()?;
            Ok((last.replace(now) == Some(now)).then_some(now))
        })
        .await
    }
}
