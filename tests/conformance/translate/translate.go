package main

import (
	"context"
	"encoding/json"
	"fmt"
	"sort"
	"strings"
	"time"

	cluster "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corev3 "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listener "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	meshconfig "istio.io/api/mesh/v1alpha1"
	networking "istio.io/api/networking/v1alpha3"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/util"
	labelutil "istio.io/istio/pilot/pkg/serviceregistry/util/label"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config/constants"
	"istio.io/istio/pkg/config/gateway"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/protocol"
	"istio.io/istio/pkg/config/schema/gvk"
	"istio.io/istio/pkg/test"
	"istio.io/istio/pkg/wellknown"
)

const domain = "cluster.local"

// translate never panics: whatever Istio's packages do with odd input becomes an error.
func translate(j Job) (res Result) {
	res.ID = j.ID
	configs, objects, warnings, errs := parse(j.YAML)
	res.Warnings = warnings
	if len(errs) > 0 {
		res.Errors = errs
		return res
	}
	if len(j.Views) == 0 {
		return res
	}
	nameRoutes(configs)
	res.Views = make([]ViewResult, len(j.Views))
	behind := proxies(objects)
	byPolicy := map[string][]int{}
	for i, v := range j.Views {
		key := v.OutboundPolicy + " " + v.Normalization
		byPolicy[key] = append(byPolicy[key], i)
	}
	for key, views := range byPolicy {
		policy, normalization, _ := strings.Cut(key, " ")
		m := mesh.DefaultMeshConfig()
		if normalization != "" {
			name := strings.ToUpper(strings.ReplaceAll(normalization, "-", "_"))
			m.PathNormalization = &meshconfig.MeshConfig_ProxyPathNormalization{
				Normalization: meshconfig.MeshConfig_ProxyPathNormalization_NormalizationType(
					meshconfig.MeshConfig_ProxyPathNormalization_NormalizationType_value[name]),
			}
		}
		if policy == "registry-only" {
			m.OutboundTrafficPolicy = &meshconfig.MeshConfig_OutboundTrafficPolicy{
				Mode: meshconfig.MeshConfig_OutboundTrafficPolicy_REGISTRY_ONLY,
			}
		}
		err := test.Wrap(func(t test.Failer) {
			s := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
				Configs:           configs,
				KubernetesObjects: objects,
				MeshConfig:        m,
			})
			if hasGatewayAPI(objects) {
				settle(t, s)
			}
			// Istio hands a gateway the scope of its namespace's sidecars, with services that are not
			// exported to it, if one of them was served before. A gateway by itself is what is meant.
			for _, gateways := range []bool{true, false} {
				for _, i := range views {
					if j.Views[i].mesh() != gateways {
						res.Views[i] = compile(s, j.Views[i], behind)
						_, res.Views[i].GatewayAPI = behind.labels[j.Views[i].Gateway]
					}
				}
			}
		})
		if err != nil {
			res.Errors = append(res.Errors, "translation: "+err.Error())
			res.Views = nil
			return res
		}
	}
	return res
}

// nameRoutes writes the index of every rule and match into the route names, which have no effect on
// routing, so that a compiled route tells which rule it came from: NAME@RULE and NAME@RULE.NAME@MATCH.
func nameRoutes(configs configList) {
	for _, c := range configs {
		if c.GroupVersionKind != gvk.VirtualService {
			continue
		}
		vs := c.Spec.(*networking.VirtualService)
		for i, h := range vs.Http {
			h.Name = fmt.Sprintf("%s@%d", h.Name, i)
			for k, m := range h.Match {
				if m != nil {
					m.Name = fmt.Sprintf("%s@%d", m.Name, k)
				}
			}
		}
	}
}

func (v View) mesh() bool {
	return v.Gateway == "" || v.Gateway == "mesh"
}

