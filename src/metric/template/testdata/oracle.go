// What Go's text/template makes of the templates in cases.json. To add a case, write it there with "output": null and run
//
//	go run oracle.go < cases.json > new.json && mv new.json cases.json
//
// A case whose output is null is refused by Go.
package main

import (
	"bytes"
	"encoding/json"
	"log"
	"os"
	"text/template"
)

type testCase struct {
	Template string  `json:"template"`
	Output   *string `json:"output"`
}

func main() {
	var cases []testCase
	if err := json.NewDecoder(os.Stdin).Decode(&cases); err != nil {
		log.Fatal(err)
	}
	text := func(s string) func() string { return func() string { return s } }
	functions := template.FuncMap{
		"name": text("podinfo"), "namespace": text("test"), "target": text("podinfo-app"), "service": text("podinfo-svc"),
		"ingress": text("podinfo-ingress"), "route": text("podinfo-route"), "interval": text("1m"),
		"variables": func() map[string]string {
			return map[string]string{"direction": "inbound", "codes": "5.*", "empty": ""}
		},
	}
	for i, c := range cases {
		cases[i].Output = nil
		parsed, err := template.New("query").Funcs(functions).Option("missingkey=error").Parse(c.Template)
		if err != nil {
			continue
		}
		var rendered bytes.Buffer
		if parsed.Execute(&rendered, nil) == nil {
			output := rendered.String()
			cases[i].Output = &output
		}
	}
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(cases); err != nil {
		log.Fatal(err)
	}
}
