package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/intstr"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	gatewayv1beta1 "sigs.k8s.io/gateway-api/apis/v1beta1"

	networking "istio.io/api/networking/v1alpha3"
	"istio.io/istio/pilot/pkg/config/kube/gatewaycommon"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/gvk"
	"istio.io/istio/pkg/config/schema/gvr"
	"istio.io/istio/pkg/kube/kclient/clienttest"
	"istio.io/istio/pkg/test"
)

const gatewayNameLabel = "gateway.networking.k8s.io/gateway-name"

// gatewayAPI reads a resource of the Gateway API with the defaults of its CustomResourceDefinition that
// Istio's conversion relies on. A rule with several matches becomes one rule a match, as Istio does
// itself, so that the rule's name, which has no effect on routing, can say which match it is.
func gatewayAPI(kind string, raw []byte) (runtime.Object, error) {
	var o runtime.Object
	switch kind {
	case "GatewayClass":
		o = &gatewayv1.GatewayClass{}
	case "Gateway":
		o = &gatewayv1.Gateway{}
	case "HTTPRoute":
		o = &gatewayv1.HTTPRoute{}
	case "GRPCRoute":
		o = &gatewayv1.GRPCRoute{}
	case "ReferenceGrant":
		o = &gatewayv1beta1.ReferenceGrant{}
	case "ListenerSet":
		o = &gatewayv1.ListenerSet{}
	case "BackendTLSPolicy":
		o = &gatewayv1.BackendTLSPolicy{}
	default:
		return nil, fmt.Errorf("kind %s is not translated", kind)
	}
	if err := json.Unmarshal(raw, o); err != nil {
		return nil, err
	}
	meta := o.(metav1.Object)
	if kind != "GatewayClass" {
		meta.SetNamespace(namespace(meta.GetNamespace()))
	}
	if created := meta.GetCreationTimestamp(); created.IsZero() {
		meta.SetCreationTimestamp(metav1.NewTime(epoch))
	}
	switch o := o.(type) {
	case *gatewayv1.HTTPRoute:
		prepareHTTPRoute(o)
	case *gatewayv1.GRPCRoute:
		prepareGRPCRoute(o)
	}
	return o, nil
}

// ruleName says which rule and match a route is made of, and the name that it has without this harness.
func ruleName(kind string, o metav1.Object, rule, match int, given *gatewayv1.SectionName) *gatewayv1.SectionName {
	name := fmt.Sprintf("%s.%s.%d", o.GetNamespace(), o.GetName(), rule)
	if given != nil {
		name = string(*given)
	}
	n := gatewayv1.SectionName(fmt.Sprintf("gwapi@%s@%s@%s@%d@%d@%s", kind, o.GetNamespace(), o.GetName(), rule, match, name))
	return &n
}

func prepareHTTPRoute(o *gatewayv1.HTTPRoute) {
	prefix, slash := gatewayv1.PathMatchPathPrefix, "/"
	whole := gatewayv1.HTTPPathMatch{Type: &prefix, Value: &slash}
	if o.Spec.Rules == nil {
		o.Spec.Rules = []gatewayv1.HTTPRouteRule{{}}
	}
	var rules []gatewayv1.HTTPRouteRule
	for i, r := range o.Spec.Rules {
		for f := range r.Filters {
			defaultFilter(&r.Filters[f])
		}
		given := r.Matches
		if given == nil {
			given = []gatewayv1.HTTPRouteMatch{{}}
		}
		for k, m := range given {
			if m.Path == nil {
				path := whole
				m.Path = &path
			}
			if m.Path.Type == nil {
				m.Path.Type = &prefix
			}
			if m.Path.Value == nil {
				m.Path.Value = &slash
			}
			one := r
			one.Matches = []gatewayv1.HTTPRouteMatch{m}
			if r.Matches == nil {
				k = -1
			}
			one.Name = ruleName("HTTPRoute", o, i, k, r.Name)
			rules = append(rules, one)
		}
	}
	o.Spec.Rules = rules
}

func defaultFilter(f *gatewayv1.HTTPRouteFilter) {
	if r := f.RequestRedirect; r != nil && r.StatusCode == nil {
		found := 302
		r.StatusCode = &found
	}
	if c := f.CORS; c != nil && c.MaxAge == 0 {
		c.MaxAge = 5
	}
}

