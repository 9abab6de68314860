//! Ports of the three Services.

use serde_json::{Map, Value, json};

use super::pods;
use crate::api::{CanaryService, ServicePort, TargetPort};
use crate::object::value;

/// The ports of the spec, then, with `portDiscovery`, every other port of the target's containers in the order of the template.
///
/// No two have the same number and protocol, and no two the same name: the apiserver would refuse the Service.
pub(super) fn wanted(service: &CanaryService, target: &Value) -> Vec<Value> {
    let mut ports = Vec::new();
    specified(service).iter().for_each(|port| add(&mut ports, rendered(port)));
    if service.port_discovery == Some(true) {
        let named = |port: &Value| specified(service).iter().any(|specified| leads_to(specified, port));
        container_ports(target).filter(|port| !named(port)).for_each(|port| add(&mut ports, port));
    }
    ports
}

/// What makes a port one port of its Service: number and protocol.
pub(super) fn key(port: &Value) -> (u32, &str) {
    (value::count(port, &["port"]).unwrap_or_default(), value::text(port, &["protocol"]).unwrap_or("TCP"))
}

/// Adds a port unless its number and protocol are there already. Where its name is taken, its number is added to the name.
pub(super) fn add(ports: &mut Vec<Value>, mut port: Value) {
    if ports.iter().any(|other| key(other) == key(&port)) {
        return;
    }
    let name = value::text(&port, &["name"]).unwrap_or_default();
    if ports.iter().any(|other| value::text(other, &["name"]) == Some(name)) {
        port["name"] = json!(format!("{name}-{}", key(&port).0));
    }
    ports.push(port);
}

/// Whether every field of `want` is in one of `have`, and what the apiserver fills in is not missed.
pub(super) fn contain(have: &[Value], want: &Value) -> bool {
    have.iter().filter(|port| key(port) == key(want)).any(|have| {
        let mut have = have.clone();
        let (number, protocol) = key(want);
        let defaults = json!({"protocol": protocol, "targetPort": number});
        for (field, default) in defaults.as_object().into_iter().flatten() {
            if have.get(field).is_none_or(Value::is_null) {
                have[field] = default.clone();
            }
        }
        value::contains(&have, want)
    })
}

/// Every port that the spec names: the one of the service first.
fn specified(service: &CanaryService) -> Vec<ServicePort> {
    let main = ServicePort {
        name: service.port_name.clone().unwrap_or_else(|| "http".to_owned()),
        port: service.port,
        target_port: service.target_port.clone(),
        app_protocol: service.app_protocol.clone(),
    };
    [main].into_iter().chain(service.further_ports().iter().cloned()).collect()
}

fn rendered(port: &ServicePort) -> Value {
    let mut rendered = Map::new();
    rendered.insert("name".to_owned(), json!(port.name));
    rendered.insert("protocol".to_owned(), json!("TCP"));
    rendered.insert("port".to_owned(), json!(port.port));
    rendered.insert("targetPort".to_owned(), target_port(port));
    rendered.extend(port.app_protocol.iter().map(|protocol| ("appProtocol".to_owned(), json!(protocol))));
    Value::Object(rendered)
}

fn target_port(port: &ServicePort) -> Value {
    match &port.target_port {
        None | Some(TargetPort::Number(0)) => json!(port.port),
        Some(TargetPort::Number(number)) => json!(number),
        Some(TargetPort::Name(name)) => json!(name),
    }
}

/// Whether a port of the spec leads to this one of a container.
fn leads_to(specified: &ServicePort, container: &Value) -> bool {
    let target = target_port(specified);
    key(container).1 == "TCP" && (container["targetPort"] == target || container["name"] == target)
}

/// Sidecars of the mesh are not the user's.
const SIDECARS: [&str; 2] = ["istio-proxy", "envoy"];

/// Longer container names are cut in names of ports, which Kubernetes limits to 63 characters.
const CONTAINER_NAME: usize = 50;

