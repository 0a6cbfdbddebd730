package suite

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"k8s.io/streaming/pkg/httpstream"
	"k8s.io/streaming/pkg/httpstream/spdy"
)

// ServeHTTP is the part of an API server that the suite uses besides resources: logs of pods, and commands in them.
func (c *Cluster) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	// /api/v1/namespaces/NS/pods/POD/log or /exec
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	if len(parts) != 7 || parts[4] != "pods" {
		http.NotFound(w, r)
		return
	}
	namespace, pod := parts[3], parts[5]
	switch parts[6] {
	case "log":
		c.lock.Lock()
		lines := strings.Join(c.logs[namespace+"/"+pod], "\n")
		c.lock.Unlock()
		_, _ = io.WriteString(w, lines+"\n")
	case "exec":
		c.exec(w, r, namespace, pod)
	default:
		http.NotFound(w, r)
	}
}

// exec answers a command in a pod over the streams of remotecommand's protocol v4.
func (c *Cluster) exec(w http.ResponseWriter, r *http.Request, namespace, pod string) {
	if _, err := httpstream.Handshake(r, w, []string{"v4.channel.k8s.io"}); err != nil {
		return
	}
	streams := make(chan httpstream.Stream, 8)
	conn := spdy.NewResponseUpgrader().UpgradeResponse(w, r, func(s httpstream.Stream, _ <-chan struct{}) error {
		streams <- s
		return nil
	})
	if conn == nil {
		return
	}
	defer conn.Close()
	byType := map[string]httpstream.Stream{}
	for len(byType) < 3 { // error, stdout, stderr
		select {
		case s := <-streams:
			byType[s.Headers().Get("streamType")] = s
		case <-time.After(30 * time.Second):
			return
		}
	}
	out, err := c.command(r.Context(), namespace, pod, r.URL.Query()["command"])
	status := `{"metadata":{},"status":"Success"}`
	if err != nil {
		status = fmt.Sprintf(`{"metadata":{},"status":"Failure","message":%q,"reason":"InternalError","code":500}`, err.Error())
	}
	_, _ = io.WriteString(byType["stdout"], out)
	_ = byType["stdout"].Close()
	_ = byType["stderr"].Close()
	_, _ = io.WriteString(byType["error"], status)
	_ = byType["error"].Close()
	<-conn.CloseChan()
}

// command is the suite's echo client: client URL [--method=M] [-H NAME:VALUE] [--count=N].
func (c *Cluster) command(ctx context.Context, namespace, pod string, args []string) (string, error) {
	if len(args) < 2 || args[0] != "client" {
		return "", fmt.Errorf("expected client URL, got %q", args)
	}
	u, err := url.Parse(args[1])
	if err != nil {
		return "", err
	}
	method, count := "GET", 1
	var headers [][2]string
	for i := 2; i < len(args); i++ {
		if v, ok := strings.CutPrefix(args[i], "--method="); ok {
			method = v
		} else if v, ok := strings.CutPrefix(args[i], "--count="); ok {
			if count, err = strconv.Atoi(v); err != nil {
				return "", err
			}
		} else if args[i] == "-H" && i+1 < len(args) {
			i++
			name, value, _ := strings.Cut(args[i], ":")
			headers = append(headers, [2]string{name, value})
		} else {
			return "", fmt.Errorf("unknown argument %q", args[i])
		}
	}
	path := u.RequestURI()
	if u.Scheme == "grpc" {
		method, path = "POST", "/proto.EchoTestService/Echo" // what the client of the suite's mesh pods calls
		headers = append(headers, [2]string{"content-type", "application/grpc"}, [2]string{"te", "trailers"})
	}
	authority := u.Host
	for i, h := range headers {
		if strings.EqualFold(h[0], "host") {
			authority = h[1]
			headers = append(headers[:i:i], headers[i+1:]...)
			break
		}
	}
	labels := map[string]string{}
	c.lock.Lock()
	for _, p := range c.pods {
		if p.Namespace == namespace && p.Name == pod {
			labels = p.Labels
		}
	}
	c.lock.Unlock()
	request := map[string]any{"method": method, "authority": authority, "path": path, "port": portOf(u), "namespace": namespace,
		"source_labels": labels, "headers": headers}
	if authority != u.Host {
		request["connect_to"] = u.Host
	}
	answers, err := c.ask(ctx, request, count)
	if err != nil {
		return "", err
	}
	var out strings.Builder
	for i, a := range answers {
		a.print(&out, i)
	}
	return out.String(), nil
}

// print writes an answer as the echo client does.
func (a *answer) print(out *strings.Builder, i int) {
	fmt.Fprintf(out, "[%d body] StatusCode=%d\n", i, a.status)
	for name, values := range a.headers {
		for _, v := range values {
			fmt.Fprintf(out, "[%d] ResponseHeader=%s:%s\n", i, http.CanonicalHeaderKey(name), v)
		}
	}
	if a.pod != "" {
		fmt.Fprintf(out, "[%d body] Hostname=%s\n", i, a.pod)
		fmt.Fprintf(out, "[%d body] Host=%s\n", i, a.host)
		fmt.Fprintf(out, "[%d body] URL=%s\n", i, a.path)
		fmt.Fprintf(out, "[%d body] ServicePort=%d\n", i, a.port)
		for name, values := range a.seen {
			for _, v := range values {
				fmt.Fprintf(out, "[%d body] RequestHeader=%s:%s\n", i, name, v)
			}
		}
	}
	out.WriteString("\n")
}
