// analyze runs the analyzers of `istioctl analyze` over resources, as Istio's own Go packages have them.
//
// One JSON job a line on stdin, {"id": ..., "yaml": "..."}; one JSON result a line on stdout, in order:
// {"id": ..., "messages": [{"code": "IST0101", "resource": "VirtualService default/a", "text": "..."}]}.
// Resources that the analyzers cannot read are left out, as with `istioctl analyze`; "error" says which.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"istio.io/istio/pkg/config/analysis"
	"istio.io/istio/pkg/config/analysis/analyzers"
	"istio.io/istio/pkg/config/analysis/diag"
	"istio.io/istio/pkg/config/analysis/local"
	"istio.io/istio/pkg/log"
)

type job struct {
	ID   string `json:"id"`
	YAML string `json:"yaml"`
}

type message struct {
	Code     string `json:"code"`
	Resource string `json:"resource"`
	Text     string `json:"text"`
}

type result struct {
	ID       string    `json:"id"`
	Messages []message `json:"messages"`
	Error    string    `json:"error,omitempty"`
}

func main() {
	quiet()
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 64<<20)
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	for in.Scan() {
		var j job
		if err := json.Unmarshal(in.Bytes(), &j); err != nil {
			fmt.Fprintln(os.Stderr, "analyze: bad job:", err)
			os.Exit(1)
		}
		if err := out.Encode(analyze(j)); err != nil {
			fmt.Fprintln(os.Stderr, "analyze:", err)
			os.Exit(1)
		}
	}
	if in.Err() != nil {
		fmt.Fprintln(os.Stderr, "analyze:", in.Err())
		os.Exit(1)
	}
}

func analyze(j job) result {
	out := result{ID: j.ID, Messages: []message{}}
	sa := local.NewSourceAnalyzer(analysis.Combine("all", analyzers.All()...), "", "istio-system", nil)
	// With Pods and Namespaces, which are read from files only in the analyzers' own tests.
	source := []local.ReaderSource{{Name: "rules.yaml", Reader: strings.NewReader(j.YAML)}}
	if err := sa.AddTestReaderKubeSource(source); err != nil {
		out.Error = err.Error()
	}
	stop := make(chan struct{})
	defer close(stop)
	done, err := sa.Analyze(stop)
	if err != nil {
		out.Error = err.Error()
		return out
	}
	for _, m := range done.Messages {
		out.Messages = append(out.Messages, describe(m))
	}
	return out
}

func describe(m diag.Message) message {
	d := message{Code: m.Type.Code(), Text: m.String()}
	if m.Resource != nil {
		d.Resource = m.Resource.Origin.FriendlyName()
	}
	return d
}

func quiet() {
	o := log.DefaultOptions()
	o.SetDefaultOutputLevel(log.OverrideScopeName, log.ErrorLevel)
	o.OutputPaths = []string{"stderr"}
	_ = log.Configure(o)
	for _, s := range log.Scopes() {
		s.SetOutputLevel(log.FatalLevel)
	}
}
