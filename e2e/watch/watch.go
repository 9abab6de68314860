// Package watch reads a Kubernetes watch through kubectl, so that every kind of kubeconfig works without a client library.
//
// It must never swallow the end of a watch: the caller hears of it and decides whether to begin again.
package watch

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
)

// Event is one change of an object; a watch begins with an Added for each object that is there.
type Event[T any] struct {
	Type   string `json:"type"` // ADDED, MODIFIED or DELETED
	Object T      `json:"object"`
}

// Follow runs `kubectl get ARGS --watch` and hands on each event, until stop, an error of see or the watch's end.
func Follow[T any](stop context.Context, see func(Event[T]) error, args ...string) error {
	args = append([]string{"get", "--watch", "--output-watch-events", "-o", "json"}, args...)
	kubectl := exec.CommandContext(stop, "kubectl", args...)
	kubectl.Stderr = os.Stderr
	pipe, err := kubectl.StdoutPipe()
	if err != nil {
		return err
	}
	if err := kubectl.Start(); err != nil {
		return err
	}
	read := Decode(pipe, see)
	if read != nil {
		_ = kubectl.Process.Kill() // it may have ended already
	}
	return errors.Join(read, kubectl.Wait())
}

// Decode reads JSON values one after the other until the stream ends.
func Decode[T any](stream io.Reader, see func(T) error) error {
	values := json.NewDecoder(stream)
	for {
		var value T
		switch err := values.Decode(&value); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		if err := see(value); err != nil {
			return err
		}
	}
}
