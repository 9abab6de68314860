// Command appmesh stands in for App Mesh's control plane, which its vendor has ended: it turns the objects of
// appmesh.k8s.aws (v1beta1 and v1beta2) into the configuration files of an Envoy, which then routes by them.
//
// It must never write half a file: Envoy reads each as soon as it appears.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"serin.dev/e2e/watch"
)

// retryAfter is the pause before a watch that ended begins again; each watch starts with a full list.
const retryAfter = 2 * time.Second

func main() {
	directory := flag.String("out", ".", "directory of clusters.json and routes.json")
	flag.Parse()
	stop, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer release()
	known := &mesh{objects: map[key]object{}}
	if err := known.write(*directory); err != nil {
		log.Fatal(err)
	}
	var watches sync.WaitGroup
	// Each version is watched: in the eyes of the other an object has lost what the other does not know.
	for _, kind := range []string{
		"virtualnodes.v1beta2", "virtualrouters.v1beta2", "virtualservices.v1beta2", "virtualnodes.v1beta1", "virtualservices.v1beta1",
	} {
		watches.Add(1)
		go func() {
			defer watches.Done()
			follow(stop, kind, known, *directory)
		}()
	}
	watches.Wait()
}

// follow keeps the files equal to the objects of one kind and version.
func follow(stop context.Context, kind string, known *mesh, directory string) {
	for stop.Err() == nil {
		err := watch.Follow(stop, func(e watch.Event[object]) error {
			known.see(e)
			return known.write(directory)
		}, kind+".appmesh.k8s.aws", "--all-namespaces")
		if stop.Err() == nil {
			log.Printf("the watch of %s ended (%v); again in %s", kind, err, retryAfter)
		}
		select {
		case <-stop.Done():
		case <-time.After(retryAfter):
		}
	}
}

// write replaces both files, clusters first: a route to a cluster that Envoy does not know loses requests.
func (m *mesh) write(directory string) error {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	clusters, routes := m.translate()
	if err := replace(filepath.Join(directory, "clusters.json"), clusters); err != nil {
		return err
	}
	return replace(filepath.Join(directory, "routes.json"), routes)
}

func replace(path string, content any) error {
	text, err := json.MarshalIndent(content, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(path+".new", text, 0o644); err != nil {
		return err
	}
	return os.Rename(path+".new", path)
}
