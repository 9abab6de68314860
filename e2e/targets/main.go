// Command targets keeps a Prometheus file_sd file equal to the cluster's annotated pods, which stands in for
// the Kubernetes discovery that Debian's Prometheus is built without.
//
// It must never write half a file: Prometheus reads it at any moment.
package main

import (
	"context"
	"flag"
	"log"
	"os/signal"
	"syscall"
	"time"

	"serin.dev/e2e/watch"
)

// retryAfter is the pause before a watch that ended begins again; each watch starts with a full list.
const retryAfter = 2 * time.Second

func main() {
	out := flag.String("out", "targets.json", "the file_sd file to keep")
	flag.Parse()
	stop, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer release()
	for stop.Err() == nil {
		err := watch.Follow(stop, keep(*out, targets{}), "pods", "--all-namespaces")
		if stop.Err() == nil {
			log.Printf("the watch of pods ended (%v); again in %s", err, retryAfter)
		}
		select {
		case <-stop.Done():
		case <-time.After(retryAfter):
		}
	}
}

// keep writes the file after each event that changes the targets.
func keep(out string, known targets) func(watch.Event[pod]) error {
	return func(e watch.Event[pod]) error {
		if !known.see(e) {
			return nil
		}
		return known.write(out)
	}
}
