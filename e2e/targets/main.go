// Command targets keeps a Prometheus file_sd file equal to the cluster's annotated pods, which stands in for
// the Kubernetes discovery that Debian's Prometheus is built without.
//
// It must never write half a file: Prometheus reads it at any moment.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"log"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
	"time"
)

// retryAfter is the pause before a watch that ended begins again; each watch starts with a full list.
const retryAfter = 2 * time.Second

func main() {
	out := flag.String("out", "targets.json", "the file_sd file to keep")
	flag.Parse()
	stop, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer release()
	for stop.Err() == nil {
		if err := follow(stop, *out); err != nil && stop.Err() == nil {
			log.Printf("watching pods: %v; again in %s", err, retryAfter)
		}
		select {
		case <-stop.Done():
		case <-time.After(retryAfter):
		}
	}
}

// follow lets kubectl watch, so that every kind of kubeconfig works, and writes the file at each change.
func follow(stop context.Context, out string) error {
	watch := exec.CommandContext(stop, "kubectl", "get", "pods", "--all-namespaces", "--watch", "--output-watch-events", "-o", "json")
	watch.Stderr = os.Stderr
	pipe, err := watch.StdoutPipe()
	if err != nil {
		return err
	}
	if err := watch.Start(); err != nil {
		return err
	}
	read := apply(pipe, targets{}, func(all targets) error { return all.write(out) })
	if read != nil {
		_ = watch.Process.Kill() // it may have ended already
	}
	return errors.Join(read, watch.Wait())
}

// apply reads watch events until the stream ends and hands on the targets after each change of them.
func apply(stream io.Reader, known targets, changed func(targets) error) error {
	events := json.NewDecoder(stream)
	for {
		var event event
		switch err := events.Decode(&event); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if !known.see(event) {
			continue
		}
		if err := changed(known); err != nil {
			return err
		}
	}
}
