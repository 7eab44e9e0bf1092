// Command coredns is CoreDNS with the plugins that a cluster without uplink needs, and no other: less to build.
package main

import (
	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/loadbalance"
	_ "github.com/coredns/coredns/plugin/log"
	_ "github.com/coredns/coredns/plugin/ready"
	_ "github.com/coredns/coredns/plugin/rewrite"
	_ "github.com/coredns/coredns/plugin/template"
)

func init() {
	// the order in which a query passes the plugins: template answers before kubernetes is asked
	dnsserver.Directives = []string{
		"health", "ready", "log", "errors", "cache", "rewrite", "loadbalance", "template", "kubernetes",
	}
}

func main() { coremain.Run() }