func prepareGRPCRoute(o *gatewayv1.GRPCRoute) {
	var rules []gatewayv1.GRPCRouteRule
	for i, r := range o.Spec.Rules {
		if len(r.Matches) == 0 {
			r.Name = ruleName("GRPCRoute", o, i, -1, r.Name)
			rules = append(rules, r)
		}
		for k, m := range r.Matches {
			one := r
			one.Matches = []gatewayv1.GRPCRouteMatch{m}
			one.Name = ruleName("GRPCRoute", o, i, k, r.Name)
			rules = append(rules, one)
		}
	}
	o.Spec.Rules = rules
}

// certificates are the Secrets that listeners name: one certificate for all of them.
func certificates(objects []runtime.Object) (out []runtime.Object) {
	made := map[string]bool{}
	for _, o := range objects {
		own, listeners := listenersOf(o)
		for _, l := range listeners {
			if l.TLS == nil {
				continue
			}
			for _, ref := range l.TLS.CertificateRefs {
				in := own
				if ref.Namespace != nil {
					in = string(*ref.Namespace)
				}
				if made[in+"/"+string(ref.Name)] {
					continue
				}
				made[in+"/"+string(ref.Name)] = true
				cert, key := certificate()
				out = append(out, &corev1.Secret{
					ObjectMeta: metav1.ObjectMeta{Name: string(ref.Name), Namespace: in},
					Type:       corev1.SecretTypeTLS,
					Data:       map[string][]byte{corev1.TLSCertKey: cert, corev1.TLSPrivateKeyKey: key},
				})
			}
		}
	}
	return out
}

// authorities are the ConfigMaps that BackendTLSPolicies name.
func authorities(objects []runtime.Object) (out []runtime.Object) {
	made := map[string]bool{}
	for _, o := range objects {
		p, ok := o.(*gatewayv1.BackendTLSPolicy)
		if !ok {
			continue
		}
		for _, ref := range p.Spec.Validation.CACertificateRefs {
			if ref.Kind != "ConfigMap" || made[p.Namespace+"/"+string(ref.Name)] {
				continue
			}
			made[p.Namespace+"/"+string(ref.Name)] = true
			cert, _ := certificate()
			out = append(out, &corev1.ConfigMap{
				ObjectMeta: metav1.ObjectMeta{Name: string(ref.Name), Namespace: p.Namespace},
				Data:       map[string]string{"ca.crt": string(cert)},
			})
		}
	}
	return out
}

var certificate = sync.OnceValues(func() (cert, key []byte) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: epoch, NotAfter: epoch.AddDate(50, 0, 0),
		DNSNames: []string{"example.com"}}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		panic(err)
	}
	raw, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		panic(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: raw})
})

// listenersOf gives the namespace and the listeners of a Gateway or a ListenerSet.
func listenersOf(o runtime.Object) (in string, listeners []gatewayv1.Listener) {
	switch o := o.(type) {
	case *gatewayv1.Gateway:
		return o.Namespace, o.Spec.Listeners
	case *gatewayv1.ListenerSet:
		for _, l := range o.Spec.Listeners {
			listeners = append(listeners, gatewaycommon.ConvertListenerSetToListener(l))
		}
		return o.Namespace, listeners
	}
	return "", nil
}

// parentOf gives the Gateway of a ListenerSet.
func parentOf(o *gatewayv1.ListenerSet) string {
	in, name := gatewaycommon.ListenerSetParentKey(o)
	return in + "/" + name
}

// gateways says of each Gateway which proxies it has, and of each ListenerSet whose listeners it adds to.
type gateways struct {
	labels map[string]map[string]string
	sets   map[string]string
}

// proxies gives the labels of the proxies of each Gateway: those that Istio's deployment controller sets, or, where an
// address names a Service, those that it selects.
func proxies(objects []runtime.Object) gateways {
	services := map[string]map[string]string{}
	for _, o := range objects {
		if s, ok := o.(*corev1.Service); ok {
			services[s.Name+"."+s.Namespace+".svc."+domain] = s.Spec.Selector
		}
	}
	out := map[string]map[string]string{}
	sets := map[string]string{}
	for _, o := range objects {
		if s, ok := o.(*gatewayv1.ListenerSet); ok {
			sets[s.Namespace+"/"+s.Name] = parentOf(s)
		}
		g, ok := o.(*gatewayv1.Gateway)
		if !ok {
			continue
		}
		out[g.Namespace+"/"+g.Name] = map[string]string{gatewayNameLabel: g.Name}
		for _, a := range g.Spec.Addresses {
			name := a.Value
			if a.Type == nil || *a.Type != gatewayv1.HostnameAddressType {
				continue
			}
			if !strings.Contains(name, ".") {
				name += "." + g.Namespace + ".svc." + domain
			}
			if selector, ok := services[name]; ok {
				out[g.Namespace+"/"+g.Name] = selector
				break
			}
		}
	}
	return gateways{out, sets}
}

