// Command coredns is CoreDNS with the plugins that a local cluster needs.
//
// The stock command links every plugin, among them three clouds' SDKs, and takes minutes to build. This one takes
// the same server and the same plugins' code, and fewer of them.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"

	_ "github.com/coredns/coredns/plugin/bind"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"
)

// Order: a query passes the plugins in this order, whatever order the Corefile has.
func init() {
	dnsserver.Directives = []string{"bind", "ready", "errors", "cache", "kubernetes"}
}

func main() {
	coremain.Run()
}
