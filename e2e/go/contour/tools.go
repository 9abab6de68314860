//go:build tools

// Package tools pins Contour and the definitions that it serves.
package tools

import _ "github.com/projectcontour/contour/cmd/contour"
