package suite

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	pb "sigs.k8s.io/gateway-api/conformance/echo-basic/grpcechoserver"
	"sigs.k8s.io/gateway-api/conformance/utils/grpc"
	"sigs.k8s.io/gateway-api/conformance/utils/roundtripper"
)

// toGateway begins a request in the batch format to the Gateway that has an address.
func (c *Cluster) toGateway(address string, port int) (map[string]any, error) {
	c.lock.Lock()
	key, ok := c.used[address]
	c.lock.Unlock()
	if !ok {
		return nil, fmt.Errorf("no Gateway has the address %s", address)
	}
	return map[string]any{"gateway": "Gateway.gateway.networking.k8s.io/" + key.String(), "port": port}, nil
}

func portOf(u *url.URL) int {
	if n, err := strconv.Atoi(u.Port()); err == nil {
		return n
	}
	if u.Scheme == "https" {
		return 443
	}
	return 80
}

// CaptureRoundTrip implements roundtripper.RoundTripper.
func (c *Cluster) CaptureRoundTrip(r roundtripper.Request) (*roundtripper.CapturedRequest, *roundtripper.CapturedResponse, error) {
	request, err := c.toGateway(r.URL.Hostname(), portOf(&r.URL))
	if err != nil {
		return nil, nil, err
	}
	method := r.Method
	if method == "" {
		method = http.MethodGet
	}
	host := r.Host
	if host == "" {
		host = r.URL.Host
	}
	var headers [][2]string
	for name, values := range r.Headers {
		headers = append(headers, [2]string{name, values[0]}) // as the suite's own round tripper sends them
	}
	request["method"], request["authority"], request["path"] = method, host, r.URL.RequestURI()
	request["scheme"], request["headers"] = r.URL.Scheme, headers
	answers, err := c.ask(context.Background(), request, 1)
	if err != nil {
		return nil, nil, err
	}
	a := answers[0]
	seen := &roundtripper.CapturedRequest{Method: method}
	if a.pod != "" {
		seen = &roundtripper.CapturedRequest{Path: a.path, Host: a.host, Method: method, Protocol: "HTTP/1.1",
			Headers: map[string][]string(a.seen), HTTPPort: strconv.Itoa(a.port), Namespace: a.namespace, Pod: a.pod}
	}
	response := &roundtripper.CapturedResponse{StatusCode: a.status, Protocol: "HTTP/1.1", Headers: a.headers}
	if location := a.headers.Get("location"); location != "" {
		base := url.URL{Scheme: r.URL.Scheme, Host: host, Path: r.URL.Path}
		u, err := base.Parse(location)
		if err != nil {
			return nil, nil, err
		}
		response.RedirectRequest = &roundtripper.RedirectRequest{Scheme: u.Scheme, Host: u.Hostname(), Port: u.Port(), Path: u.Path}
	}
	return seen, response, nil
}

const echoService = "/gateway_api_conformance.echo_basic.grpcecho.GrpcEcho/"

// codeOf is the status of gRPC that a client makes of an answer over HTTP.
func codeOf(status int) codes.Code {
	switch status {
	case http.StatusOK:
		return codes.OK
	case http.StatusBadRequest:
		return codes.Internal
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.Unimplemented
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return codes.Unavailable
	}
	return codes.Unknown
}

// SendRPC implements grpc.Client.
func (c *Cluster) SendRPC(t *testing.T, address string, e grpc.ExpectedResponse, _ time.Duration) (*grpc.Response, error) {
	t.Helper()
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		host, port = address, "80"
	}
	n, err := strconv.Atoi(port)
	if err != nil {
		return nil, err
	}
	request, err := c.toGateway(host, n)
	if err != nil {
		return nil, err
	}
	method := "EchoThree"
	if e.EchoRequest != nil {
		method = "Echo"
	} else if e.EchoTwoRequest != nil {
		method = "EchoTwo"
	}
	headers := [][2]string{{"content-type", "application/grpc"}, {"te", "trailers"}}
	authority := address
	if m := e.RequestMetadata; m != nil {
		if m.Authority != "" {
			authority = m.Authority
		}
		for k, v := range m.Metadata {
			headers = append(headers, [2]string{strings.ToLower(k), v})
		}
	}
	request["method"], request["authority"], request["path"], request["headers"] = "POST", authority, echoService+method, headers
	answers, err := c.ask(context.Background(), request, 1)
	if err != nil {
		return nil, err
	}
	a := answers[0]
	out := &grpc.Response{Code: codeOf(a.status), Headers: &metadata.MD{}, Trailers: &metadata.MD{}}
	if a.pod != "" {
		out.Response = &pb.EchoResponse{Assertions: &pb.Assertions{FullyQualifiedMethod: a.path,
			Context: &pb.Context{Namespace: a.namespace, Pod: a.pod}}}
	} else if out.Code == codes.OK {
		return nil, fmt.Errorf("no pod answered, and the answer is 200")
	}
	return out, nil
}

// Close implements grpc.Client.
func (c *Cluster) Close() {}
