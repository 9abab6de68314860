package main

import (
	"encoding/json"
	"strings"
	"testing"

	"serin.dev/e2e/watch"
)

// meshOf holds these objects, which are JSON one after the other.
func meshOf(t *testing.T, objects string) *mesh {
	t.Helper()
	known := &mesh{objects: map[key]object{}}
	err := watch.Decode(strings.NewReader(objects), func(o object) error {
		known.see(watch.Event[object]{Type: "ADDED", Object: o})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// compact is the JSON that Envoy reads.
func compact(t *testing.T, content any) string {
	t.Helper()
	text, err := json.Marshal(content)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func has(t *testing.T, text string, wanted ...string) {
	t.Helper()
	for _, part := range wanted {
		if !strings.Contains(text, part) {
			t.Errorf("no %s in %s", part, text)
		}
	}
}

const newer = `
{"kind": "VirtualNode", "metadata": {"name": "app-canary", "namespace": "test"}, "spec": {
  "listeners": [{"portMapping": {"port": 8080}}],
  "serviceDiscovery": {"dns": {"hostname": "app-canary.test.svc.cluster.local."}}}}
{"kind": "VirtualRouter", "metadata": {"name": "app", "namespace": "test"}, "spec": {"routes": [
  {"name": "rest", "priority": 20, "httpRoute": {"match": {"prefix": "/"},
    "action": {"weightedTargets": [{"virtualNodeRef": {"name": "app-primary"}, "weight": 100}]}}},
  {"name": "chosen", "priority": 10, "httpRoute": {"match": {"prefix": "/", "headers": [{"name": "x-user", "match": {"exact": "insider"}}]},
    "action": {"weightedTargets": [{"virtualNodeRef": {"name": "app-canary"}, "weight": 90}, {"virtualNodeRef": {"name": "app-primary"}, "weight": 10}]}}}]}}
{"kind": "VirtualService", "metadata": {"name": "app", "namespace": "test"}, "spec": {"provider": {"virtualRouter": {"virtualRouterRef": {"name": "app"}}}}}`

func TestTheLowestPriorityDecidesFirst(t *testing.T) {
	clusters, routes := meshOf(t, newer).translate()
	has(t, compact(t, clusters), `"address":"app-canary.test.svc.cluster.local","port_value":8080`, `"name":"test/app-canary"`)
	text := compact(t, routes)
	has(t, text, `"domains":["app.test","app.test:*"]`, `{"name":"test/app-canary","weight":90},{"name":"test/app-primary","weight":10}`,
		`{"invert_match":false,"name":"x-user","string_match":{"exact":"insider"}}`)
	if strings.Index(text, `"chosen"`) > strings.Index(text, `"rest"`) {
		t.Errorf("the rest comes first: %s", text)
	}
}

func TestTheOlderVersionRoutesInsideTheVirtualService(t *testing.T) {
	clusters, routes := meshOf(t, `
{"kind": "VirtualNode", "metadata": {"name": "app-primary", "namespace": "test"}, "spec": {
  "listeners": [{"portMapping": {"port": 80}}], "serviceDiscovery": {"dns": {"hostName": "app-primary.test"}}}}
{"kind": "VirtualService", "metadata": {"name": "app.test", "namespace": "test"}, "spec": {"routes": [
  {"name": "app", "http": {"match": {"prefix": "/"}, "action": {"weightedTargets": [{"virtualNodeName": "app-primary", "weight": 60}, {"virtualNodeName": "app-canary", "weight": 40}]}}}]}}`).translate()
	has(t, compact(t, clusters), `"address":"app-primary.test.svc.cluster.local","port_value":80`)
	has(t, compact(t, routes), `"domains":["app.test","app.test:*"]`, `{"name":"test/app-primary","weight":60},{"name":"test/app-canary","weight":40}`)
}

func TestWeightsThatLeadNowhereAreNoRoute(t *testing.T) {
	_, routes := meshOf(t, strings.NewReplacer(`"weight": 90}`, `"weight": 0}`, `"weight": 10}`, `"weight": 0}`).Replace(newer)).translate()
	if text := compact(t, routes); strings.Contains(text, `"chosen"`) || !strings.Contains(text, `"rest"`) {
		t.Errorf("%s", text)
	}
}

func TestADeletedServiceIsRoutedNoMore(t *testing.T) {
	known := meshOf(t, newer)
	var gone object
	gone.Kind, gone.Metadata.Name, gone.Metadata.Namespace = "VirtualService", "app", "test"
	known.see(watch.Event[object]{Type: "DELETED", Object: gone})
	_, routes := known.translate()
	has(t, compact(t, routes), `"virtual_hosts":[]`)
}
