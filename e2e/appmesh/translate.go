package main

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// value is a piece of Envoy's configuration, in the JSON form of its protocol buffers.
type value map[string]any

const (
	clusterType = "type.googleapis.com/envoy.config.cluster.v3.Cluster"
	routesType  = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
)

// translate gives the discovery responses for clusters (one a VirtualNode) and routes (one virtual host a VirtualService).
func (m *mesh) translate() (clusters, routes value) {
	nodes, hosts, taken := []value{}, []value{}, map[string]bool{}
	for _, at := range m.keys() {
		switch object := m.objects[at]; at.kind {
		case "VirtualNode":
			if node := cluster(object); node != nil {
				nodes = append(nodes, node)
			}
		case "VirtualService":
			// Envoy refuses all routes when two hosts share a domain.
			if host := m.virtualHost(object); host != nil && !taken[domain(object)] {
				taken[domain(object)] = true
				hosts = append(hosts, host)
			}
		}
	}
	return response(nodes...), response(value{"@type": routesType, "name": "appmesh", "virtual_hosts": hosts})
}

func (m *mesh) keys() []key {
	keys := make([]key, 0, len(m.objects))
	for at := range m.objects {
		keys = append(keys, at)
	}
	slices.SortFunc(keys, func(a, b key) int {
		return cmp.Or(cmp.Compare(a.version, b.version), cmp.Compare(a.kind, b.kind), cmp.Compare(a.namespace, b.namespace), cmp.Compare(a.name, b.name))
	})
	return keys
}

func response(resources ...value) value { return value{"resources": resources} }

// cluster is what a VirtualNode says of its pods: a name to look up, and a port.
func cluster(node object) value {
	host := strings.TrimSuffix(node.Spec.ServiceDiscovery.DNS.Hostname, ".")
	if host == "" || len(node.Spec.Listeners) == 0 {
		return nil
	}
	// v1beta1 names the Service and its namespace only.
	if strings.Count(host, ".") == 1 {
		host += ".svc.cluster.local"
	}
	address := value{"address": host, "port_value": node.Spec.Listeners[0].PortMapping.Port}
	name := clusterName(node.Metadata.Namespace, node.Metadata.Name)
	return value{
		"@type":             clusterType,
		"name":              name,
		"type":              "STRICT_DNS",
		"dns_lookup_family": "V4_ONLY",
		"connect_timeout":   "5s",
		"circuit_breakers":  value{"thresholds": []value{unlimited}},
		"load_assignment": value{
			"cluster_name": name,
			"endpoints":    []value{{"lb_endpoints": []value{{"endpoint": value{"address": value{"socket_address": address}}}}}},
		},
	}
}

// unlimited is what App Mesh gives each node that sets no limits of its own: Envoy's own would give up the fourth of the requests that are
// sent again at once.
var unlimited = value{
	"max_connections": math.MaxInt32, "max_pending_requests": math.MaxInt32, "max_requests": math.MaxInt32, "max_retries": math.MaxInt32,
}

func clusterName(namespace, node string) string { return namespace + "/" + node }

// domain is the name under which clients ask for a VirtualService.
func domain(service object) string {
	name, namespace := service.Metadata.Name, service.Metadata.Namespace
	if service.Spec.AWSName != "" {
		return service.Spec.AWSName
	}
	if strings.Contains(name, ".") {
		return name
	}
	return name + "." + namespace
}

// virtualHost gives nil for a service that leads nowhere.
func (m *mesh) virtualHost(service object) value {
	found, namespace := service.Spec.Routes, service.Metadata.Namespace
	if ref := service.Spec.Provider.VirtualRouter.Ref; ref.Name != "" {
		namespace = cmp.Or(ref.Namespace, namespace)
		found = m.objects[key{service.APIVersion, "VirtualRouter", namespace, ref.Name}].Spec.Routes
	}
	found = slices.Clone(found)
	slices.SortStableFunc(found, func(a, b route) int { return cmp.Compare(a.priority(), b.priority()) })
	routes := []value{}
	for _, route := range found {
		if translated := route.translate(namespace); translated != nil {
			routes = append(routes, translated)
		}
	}
	if len(routes) == 0 {
		return nil
	}
	name := domain(service)
	return value{"name": name, "domains": []string{name, name + ":*"}, "routes": routes}
}

func (r route) priority() int {
	if r.Priority == nil {
		return math.MaxInt
	}
	return *r.Priority
}

// translate gives nil for a route that leads nowhere: Envoy would refuse weights that sum up to nothing.
func (r route) translate(namespace string) value {
	http := r.V1beta2
	if http.Match.Prefix == "" {
		http = r.V1beta1
	}
	clusters, sum := []value{}, 0
	for _, target := range http.Action.WeightedTargets {
		node := cmp.Or(target.V1beta2.Name, target.V1beta1)
		name := clusterName(cmp.Or(target.V1beta2.Namespace, namespace), node)
		clusters = append(clusters, value{"name": name, "weight": target.Weight})
		sum += target.Weight
	}
	if sum == 0 {
		return nil
	}
	headers := []value{}
	for _, header := range http.Match.Headers {
		headers = append(headers, header.translate())
	}
	return value{
		"name":  r.Name,
		"match": value{"prefix": cmp.Or(http.Match.Prefix, "/"), "headers": headers},
		"route": value{"weighted_clusters": value{"clusters": clusters}, "retry_policy": retries},
	}
}

// retries is what App Mesh gives each route that says nothing of retries: a connection that its server has just closed loses no
// request.
var retries = value{
	"retry_on":               "connect-failure,refused-stream,unavailable,cancelled,retriable-status-codes",
	"retriable_status_codes": []int{503},
	"num_retries":            2,
}

func (h headerMatch) translate() value {
	matcher := value{"name": h.Name, "invert_match": h.Invert}
	switch {
	case h.Match == nil:
		matcher["present_match"] = true
	case h.Match.Exact != "":
		matcher["string_match"] = value{"exact": h.Match.Exact}
	case h.Match.Prefix != "":
		matcher["string_match"] = value{"prefix": h.Match.Prefix}
	case h.Match.Suffix != "":
		matcher["string_match"] = value{"suffix": h.Match.Suffix}
	default:
		matcher["string_match"] = value{"safe_regex": value{"regex": h.Match.Regex}}
	}
	return matcher
}