// deployed stands in for Istio's deployment controller: the Service and a pod of each Gateway that
// names no Service of its own.
func deployed(objects []runtime.Object) (out []runtime.Object) {
	for n, o := range objects {
		g, ok := o.(*gatewayv1.Gateway)
		if !ok || !gatewaycommon.IsManaged(&g.Spec) {
			continue
		}
		labels := map[string]string{gatewayNameLabel: g.Name}
		s := &corev1.Service{
			ObjectMeta: metav1.ObjectMeta{Name: g.Name + "-" + string(g.Spec.GatewayClassName), Namespace: g.Namespace},
			Spec:       corev1.ServiceSpec{Selector: labels},
		}
		var seen []int32
		listeners := g.Spec.Listeners
		for _, other := range objects {
			if set, ok := other.(*gatewayv1.ListenerSet); ok && parentOf(set) == g.Namespace+"/"+g.Name {
				_, more := listenersOf(set)
				listeners = append(slices.Clone(listeners), more...)
			}
		}
		for _, l := range listeners {
			if port := int32(l.Port); !slices.Contains(seen, port) {
				seen = append(seen, port)
				s.Spec.Ports = append(s.Spec.Ports, corev1.ServicePort{
					Name: fmt.Sprintf("tcp-%d", port), Port: port, TargetPort: intstr.FromInt32(port)})
			}
		}
		p := &corev1.Pod{
			ObjectMeta: metav1.ObjectMeta{Name: g.Name + "-pod", Namespace: g.Namespace, Labels: labels},
			Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: fmt.Sprintf("10.253.%d.%d", n/250, n%250+1),
				Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}},
		}
		p.Status.PodIPs = []corev1.PodIP{{IP: p.Status.PodIP}}
		out = append(out, s, p)
		if e := slice(s, []*corev1.Pod{p}); e != nil {
			out = append(out, e)
		}
	}
	return out
}

func hasGatewayAPI(objects []runtime.Object) bool {
	return slices.ContainsFunc(objects, func(o runtime.Object) bool {
		_, route := o.(*gatewayv1.HTTPRoute)
		_, grpc := o.(*gatewayv1.GRPCRoute)
		_, gateway := o.(*gatewayv1.Gateway)
		_, tls := o.(*gatewayv1.BackendTLSPolicy)
		return route || grpc || gateway || tls
	})
}

// settle waits until the conversion has nothing new, and makes the push context of its result.
func settle(t test.Failer, s *xds.FakeDiscoveryServer) {
	// Istio ignores these kinds in a cluster whose definition of them is too old or says no version.
	for _, kind := range []schema.GroupVersionResource{gvr.GRPCRoute, gvr.ListenerSet, gvr.BackendTLSPolicy} {
		clienttest.MakeCRDWithAnnotations(t, s.KubeClient(), kind,
			map[string]string{"gateway.networking.k8s.io/bundle-version": "v1.6.0"})
	}
	renew(s) // what the conversion looks at besides the resources
	last, calm := "", 0
	for calm < 10 {
		time.Sleep(20 * time.Millisecond)
		var names []string
		for _, g := range []config.GroupVersionKind{gvk.Gateway, gvk.VirtualService, gvk.DestinationRule} {
			for _, c := range s.Store().List(g, "") {
				text, _ := json.Marshal(c.Spec)
				names = append(names, c.Namespace+"/"+c.Name+string(text))
			}
		}
		slices.Sort(names)
		now := strings.Join(names, "\n")
		if now == last {
			calm++
		} else {
			calm = 0
		}
		last = now
	}
	renew(s)
}

func renew(s *xds.FakeDiscoveryServer) {
	push := model.NewPushContext()
	push.InitContext(s.Env(), nil, nil)
	s.Env().SetPushContext(push)
}

// hasListener is whether a converted Gateway is a listener of the Gateway "NS/NAME", or one that a ListenerSet adds.
func (g gateways) hasListener(converted, gateway string) bool {
	owner, _, found := strings.Cut(converted, "~istio-autogenerated-k8s-gateway~")
	return found && (owner == gateway || g.sets[owner] == gateway)
}

func (g gateways) selectorOf(resource *networking.Gateway, name string, gateway string) map[string]string {
	if g.hasListener(name, gateway) {
		return g.labels[gateway]
	}
	return resource.Selector
}