func compile(s *xds.FakeDiscoveryServer, v View, behind gateways) (res ViewResult) {
	defer func() {
		if r := recover(); r != nil {
			res = ViewResult{Error: fmt.Sprint("panic: ", r)}
		}
	}()
	if ns, _, ok := strings.Cut(v.Gateway, "/"); v.Namespace == "" && ok {
		v.Namespace = ns // a gateway's pods run beside the Gateway unless the view says otherwise
	}
	v.Namespace = namespace(v.Namespace)
	labels := map[string]string{}
	for k, val := range v.SourceLabels {
		labels[k] = val
	}
	p := &model.Proxy{
		Type:            model.SidecarProxy,
		ConfigNamespace: v.Namespace,
		IPAddresses:     []string{"10.254.254.254"},
		Labels:          labels,
		Metadata: &model.NodeMetadata{
			Namespace: v.Namespace, Labels: labels, IstioVersion: "1.31.0", ClusterID: "Kubernetes",
		},
		DNSDomain: v.Namespace + ".svc." + domain,
	}
	mesh := v.mesh()
	if !mesh {
		p.Type = model.Router
		found := false
		for _, g := range s.Store().List(gvk.Gateway, "") {
			name := g.Namespace + "/" + g.Name
			if name != v.Gateway && !behind.hasListener(name, v.Gateway) {
				continue
			}
			found = true
			for k, val := range behind.selectorOf(g.Spec.(*networking.Gateway), name, v.Gateway) {
				labels[k] = val
			}
		}
		if !found {
			return ViewResult{Error: "no such Gateway"}
		}
		// Where the resources hold a pod of this gateway, the proxy is that pod, so that Services in front
		// of it settle its target ports.
		if ip := gatewayPod(s, v.Namespace, labels); ip != "" {
			p.IPAddresses = []string{ip}
		}
	}
	// As discovery does with what a proxy says of itself: where it runs is among its labels.
	p.Locality = util.ConvertLocality(v.Locality)
	p.Labels = labelutil.AugmentLabels(labels, "Kubernetes", v.Locality, "", "")
	if !mesh && v.TrustedProxies > 0 {
		own := proto.Clone(s.PushContext().Mesh.GetDefaultConfig()).(*meshconfig.ProxyConfig)
		own.GatewayTopology = &meshconfig.Topology{NumTrustedProxies: v.TrustedProxies}
		p.Metadata.ProxyConfig = (*model.NodeMetaProxyConfig)(own)
	}
	p = s.SetupProxy(p)
	ls := s.Listeners(p)
	res.Clusters = clusters(s, p)
	res.Names = names(s, p)
	// Services that only a VirtualService leads to have clusters and no listener.
	listened := p.SidecarScope.Services()
	if mesh {
		listened = nil
		for _, l := range p.SidecarScope.EgressListeners {
			listened = append(listened, l.Services()...)
		}
	}
	for _, svc := range listened {
		port, ok := svc.Ports.GetByPort(v.Port)
		tcp, own := tcpListener(ls, svc.GetAddressForProxy(p), v.Port)
		if own && tcp || !own && ok && !declaredHTTP(p, v.Port) && !port.Protocol.IsHTTP() && !port.Protocol.IsUnsupported() {
			res.TCP = append(res.TCP, string(svc.Hostname))
		}
	}
	if mesh {
		res.Tables = meshTables(s, p, ls, v.Port)
	} else {
		res.Tables = gatewayTables(s, p, ls, v, behind)
	}
	return res
}

// declaredHTTP reports whether a listener of the Sidecar declares the port as HTTP, whatever the services say.
func declaredHTTP(p *model.Proxy, port int) bool {
	for _, l := range p.SidecarScope.EgressListeners {
		if own := l.IstioListener.GetPort(); own != nil && int(own.Number) == port {
			return protocol.Parse(own.Protocol).IsHTTP()
		}
	}
	return false
}

// tcpListener reports whether the address has a listener of its own on the port, and whether that one has no HTTP
// connection manager.
func tcpListener(ls []*listener.Listener, at string, port int) (tcp, own bool) {
	for _, l := range ls {
		if l.TrafficDirection == corev3.TrafficDirection_OUTBOUND && at != constants.UnspecifiedIP &&
			address(l.Address) == fmt.Sprintf("%s:%d", at, port) {
			return len(managers([]*listener.Listener{l})) == 0, true
		}
	}
	return false, false
}

