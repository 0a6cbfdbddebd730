// translate turns Istio YAML into the configuration that Istio's own Go packages make of it.
//
// One JSON job a line on stdin, one JSON result a line on stdout, in order:
//
//	{"id": ..., "yaml": "...", "views": [{"gateway", "port", "namespace", "source_labels", "outbound_policy",
//	"locality", "path_normalization", "trusted_proxies"}]}
//
// A view is one proxy: the sidecar of a pod ("mesh") or the pods of one Gateway ("NS/NAME"). The
// result names, for each view, the route tables and HTTP connection managers of its listeners, the
// clusters with their number of usable endpoints, and which service each sniffed table belongs to.
// What Istio's admission would refuse is listed under "errors", and nothing is compiled then.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"sync"

	"istio.io/istio/pkg/log"
)

// Job is one line of input.
type Job struct {
	ID    string `json:"id"`
	YAML  string `json:"yaml"`
	Views []View `json:"views"`
}

// View is the proxy that a table is compiled for, in the words of the batch format.
type View struct {
	Gateway        string            `json:"gateway"`
	Port           int               `json:"port"`
	Namespace      string            `json:"namespace"`
	SourceLabels   map[string]string `json:"source_labels"`
	OutboundPolicy string            `json:"outbound_policy"`
	Locality       string            `json:"locality"` // of the proxy: REGION/ZONE/SUBZONE
	Normalization  string            `json:"path_normalization"`
	TrustedProxies uint32            `json:"trusted_proxies"` // numTrustedProxies of a gateway
}

// Result is one line of output.
type Result struct {
	ID       string       `json:"id"`
	Errors   []string     `json:"errors,omitempty"`
	Warnings []string     `json:"warnings,omitempty"`
	Views    []ViewResult `json:"views,omitempty"`
}

// ViewResult is what one proxy gets.
type ViewResult struct {
	Tables   []Table            `json:"tables"`
	Clusters map[string]Cluster `json:"clusters"`
	// Names maps the names and addresses by which this proxy can call a service to its FQDN.
	Names map[string]string `json:"names"`
	// TCP lists the services on whose port HTTP rules do not act: declared TCP, TLS or HTTPS.
	TCP []string `json:"tcp,omitempty"`
	// GatewayAPI: the view is that of a Gateway of the Kubernetes Gateway API. Without tables it has no HTTP listener on
	// the port.
	GatewayAPI bool   `json:"gateway_api,omitempty"`
	Error      string `json:"error,omitempty"`
}

// Table is one route table with the connection manager that uses it.
type Table struct {
	Name    string          `json:"name"`
	Service string          `json:"service,omitempty"` // a sniffed table's service
	TLS     bool            `json:"tls,omitempty"`     // a gateway's TLS server
	SNI     []string        `json:"sni,omitempty"`     // hosts of that server
	Routes  json.RawMessage `json:"routes"`            // envoy.config.route.v3.RouteConfiguration
	Manager json.RawMessage `json:"manager,omitempty"` // ...HttpConnectionManager, without filters
	Filters []string        `json:"filters,omitempty"` // names of Istio's HTTP filters, in order
	Server  []string        `json:"server_hosts,omitempty"`
}

// Cluster is one outbound cluster.
type Cluster struct {
	Type       string          `json:"type"`
	Policy     string          `json:"lb_policy"`
	Endpoints  []string        `json:"endpoints"`            // healthy members, address:port
	Localities []Locality      `json:"localities,omitempty"` // all members, as Envoy gets them
	Raw        json.RawMessage `json:"raw,omitempty"`
	// Protocols is envoy.extensions.upstreams.http.v3.HttpProtocolOptions: which version endpoints are spoken to in.
	Protocols json.RawMessage `json:"protocols,omitempty"`
}

// Locality is a group of members with the priority and weight that this proxy gives it.
type Locality struct {
	Region    string   `json:"region"`
	Zone      string   `json:"zone"`
	SubZone   string   `json:"sub_zone"`
	Priority  uint32   `json:"priority"`
	Weight    uint32   `json:"weight"`
	Endpoints []Member `json:"endpoints"`
}

// Member is one endpoint of a Locality.
type Member struct {
	Address   string `json:"address"`
	Weight    uint32 `json:"weight"`
	Unhealthy bool   `json:"unhealthy,omitempty"`
}

func main() {
	quiet()
	workers := 2
	type slot struct {
		job Job
		out chan Result
	}
	order := make(chan slot, 16)
	jobs := make(chan slot, 16)
	var wg sync.WaitGroup
	for i := 0; i < workers; i++ {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for s := range jobs {
				s.out <- translate(s.job)
			}
		}()
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		w := bufio.NewWriterSize(os.Stdout, 1<<20)
		defer w.Flush()
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		for s := range order {
			if err := enc.Encode(<-s.out); err != nil {
				fmt.Fprintln(os.Stderr, "translate:", err)
				os.Exit(1)
			}
			if len(order) == 0 {
				w.Flush()
			}
		}
	}()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 64<<20)
	for in.Scan() {
		var j Job
		if err := json.Unmarshal(in.Bytes(), &j); err != nil {
			fmt.Fprintln(os.Stderr, "translate: bad job:", err)
			os.Exit(1)
		}
		s := slot{j, make(chan Result, 1)}
		order <- s
		jobs <- s
	}
	close(jobs)
	wg.Wait()
	close(order)
	<-done
	if in.Err() != nil {
		fmt.Fprintln(os.Stderr, "translate:", in.Err())
		os.Exit(1)
	}
}

// quiet keeps Istio's log to errors, on stderr.
func quiet() {
	o := log.DefaultOptions()
	o.SetDefaultOutputLevel(log.OverrideScopeName, log.ErrorLevel)
	o.OutputPaths = []string{"stderr"}
	_ = log.Configure(o)
	for _, s := range log.Scopes() {
		s.SetOutputLevel(log.FatalLevel)
	}
}
