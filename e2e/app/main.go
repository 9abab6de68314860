// Command app is the demo application: it answers with its version and misbehaves exactly as its environment asks.
//
// It must never fail by accident: every answer that is not 200 was asked for, and says so in the header x-deliberate.
package main

import (
	"context"
	"errors"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// finishWithin bounds the wait for requests in flight at the end; the kubelet kills after 30 s.
const finishWithin = 10 * time.Second

func main() {
	log.SetFlags(log.LUTC | log.LstdFlags | log.Lmsgprefix)
	behaviour, err := behaviourFrom(os.LookupEnv)
	if err != nil {
		log.Fatal(err)
	}
	log.SetPrefix(behaviour.version + " ")
	stop, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer release()
	if err := serve(stop, behaviour); err != nil {
		log.Fatal(err)
	}
}

// serve answers until stop is done, then serves on for the lame-duck time, because endpoints are withdrawn
// from proxies only some time after the signal, and finishes what is in flight.
func serve(stop context.Context, behaviour behaviour) error {
	// Proxies ask for what a GRPCRoute leads to by HTTP/2.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	// No timeouts: a connection that a proxy opened ahead would end in the moment in which it is chosen for a request.
	server := &http.Server{Addr: ":" + behaviour.port, Handler: newApp(behaviour, time.Now()), Protocols: protocols}
	failed := make(chan error, 1)
	go func() { failed <- server.ListenAndServe() }()
	log.Printf("serving on :%s: %d %% errors, latency %s", behaviour.port, behaviour.errorRate, behaviour.latency)
	select {
	case err := <-failed:
		return err
	case <-stop.Done():
	}
	log.Printf("told to stop: serving for another %s", behaviour.lameDuck)
	select {
	case err := <-failed:
		return err
	case <-time.After(behaviour.lameDuck):
	}
	bounded, cancel := context.WithTimeout(context.Background(), finishWithin)
	defer cancel()
	if err := server.Shutdown(bounded); !errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return errors.New("requests were still in flight at the end")
}