func gatewayPod(s *xds.FakeDiscoveryServer, namespace string, selector map[string]string) string {
	pods, err := s.KubeClient().Kube().CoreV1().Pods(namespace).List(context.Background(), metav1.ListOptions{})
	if err != nil || len(selector) == 0 {
		return ""
	}
	for _, pod := range pods.Items {
		if selects(selector, pod.Labels) {
			return pod.Status.PodIP
		}
	}
	return ""
}

// meshTables gives the table that the port shares and those of the sniffed services on it.
func meshTables(s *xds.FakeDiscoveryServer, p *model.Proxy, ls []*listener.Listener, port int) []Table {
	var out []Table
	want := fmt.Sprint(port)
	for name, m := range managers(ls) {
		host, tail, sniffed := strings.Cut(name, ":")
		if !sniffed {
			tail, host = name, ""
		}
		if tail != want {
			continue
		}
		out = append(out, table(s, p, name, m, Table{Service: host}))
	}
	sort.Slice(out, func(i, k int) bool { return out[i].Name < out[k].Name })
	return out
}

// gatewayTables gives the tables of those servers of the Gateway that have the view's port.
func gatewayTables(s *xds.FakeDiscoveryServer, p *model.Proxy, ls []*listener.Listener, v View, behind gateways) []Table {
	var out []Table
	mg := p.MergedGateway
	if mg == nil {
		return nil
	}
	ms := managers(ls)
	for name, servers := range mg.ServersByRouteName {
		m, ok := ms[name]
		if !ok {
			continue
		}
		t := Table{}
		hit := false
		for _, srv := range servers {
			name := mg.GatewayNameForServer[srv]
			if (name != v.Gateway && !behind.hasListener(name, v.Gateway)) || int(srv.GetPort().GetNumber()) != v.Port {
				continue
			}
			hit = true
			t.Server = append(t.Server, srv.Hosts...)
			if info := mg.TLSServerInfo[srv]; info != nil && gateway.IsHTTPSServerWithTLSTermination(srv) {
				t.SNI = info.SNIHosts
			}
			t.TLS = t.TLS || gateway.IsHTTPSServerWithTLSTermination(srv)
		}
		if hit {
			out = append(out, table(s, p, name, m, t))
		}
	}
	sort.Slice(out, func(i, k int) bool { return out[i].Name < out[k].Name })
	return out
}

func managers(ls []*listener.Listener) map[string]*hcm.HttpConnectionManager {
	out := map[string]*hcm.HttpConnectionManager{}
	for _, l := range ls {
		if l.TrafficDirection != corev3.TrafficDirection_OUTBOUND {
			continue
		}
		chains := l.FilterChains
		if l.DefaultFilterChain != nil {
			chains = append(chains, l.DefaultFilterChain)
		}
		for _, fc := range chains {
			for _, f := range fc.Filters {
				if f.Name != wellknown.HTTPConnectionManager {
					continue
				}
				m := &hcm.HttpConnectionManager{}
				if f.GetTypedConfig().UnmarshalTo(m) != nil || m.GetRds() == nil {
					continue
				}
				out[m.GetRds().RouteConfigName] = m
			}
		}
	}
	return out
}

func table(s *xds.FakeDiscoveryServer, p *model.Proxy, name string, m *hcm.HttpConnectionManager, t Table) Table {
	t.Name = name
	ls := []*listener.Listener{{FilterChains: []*listener.FilterChain{{Filters: []*listener.Filter{filter(m)}}}}}
	for _, r := range s.RoutesFromListeners(p, ls) {
		t.Routes = mustJSON(r)
	}
	m = proto.Clone(m).(*hcm.HttpConnectionManager)
	for _, f := range m.HttpFilters {
		t.Filters = append(t.Filters, f.Name)
	}
	m.HttpFilters, m.AccessLog, m.Tracing, m.RouteSpecifier = nil, nil, nil, nil
	t.Manager = mustJSON(m)
	return t
}

