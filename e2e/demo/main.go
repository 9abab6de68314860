// Command demo plays the main job on a cluster that has the operator and a data plane: under live traffic it puts
// the example under a Canary, releases a good revision, then a bad one, and tells what happened as it happens.
//
// It must never judge by its own opinion: promoted and rolled back are the Canary's phases, lost is the load's count.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// longest bounds the whole play, so that a release that never ends fails the demo instead of the patience.
const longest = 10 * time.Minute

func main() {
	var p play
	flag.StringVar(&p.namespace, "namespace", "demo", "namespace of the Canary")
	flag.StringVar(&p.canary, "canary", "hello", "name of the Canary and of its Deployment")
	flag.StringVar(&p.manifest, "manifest", "", "file of the Canary, applied once the load runs")
	flag.StringVar(&p.load, "load", "", "path of the load program")
	flag.StringVar(&p.url, "url", "", "where the gateway answers")
	flag.StringVar(&p.host, "host", "", "Host header that the gateway routes by")
	stages := flag.String("stages", "", "file with the stages before: seconds, a tab, the name")
	asJSON := flag.Bool("json", false, "one JSON document on standard output; the time line goes to standard error")
	flag.Parse()
	told := os.Stdout
	if *asJSON {
		told = os.Stderr
	}
	p.tell = newTeller(told, time.Now())
	var err error
	if p.tell.kept.Stages, err = readStages(*stages); err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		os.Exit(2)
	}

	stop, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer release()
	bounded, cancel := context.WithTimeout(stop, longest)
	defer cancel()
	outcome, err := p.perform(bounded)
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
	}
	if *asJSON {
		err = errors.Join(err, outcome.write(os.Stdout))
	}
	fmt.Fprintln(told, outcome.sentence())
	if err != nil || !outcome.asPromised() {
		os.Exit(1)
	}
}
