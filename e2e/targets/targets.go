package main

import (
	"encoding/json"
	"maps"
	"net"
	"os"
	"slices"

	"serin.dev/e2e/watch"
)

// pod is what discovery needs of a pod.
type pod struct {
	Metadata struct {
		Name        string            `json:"name"`
		Namespace   string            `json:"namespace"`
		Labels      map[string]string `json:"labels"`
		Annotations map[string]string `json:"annotations"`
	} `json:"metadata"`
	Status struct {
		Phase string `json:"phase"`
		PodIP string `json:"podIP"`
	} `json:"status"`
}

// target is one entry of a file_sd file.
type target struct {
	Targets []string          `json:"targets"`
	Labels  map[string]string `json:"labels"`
}

// targets holds one target for each scraped pod, by "namespace/name".
type targets map[string]target

// see takes an event in and says whether the targets changed.
func (t targets) see(e watch.Event[pod]) bool {
	key := e.Object.Metadata.Namespace + "/" + e.Object.Metadata.Name
	before, known := t[key]
	now, wanted := e.Object.target()
	if e.Type == "DELETED" || !wanted {
		delete(t, key)
		return known
	}
	t[key] = now
	return !known || before.Targets[0] != now.Targets[0]
}

// target says where to scrape the pod: the usual prometheus.io annotations decide. The label names are those
// that the built-in queries of Kubernetes and App Mesh select by.
func (p pod) target() (target, bool) {
	notes := p.Metadata.Annotations
	if notes["prometheus.io/scrape"] != "true" || p.Status.Phase != "Running" || p.Status.PodIP == "" {
		return target{}, false
	}
	path := notes["prometheus.io/path"]
	if path == "" {
		path = "/metrics"
	}
	return target{
		Targets: []string{net.JoinHostPort(p.Status.PodIP, notes["prometheus.io/port"])},
		Labels: map[string]string{
			"__metrics_path__":     path,
			"kubernetes_namespace": p.Metadata.Namespace,
			"kubernetes_pod_name":  p.Metadata.Name,
			"app":                  p.Metadata.Labels["app"],
		},
	}, true
}

// write replaces the file at once.
func (t targets) write(path string) error {
	list := make([]target, 0, len(t))
	for _, key := range slices.Sorted(maps.Keys(t)) {
		list = append(list, t[key])
	}
	text, err := json.MarshalIndent(list, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
