//go:build tools

// Package tools pins Traefik, and with it the Gateway API whose definitions it serves.
package tools

import _ "github.com/traefik/traefik/v3/cmd/traefik"