fn container_ports(target: &Value) -> impl Iterator<Item = Value> {
    let containers = pods::template(target).and_then(|t| value::at(t, &["spec", "containers"])?.as_array());
    let containers = containers.into_iter().flatten().map(|c| (value::text(c, &["name"]).unwrap_or_default(), c));
    containers.filter(|(name, _)| !SIDECARS.contains(name)).flat_map(|(container, object)| {
        let ports = value::at(object, &["ports"]).and_then(Value::as_array).into_iter().flatten().enumerate();
        ports.filter_map(move |(index, port)| {
            let number = value::count(port, &["containerPort"])?;
            let protocol = value::text(port, &["protocol"]).unwrap_or("TCP");
            let unnamed = || {
                let container: String = container.chars().take(CONTAINER_NAME).collect();
                format!("{}-{container}-{index}", protocol.to_lowercase())
            };
            let name = value::text(port, &["name"]).map_or_else(unnamed, ToOwned::to_owned);
            Some(json!({"name": name, "protocol": protocol, "port": number, "targetPort": number}))
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target() -> Value {
        json!({"spec": {"template": {"spec": {"containers": [
            {"name": "istio-proxy", "ports": [{"name": "http-envoy-prom", "containerPort": 15090}]},
            {"name": "podinfo", "ports": [
                {"name": "http", "containerPort": 9898, "protocol": "TCP"},
                {"name": "http-metrics", "containerPort": 8080},
                {"containerPort": 8888},
            ]},
            {"name": "dns", "ports": [{"containerPort": 53, "protocol": "UDP"}, {"containerPort": 53}]},
        ]}}}})
    }

    fn discovering(port: i32, target_port: Option<TargetPort>) -> CanaryService {
        CanaryService { port, target_port, port_discovery: Some(true), ..CanaryService::default() }
    }

    /// Names and numbers of the ports, as `name port->targetPort/protocol`.
    fn listed(service: &CanaryService) -> Vec<String> {
        let show =
            |p: &Value| format!("{} {}->{}/{}", p["name"], p["port"], p["targetPort"], p["protocol"]).replace('"', "");
        wanted(service, &target()).iter().map(show).collect()
    }

    const DNS: [&str; 2] = ["udp-dns-0 53->53/UDP", "tcp-dns-1 53->53/TCP"];

    #[test]
    fn every_other_port_is_discovered_in_the_order_of_the_template_with_its_protocol() {
        let found = listed(&discovering(9898, None));
        assert_eq!(found[..3], ["http 9898->9898/TCP", "http-metrics 8080->8080/TCP", "tcp-podinfo-2 8888->8888/TCP"]);
        assert_eq!(found[3..], DNS);
    }

    #[test]
    fn the_port_that_the_spec_names_is_not_discovered_again() {
        let found = listed(&discovering(80, Some(TargetPort::Number(9898))));
        assert_eq!(found[..3], ["http 80->9898/TCP", "http-metrics 8080->8080/TCP", "tcp-podinfo-2 8888->8888/TCP"]);
    }

    #[test]
    fn a_port_of_another_protocol_is_not_the_one_that_the_spec_names() {
        let found = listed(&discovering(5353, Some(TargetPort::Number(53))));
        assert_eq!(found[0], "http 5353->53/TCP");
        assert_eq!(found.last().map(String::as_str), Some("udp-dns-0 53->53/UDP"));
    }

    #[test]
    fn further_ports_of_the_spec_stand_behind_the_first_and_are_not_discovered_again() {
        let metrics = TargetPort::Name("http-metrics".to_owned());
        let ports = vec![
            ServicePort { name: "metrics".to_owned(), port: 9100, target_port: Some(metrics), app_protocol: None },
            ServicePort {
                name: "redis".to_owned(),
                port: 6379,
                app_protocol: Some("tcp".to_owned()),
                ..ServicePort::default()
            },
        ];
        let service = CanaryService { ports: Some(ports), ..discovering(9898, None) };
        let found = listed(&service);
        assert_eq!(found[..3], ["http 9898->9898/TCP", "metrics 9100->http-metrics/TCP", "redis 6379->6379/TCP"]);
        assert_eq!(found[3], "tcp-podinfo-2 8888->8888/TCP", "{found:?}");
        assert_eq!(wanted(&service, &target())[2]["appProtocol"], "tcp");
    }

    #[test]
    fn a_discovered_port_whose_number_is_taken_is_left_out() {
        let found = listed(&discovering(8080, Some(TargetPort::Name("http".to_owned()))));
        assert_eq!(found[..2], ["http 8080->http/TCP", "tcp-podinfo-2 8888->8888/TCP"]);
    }

    #[test]
    fn a_discovered_port_whose_name_is_taken_gets_its_number() {
        let found = listed(&discovering(8080, None));
        assert_eq!(found[..2], ["http 8080->8080/TCP", "http-9898 9898->9898/TCP"]);
    }

    #[test]
    fn without_discovery_there_is_one_port_with_its_defaults() {
        let service = CanaryService { port: 80, ..CanaryService::default() };
        assert_eq!(listed(&service), ["http 80->80/TCP"]);
        let service = CanaryService {
            port: 80,
            port_name: Some("grpc".to_owned()),
            app_protocol: Some("kubernetes.io/h2c".to_owned()),
            target_port: Some(TargetPort::Number(0)),
            ..CanaryService::default()
        };
        let expected = json!({"name": "grpc", "protocol": "TCP", "port": 80, "targetPort": 80, "appProtocol": "kubernetes.io/h2c"});
        assert_eq!(wanted(&service, &target()), [expected]);
    }

    #[test]
    fn what_the_apiserver_fills_into_a_port_is_not_missed() {
        let want = json!({"name": "http", "protocol": "TCP", "port": 80, "targetPort": 80});
        assert!(contain(&[json!({"name": "http", "port": 80})], &want));
        assert!(contain(
            &[json!({"name": "http", "port": 80, "targetPort": 80, "protocol": "TCP", "nodePort": 30080})],
            &want
        ));
        assert!(!contain(&[json!({"name": "http", "port": 80, "targetPort": 81})], &want));
        assert!(!contain(&[json!({"name": "http", "port": 80, "protocol": "UDP"})], &want));
        assert!(!contain(&[json!({"name": "web", "port": 80})], &want));
    }
}
