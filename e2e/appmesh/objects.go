package main

import (
	"sync"

	"serin.dev/e2e/watch"
)

// object is a VirtualNode, VirtualRouter or VirtualService of either version, as far as routing needs it. What a
// kind or version does not have stays empty.
type object struct {
	APIVersion string `json:"apiVersion"`
	Kind       string `json:"kind"`
	Metadata   struct {
		Name      string `json:"name"`
		Namespace string `json:"namespace"`
	} `json:"metadata"`
	Spec spec `json:"spec"`
}

type spec struct {
	AWSName string `json:"awsName"`
	// VirtualNode
	Listeners []struct {
		PortMapping struct {
			Port int `json:"port"`
		} `json:"portMapping"`
	} `json:"listeners"`
	ServiceDiscovery struct {
		DNS struct {
			Hostname string `json:"hostname"` // v1beta1 writes hostName, which encoding/json reads as well
		} `json:"dns"`
	} `json:"serviceDiscovery"`
	// VirtualRouter of v1beta2, VirtualService of v1beta1
	Routes []route `json:"routes"`
	// VirtualService of v1beta2
	Provider struct {
		VirtualRouter struct {
			Ref reference `json:"virtualRouterRef"`
		} `json:"virtualRouter"`
	} `json:"provider"`
}

type route struct {
	Name     string    `json:"name"`
	Priority *int      `json:"priority"` // the lowest decides first, none comes last
	V1beta2  httpRoute `json:"httpRoute"`
	V1beta1  httpRoute `json:"http"`
}

type httpRoute struct {
	Match struct {
		Prefix  string        `json:"prefix"`
		Headers []headerMatch `json:"headers"`
	} `json:"match"`
	Action struct {
		WeightedTargets []weightedTarget `json:"weightedTargets"`
	} `json:"action"`
}

type headerMatch struct {
	Name   string `json:"name"`
	Invert bool   `json:"invert"`
	Match  *struct {
		Exact  string `json:"exact"`
		Prefix string `json:"prefix"`
		Suffix string `json:"suffix"`
		Regex  string `json:"regex"`
	} `json:"match"`
}

type weightedTarget struct {
	V1beta2 reference `json:"virtualNodeRef"`
	V1beta1 string    `json:"virtualNodeName"`
	Weight  int       `json:"weight"`
}

type reference struct {
	Namespace string `json:"namespace"` // the referring object's own when empty
	Name      string `json:"name"`
}

type key struct{ version, kind, namespace, name string }

// mesh holds what is known of the cluster; it is safe for all watches at once.
type mesh struct {
	mutex   sync.Mutex
	objects map[key]object
}

func (m *mesh) see(e watch.Event[object]) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	at := key{e.Object.APIVersion, e.Object.Kind, e.Object.Metadata.Namespace, e.Object.Metadata.Name}
	if e.Type == "DELETED" {
		delete(m.objects, at)
		return
	}
	m.objects[at] = e.Object
}