// filter packs the manager again, with nothing but the table's name, for core's route extraction.
func filter(m *hcm.HttpConnectionManager) *listener.Filter {
	only := &hcm.HttpConnectionManager{RouteSpecifier: m.RouteSpecifier}
	return &listener.Filter{
		Name:       wellknown.HTTPConnectionManager,
		ConfigType: &listener.Filter_TypedConfig{TypedConfig: pack(only)},
	}
}

func clusters(s *xds.FakeDiscoveryServer, p *model.Proxy) map[string]Cluster {
	out := map[string]Cluster{}
	for _, c := range s.Clusters(p) {
		if !strings.HasPrefix(c.Name, "outbound|") {
			continue
		}
		e := Cluster{Type: c.GetType().String(), Policy: c.LbPolicy.String(), Endpoints: []string{}, Raw: mustJSON(trim(c))}
		if options := c.TypedExtensionProtocolOptions["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]; options != nil {
			e.Protocols = mustJSON(options)
		}
		e.add(c.GetLoadAssignment().GetEndpoints())
		out[c.Name] = e
	}
	for _, cla := range s.Endpoints(p) {
		c, ok := out[cla.ClusterName]
		if !ok {
			continue
		}
		c.add(cla.Endpoints)
		out[cla.ClusterName] = c
	}
	return out
}

// add takes the members of a load assignment; those that are not usable are told in Localities only.
func (c *Cluster) add(localities []*endpoint.LocalityLbEndpoints) {
	for _, l := range localities {
		at := l.GetLocality()
		group := Locality{Region: at.GetRegion(), Zone: at.GetZone(), SubZone: at.GetSubZone(),
			Priority: l.Priority, Weight: l.GetLoadBalancingWeight().GetValue(), Endpoints: []Member{}}
		for _, le := range l.LbEndpoints {
			healthy := le.HealthStatus == corev3.HealthStatus_HEALTHY || le.HealthStatus == corev3.HealthStatus_UNKNOWN
			name := address(le.GetEndpoint().GetAddress())
			if healthy {
				c.Endpoints = append(c.Endpoints, name)
			}
			group.Endpoints = append(group.Endpoints, Member{name, le.GetLoadBalancingWeight().GetValue(), !healthy})
		}
		c.Localities = append(c.Localities, group)
	}
}

func trim(c *cluster.Cluster) *cluster.Cluster {
	return &cluster.Cluster{
		Name: c.Name, LbPolicy: c.LbPolicy, LbConfig: c.LbConfig, CommonLbConfig: c.CommonLbConfig,
		OutlierDetection: c.OutlierDetection, CircuitBreakers: c.CircuitBreakers, ConnectTimeout: c.ConnectTimeout,
	}
}

func address(a *corev3.Address) string {
	if sa := a.GetSocketAddress(); sa != nil {
		return fmt.Sprintf("%s:%d", sa.Address, sa.GetPortValue())
	}
	return "?"
}

// names lists by what each visible service can be called, for harnesses that must know which
// address a client of a sniffed port would connect to.
func names(s *xds.FakeDiscoveryServer, p *model.Proxy) map[string]string {
	out := map[string]string{}
	add := func(called, ns, fqdn string) {
		out[called] = fqdn
		out[called+"."] = fqdn
		if short, ok := strings.CutSuffix(called, "."+ns+".svc."+domain); ok {
			out[short+"."+ns] = fqdn
			out[short+"."+ns+".svc"] = fqdn
			if ns == p.ConfigNamespace {
				out[short] = fqdn
			}
		}
	}
	for _, svc := range p.SidecarScope.Services() {
		fqdn := string(svc.Hostname)
		// Whoever calls an ExternalName connects to what it stands for.
		for _, alias := range svc.Attributes.Aliases {
			add(string(alias.Hostname), alias.Namespace, fqdn)
		}
		add(fqdn, svc.Attributes.Namespace, fqdn)
		if a := svc.GetAddressForProxy(p); a != "" && a != "0.0.0.0" {
			out[a] = fqdn
		}
	}
	return out
}

func mustJSON(m proto.Message) json.RawMessage {
	b, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(m)
	if err != nil {
		panic(err)
	}
	return b
}

// epoch is the age of what states none: all alike, so that names decide the order.
var epoch = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
