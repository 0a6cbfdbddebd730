package suite

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Operations are one level of header operations of a decision.
type Operations struct {
	Remove []string
	Set    [][2]string
	Add    [][2]string
}

// Decision is the part of headerroute's decision that an answer is made of.
type Decision struct {
	Error       string
	Action      string
	Destination *struct {
		Host string
		Port int
	}
	Endpoints []struct {
		Address string
		Port    int
	}
	Upstream *struct {
		Path      string
		Authority string
		Headers   [][2]string
	}
	TimeoutMS *float64 `json:"timeout_ms"`
	Retries   *struct {
		Attempts     int
		RetryOn      []string `json:"retry_on"`
		StatusCodes  []int    `json:"status_codes"`
		PerTryMillis *float64 `json:"per_try_timeout_ms"`
	}
	Redirect *struct {
		Code     int
		Location string
	}
	DirectResponse *struct{ Status int } `json:"direct_response"`
	LocalReply     *struct {
		Status int
		Flag   string
	} `json:"local_reply"`
	ResponseHeaders []Operations `json:"response_headers"`
	Mirrors         []struct {
		Cluster string
		Fires   *bool
	}
	Cors *struct {
		Preflight        *bool
		OriginAllowed    *bool    `json:"origin_allowed"`
		AllowMethods     []string `json:"allow_methods"`
		AllowHeaders     []string `json:"allow_headers"`
		ExposeHeaders    []string `json:"expose_headers"`
		MaxAge           *int     `json:"max_age_s"`
		AllowCredentials *bool    `json:"allow_credentials"`
	}
}

// answer is what a client receives, and what the pod that answers saw.
type answer struct {
	status         int
	headers        http.Header
	pod, namespace string // of the pod; empty: the proxy answers
	path, host     string
	seen           http.Header
	port           int // of the pod
}

