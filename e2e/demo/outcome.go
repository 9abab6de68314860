package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
)

// outcome is the document of --json.
type outcome struct {
	Promoted   int     `json:"promoted"`
	RolledBack int     `json:"rolledBack"`
	Lost       int     `json:"lost"`
	Stages     []stage `json:"stages"`
	Timeline   []entry `json:"timeline"`
	Load       *tally  `json:"load"` // null when there is none: then nothing is known to be lost, or not to be
}

type stage struct {
	Name    string  `json:"name"`
	Seconds float64 `json:"seconds"`
}

// readStages reads what demo.sh did before; no file is no stages.
func readStages(path string) ([]stage, error) {
	var stages []stage
	if path == "" {
		return stages, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for line := range strings.Lines(string(text)) {
		seconds, name, _ := strings.Cut(strings.TrimSpace(line), "\t")
		took, err := strconv.ParseFloat(seconds, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: %q: %w", path, line, err)
		}
		stages = append(stages, stage{name, took})
	}
	return stages, nil
}

// entry is one moment of the time line.
type entry struct {
	Second  float64            `json:"second"` // since the start
	Phase   string             `json:"phase"`
	Weight  int                `json:"weight"` // percent, as the Canary's status says
	Share   map[string]float64 `json:"share"`  // percent, as the answers since the weight changed say
	KPIs    []metric           `json:"kpis,omitempty"`
	Kind    string             `json:"kind"` // Normal and Warning are Events; Status is a change of the Canary itself
	Reason  string             `json:"reason,omitempty"`
	Message string             `json:"message,omitempty"`
}

func (t *teller) outcome(load *tally) outcome {
	t.kept.Load = load
	if load != nil {
		t.kept.Lost = load.Lost
	}
	return t.kept
}

// asPromised is the demo's promise: the good one promoted, the bad one rolled back, nothing lost.
func (o outcome) asPromised() bool {
	return o.Promoted == 1 && o.RolledBack == 1 && o.Load != nil && o.Lost == 0
}

func (o outcome) sentence() string {
	if o.Load == nil {
		return fmt.Sprintf("demo: %d promoted, %d rolled back, requests not counted", o.Promoted, o.RolledBack)
	}
	return fmt.Sprintf("demo: %d promoted, %d rolled back, %d requests lost", o.Promoted, o.RolledBack, o.Lost)
}

func (o outcome) write(to io.Writer) error {
	encoder := json.NewEncoder(to)
	encoder.SetIndent("", "  ")
	return encoder.Encode(o)
}
