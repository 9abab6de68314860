// Command load sends a steady, bounded stream of requests and accounts for each one.
//
// It must never hide a failure: no retry, no redirect followed, and a request that no connection was free
// for is counted too. It ends by itself, or on SIGTERM, with its summary written.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	var p plan
	flag.StringVar(&p.url, "url", "", "what to ask for, http://HOST[:PORT]/PATH")
	flag.StringVar(&p.host, "host", "", "Host header; the URL's own when empty")
	flag.Func("header", "`NAME: VALUE` sent with each request; may be given again", func(header string) error {
		p.headers = append(p.headers, header)
		return nil
	})
	flag.IntVar(&p.rate, "rate", 50, "requests a second, at most 5000")
	flag.DurationVar(&p.duration, "duration", time.Minute, "when to stop, at most 1h")
	flag.IntVar(&p.requests, "requests", 0, "stop after so many requests, each of which waits for a free connection; 0 is no bound, and no request waits")
	flag.IntVar(&p.connections, "connections", 8, "connections held open, at most 512")
	flag.DurationVar(&p.timeout, "timeout", 5*time.Second, "longest wait for one answer")
	summaryFile := flag.String("summary", "", "file for the summary (JSON); standard output when empty")
	timelineFile := flag.String("timeline", "", "file for one JSON line a second, written as it happens; none when empty")
	flag.Parse()
	if err := run(p, *summaryFile, *timelineFile); err != nil {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(p plan, summaryFile, timelineFile string) error {
	target, err := p.target()
	if err != nil {
		return err
	}
	timeline, err := createOr(timelineFile, nil)
	if err != nil {
		return err
	}
	summary, err := createOr(summaryFile, os.Stdout)
	if err != nil {
		return err
	}
	stop, release := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer release()
	account := newAccount(time.Now())
	if err := send(stop, p, target, account, timeline); err != nil {
		return err
	}
	return account.writeSummary(summary, time.Now())
}

func createOr(path string, otherwise *os.File) (*os.File, error) {
	if path == "" {
		return otherwise, nil
	}
	return os.Create(path)
}