// ask decides requests that are alike and plays the proxy and the echo server with what each decision says.
func (c *Cluster) ask(ctx context.Context, request map[string]any, count int) ([]*answer, error) {
	requests := make([]map[string]any, count)
	for i := range requests {
		requests[i] = maps.Clone(request)
		requests[i]["random"] = rand.Float64() * 0.999999 //nolint:gosec
	}
	decisions, err := c.Decide(ctx, requests)
	if err != nil {
		return nil, err
	}
	headers, _ := request["headers"].([][2]string)
	out := make([]*answer, count)
	for i, d := range decisions {
		if out[i], err = c.play(d, headers); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func (c *Cluster) play(d *Decision, headers [][2]string) (*answer, error) {
	a := &answer{headers: http.Header{}}
	switch {
	case d.Redirect != nil:
		a.status = d.Redirect.Code
		a.headers.Set("location", d.Redirect.Location)
	case d.DirectResponse != nil:
		a.status = d.DirectResponse.Status
	case d.Cors != nil && d.Cors.Preflight != nil && *d.Cors.Preflight:
		a.status = 200
	case d.LocalReply != nil:
		a.status = d.LocalReply.Status
	case d.Upstream == nil || (d.Action != "passthrough" && len(d.Endpoints) == 0):
		return nil, fmt.Errorf("a decision that no conformance test leads to: %+v", d)
	default:
		if err := c.echo(a, d); err != nil {
			return nil, err
		}
	}
	d.cors(a.headers, headers)
	for _, level := range d.ResponseHeaders {
		level.apply(a.headers)
	}
	return a, nil
}

// echo is the pod of the destination: the answer of the suite's echo server to the request as it arrives there.
func (c *Cluster) echo(a *answer, d *Decision) error {
	var address string
	var port int
	if d.Action == "passthrough" { // to the address that the client called
		host, text, err := net.SplitHostPort(d.Upstream.Authority)
		if err != nil {
			host, text = d.Upstream.Authority, "80"
		}
		address = host
		if port, err = strconv.Atoi(text); err != nil {
			return err
		}
	} else {
		to := d.Endpoints[rand.IntN(len(d.Endpoints))] //nolint:gosec
		address, port = to.Address, to.Port
	}
	c.lock.Lock()
	pod, ok := c.pods[address]
	c.lock.Unlock()
	if !ok {
		return fmt.Errorf("no pod has the address %s", address)
	}
	a.status, a.pod, a.namespace, a.port = 200, pod.Name, pod.Namespace, port
	a.path, a.host, a.seen = d.Upstream.Path, d.Upstream.Authority, http.Header{}
	for _, h := range d.Upstream.Headers {
		a.seen.Add(h[0], h[1])
	}
	for _, list := range a.seen["X-Echo-Set-Header"] {
		for _, pair := range strings.Split(list, ",") {
			if name, value, ok := strings.Cut(strings.TrimSpace(pair), ":"); ok {
				a.headers.Add(name, value)
			}
		}
	}
	for _, m := range d.Mirrors {
		if m.Fires == nil || *m.Fires {
			c.mirrored(m.Cluster, d.Upstream.Path)
		}
	}
	u, err := url.Parse(a.path)
	if err != nil {
		return err
	}
	query := u.Query()
	if delay, err := time.ParseDuration(query.Get("delay")); err == nil {
		if d.TimeoutMS != nil && *d.TimeoutMS < float64(delay.Milliseconds()) {
			*a = answer{status: 504, headers: http.Header{}}
			return nil
		}
	}
	if strings.HasPrefix(u.Path, "/retry/") {
		d.retry(a, query)
	}
	return nil
}

// retry is what is left after the tries that the policy makes: the echo server fails the first `succeedAfter`.
func (d *Decision) retry(a *answer, query url.Values) {
	failures, _ := strconv.Atoi(query.Get("succeedAfter"))
	code, err := strconv.Atoi(query.Get("responseCode"))
	if err != nil || d.Retries == nil {
		return
	}
	retried := false
	for _, on := range d.Retries.StatusCodes {
		retried = retried || on == code
	}
	for _, on := range d.Retries.RetryOn {
		retried = retried || (on == "5xx" && code >= 500) || (on == "gateway-error" && code >= 502 && code <= 504)
	}
	if failures > 0 && (!retried || failures > d.Retries.Attempts) {
		*a = answer{status: code, headers: http.Header{}}
	}
}

// mirrored notes in the log of each pod of a cluster what its echo server prints.
func (c *Cluster) mirrored(cluster, path string) {
	parts := strings.Split(cluster, "|")
	service := strings.Split(parts[len(parts)-1], ".")
	if len(service) < 2 {
		return
	}
	c.lock.Lock()
	defer c.lock.Unlock()
	for _, pod := range c.pods {
		if pod.Namespace == service[1] && pod.Labels["app"] == service[0] {
			key := pod.Namespace + "/" + pod.Name
			c.logs[key] = append(c.logs[key], "Echoing back request made to "+path+" to client (proxy)")
			return // a mirrored request reaches one pod
		}
	}
}

func (o *Operations) apply(h http.Header) {
	for _, name := range o.Remove {
		h.Del(name)
	}
	for _, p := range o.Set {
		h.Set(p[0], p[1])
	}
	for _, p := range o.Add {
		h.Add(p[0], p[1])
	}
}

// cors adds the headers of Envoy's CORS filter, which answers a preflight of a wrong origin with the others.
func (d *Decision) cors(h http.Header, request [][2]string) {
	policy := d.Cors
	if policy == nil {
		return
	}
	put := func(name string, values []string) {
		if len(values) > 0 {
			h.Set(name, strings.Join(values, ","))
		}
	}
	allowed := policy.OriginAllowed != nil && *policy.OriginAllowed
	preflight := policy.Preflight != nil && *policy.Preflight
	if allowed {
		for _, r := range request {
			if strings.EqualFold(r[0], "origin") {
				h.Set("access-control-allow-origin", r[1])
			}
		}
		put("access-control-expose-headers", policy.ExposeHeaders)
	}
	if (allowed || preflight) && policy.AllowCredentials != nil && *policy.AllowCredentials {
		h.Set("access-control-allow-credentials", "true")
	}
	if !preflight {
		return
	}
	put("access-control-allow-methods", asked(policy.AllowMethods, request, "access-control-request-method"))
	put("access-control-allow-headers", asked(policy.AllowHeaders, request, "access-control-request-headers"))
	if policy.MaxAge != nil {
		h.Set("access-control-max-age", strconv.Itoa(*policy.MaxAge))
	}
}

// asked is what a preflight asked for where the policy allows all, as Envoy answers it.
func asked(allowed []string, request [][2]string, name string) []string {
	if len(allowed) != 1 || allowed[0] != "*" {
		return allowed
	}
	for _, r := range request {
		if strings.EqualFold(r[0], name) {
			return []string{r[1]}
		}
	}
	return allowed
}
