package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
)

// finding is one of `headerroute validate --format json`.
type finding struct {
	Severity, Rule, Field, Message string
	Line                           int
}

// pin is a parentRef of a route and one of the listeners that it may mean.
type pin struct {
	parent   int
	gateway  client.ObjectKey
	listener string
}

// text writes every resource on a line of its own. With pinned, each parentRef that names a Gateway is written once
// a listener, with its name as the section, so that a finding says of which listeners it does not hold.
func (s *state) text(pinned bool) ([]byte, map[int]*unstructured.Unstructured) {
	var out bytes.Buffer
	lines := map[int]*unstructured.Unstructured{}
	for i, o := range s.objects {
		written := o
		if pinned && (o.GetKind() == "HTTPRoute" || o.GetKind() == "GRPCRoute") {
			written = o.DeepCopy()
			refs, _, _ := unstructured.NestedSlice(o.Object, "spec", "parentRefs")
			var all []any
			for _, p := range s.pins(o) {
				ref := cloned(refs[p.parent])
				if p.listener != "" {
					ref["sectionName"] = p.listener
				}
				all = append(all, ref)
			}
			_ = unstructured.SetNestedSlice(written.Object, all, "spec", "parentRefs")
		}
		raw, _ := json.Marshal(written.Object)
		out.Write(raw)
		out.WriteString("\n---\n")
		lines[2*i+1] = o
	}
	return out.Bytes(), lines
}

func cloned(v any) map[string]any {
	out := map[string]any{}
	for k, e := range v.(map[string]any) {
		out[k] = e
	}
	return out
}

func text(v map[string]any, key, otherwise string) string {
	if s, ok := v[key].(string); ok {
		return s
	}
	return otherwise
}

// pins are the parentRefs of a route in order, each with the listeners of its Gateway that its section and port allow.
func (s *state) pins(route *unstructured.Unstructured) (out []pin) {
	refs, _, _ := unstructured.NestedSlice(route.Object, "spec", "parentRefs")
	for i, r := range refs {
		ref := r.(map[string]any)
		key := client.ObjectKey{Namespace: text(ref, "namespace", route.GetNamespace()), Name: text(ref, "name", "")}
		g := s.gateway[key]
		if text(ref, "kind", "Gateway") != "Gateway" || g == nil || text(ref, "sectionName", "") != "" {
			out = append(out, pin{i, key, ""})
			continue
		}
		for _, l := range g.Spec.Listeners {
			out = append(out, pin{i, key, string(l.Name)})
		}
	}
	return out
}

func (c *Cluster) findings(text []byte) ([]finding, error) {
	file := filepath.Join(c.folder, "validated.yaml")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		return nil, err
	}
	out, err := c.run(nil, "validate", "--format", "json", file)
	if err != nil {
		return nil, err
	}
	var report struct{ Findings []finding }
	return report.Findings, json.Unmarshal(out, &report)
}

// found are the findings of one resource.
func found(all []finding, lines map[int]*unstructured.Unstructured, o *unstructured.Unstructured, rules ...string) (out []finding) {
	for _, f := range all {
		if lines[f.Line] == o && slices.Contains(rules, f.Rule) {
			out = append(out, f)
		}
	}
	return out
}

var index = regexp.MustCompile(`\[(\d+)\]`)

// place is the first index in a field such as spec.listeners[2].
func place(field string) int {
	m := index.FindStringSubmatch(field)
	if m == nil {
		return -1
	}
	n, _ := strconv.Atoi(m[1])
	return n
}

func condition(kind string, status bool, reason string, message string, generation int64) metav1.Condition {
	c := metav1.Condition{Type: kind, Status: metav1.ConditionFalse, Reason: reason, Message: message,
		ObservedGeneration: generation, LastTransitionTime: metav1.Now()}
	if status {
		c.Status = metav1.ConditionTrue
	}
	return c
}

// reasons of a route that is not accepted, by what the finding says.
func whyNotAccepted(message string) string {
	switch {
	case strings.Contains(message, "none of its hostnames"):
		return string(gatewayv1.RouteReasonNoMatchingListenerHostname)
	case strings.Contains(message, "takes no routes"):
		return string(gatewayv1.RouteReasonNotAllowedByListeners)
	default:
		return string(gatewayv1.RouteReasonNoMatchingParent)
	}
}

var whyNotResolved = map[string]gatewayv1.RouteConditionReason{
	"backend-unknown":       gatewayv1.RouteReasonBackendNotFound,
	"backend-not-permitted": gatewayv1.RouteReasonRefNotPermitted,
	"backend-kind":          gatewayv1.RouteReasonInvalidKind,
}

// report writes the statuses that follow from the findings.
func (c *Cluster) report(ctx context.Context, s *state) error {
	plain, lines := s.text(false)
	all, err := c.findings(plain)
	if err != nil {
		return err
	}
	pinned, pinnedLines := s.text(true)
	each, err := c.findings(pinned)
	if err != nil {
		return err
	}
	attached := map[string]int32{} // "namespace/gateway/listener" -> routes
	for _, route := range s.routes {
		parents := c.routeStatus(s, route, all, lines, each, pinnedLines, attached)
		if err := c.writeRoute(ctx, route, parents); err != nil {
			return err
		}
	}
	var classes gatewayv1.GatewayClassList
	if err := c.inner.List(ctx, &classes); err != nil {
		return err
	}
	for i := range classes.Items {
		class := &classes.Items[i]
		if class.Spec.ControllerName != controller {
			continue
		}
		class.Status.Conditions = []metav1.Condition{condition("Accepted", true, "Accepted", "", class.Generation)}
		if err := c.inner.Status().Update(ctx, class); err != nil {
			return err
		}
	}
	for _, o := range s.objects {
		if o.GetKind() != "Gateway" {
			continue
		}
		if err := c.writeGateway(ctx, s.gateway[client.ObjectKeyFromObject(o)], o, all, lines, attached); err != nil {
			return err
		}
	}
	return nil
}

func (c *Cluster) routeStatus(s *state, route *unstructured.Unstructured, all []finding, lines map[int]*unstructured.Unstructured,
	each []finding, pinnedLines map[int]*unstructured.Unstructured, attached map[string]int32,
) (out []gatewayv1.RouteParentStatus) {
	raw, _ := json.Marshal(route.Object)
	var typed gatewayv1.HTTPRoute // a GRPCRoute has the same parentRefs
	_ = json.Unmarshal(raw, &typed.ObjectMeta)
	var common struct {
		Spec gatewayv1.CommonRouteSpec `json:"spec"`
	}
	_ = json.Unmarshal(raw, &common)
	generation := route.GetGeneration()
	refused := map[int]bool{} // pins
	for _, f := range found(each, pinnedLines, route, "route-not-attached") {
		refused[place(f.Field)] = true
	}
	for i, p := range s.pins(route) {
		name := p.listener
		if name == "" && common.Spec.ParentRefs[p.parent].SectionName != nil {
			name = string(*common.Spec.ParentRefs[p.parent].SectionName)
		}
		if !refused[i] {
			attached[p.gateway.String()+"/"+name]++
		}
	}
	denied := map[int]string{}
	for _, f := range found(all, lines, route, "route-not-attached") {
		denied[place(f.Field)] = f.Message
	}
	resolved := condition("ResolvedRefs", true, "ResolvedRefs", "", generation)
	for _, f := range found(all, lines, route, "backend-unknown", "backend-not-permitted", "backend-kind") {
		resolved = condition("ResolvedRefs", false, string(whyNotResolved[f.Rule]), f.Message, generation)
	}
	dropped := found(all, lines, route, "route-dropped")
	for i, ref := range common.Spec.ParentRefs {
		key := client.ObjectKey{Namespace: route.GetNamespace(), Name: string(ref.Name)}
		if ref.Namespace != nil {
			key.Namespace = string(*ref.Namespace)
		}
		gateway := ref.Kind == nil || *ref.Kind == "Gateway"
		if gateway && s.gateway[key] == nil {
			continue // another controller's, as far as is known
		}
		accepted := condition("Accepted", true, "Accepted", "", generation)
		if why, ok := denied[i]; ok {
			accepted = condition("Accepted", false, whyNotAccepted(why), why, generation)
		} else if len(dropped) > 0 {
			accepted = condition("Accepted", false, string(gatewayv1.RouteReasonUnsupportedValue), dropped[0].Message, generation)
		}
		out = append(out, gatewayv1.RouteParentStatus{ParentRef: ref, ControllerName: controller,
			Conditions: []metav1.Condition{accepted, resolved}})
	}
	return out
}

func (c *Cluster) writeRoute(ctx context.Context, route *unstructured.Unstructured, parents []gatewayv1.RouteParentStatus) error {
	key := client.ObjectKeyFromObject(route)
	if route.GetKind() == "GRPCRoute" {
		var r gatewayv1.GRPCRoute
		if err := c.inner.Get(ctx, key, &r); err != nil {
			return err
		}
		r.Status.Parents = parents
		return c.inner.Status().Update(ctx, &r)
	}
	var r gatewayv1.HTTPRoute
	if err := c.inner.Get(ctx, key, &r); err != nil {
		return err
	}
	r.Status.Parents = parents
	return c.inner.Status().Update(ctx, &r)
}

// kinds are those of a listener's allowedRoutes that its protocol can carry and headerroute evaluates.
func kinds(l *gatewayv1.Listener) (out []gatewayv1.RouteGroupKind, valid bool) {
	group := gatewayv1.Group(gatewayv1.GroupName)
	out, valid = []gatewayv1.RouteGroupKind{}, true
	if l.Protocol != gatewayv1.HTTPProtocolType && l.Protocol != gatewayv1.HTTPSProtocolType {
		return out, valid
	}
	supported := []gatewayv1.Kind{"HTTPRoute", "GRPCRoute"}
	if l.AllowedRoutes == nil || len(l.AllowedRoutes.Kinds) == 0 {
		for _, k := range supported {
			out = append(out, gatewayv1.RouteGroupKind{Group: &group, Kind: k})
		}
		return out, valid
	}
	for _, k := range l.AllowedRoutes.Kinds {
		if slices.Contains(supported, k.Kind) && (k.Group == nil || *k.Group == group) {
			out = append(out, gatewayv1.RouteGroupKind{Group: &group, Kind: k.Kind})
		} else {
			valid = false
		}
	}
	return out, valid
}

// address is the one address of a Gateway, which nothing listens on: the round tripper looks it up.
func (c *Cluster) address(g *gatewayv1.Gateway) string {
	key := client.ObjectKeyFromObject(g)
	for a, k := range c.used {
		if k == key {
			return a
		}
	}
	c.next++
	a := fmt.Sprintf("10.201.%d.%d", c.next/250, c.next%250+1)
	c.used[a] = key
	return a
}

func listenerConditions(l *gatewayv1.Listener, f *finding, valid bool, generation int64) []metav1.Condition {
	accepted := condition("Accepted", true, "Accepted", "", generation)
	programmed := condition("Programmed", true, "Programmed", "", generation)
	resolved := condition("ResolvedRefs", true, "ResolvedRefs", "", generation)
	conflicted := condition("Conflicted", false, "NoConflicts", "", generation)
	if !valid {
		resolved = condition("ResolvedRefs", false, "InvalidRouteKinds", "", generation)
	}
	switch {
	case f == nil:
	case f.Rule == "listener-conflict":
		reason := "HostnameConflict"
		accepted = condition("Accepted", false, reason, f.Message, generation)
		programmed = condition("Programmed", false, reason, f.Message, generation)
		conflicted = condition("Conflicted", true, reason, f.Message, generation)
	case strings.Contains(f.Message, "certificateRefs"):
		reason := "RefNotPermitted"
		for _, ref := range l.TLS.CertificateRefs {
			if (ref.Kind != nil && *ref.Kind != "Secret") || (ref.Group != nil && *ref.Group != "") {
				reason = "InvalidCertificateRef"
			}
		}
		resolved = condition("ResolvedRefs", false, reason, f.Message, generation)
		programmed = condition("Programmed", false, "Invalid", f.Message, generation)
	default:
		accepted = condition("Accepted", false, "UnsupportedProtocol", f.Message, generation)
		programmed = condition("Programmed", false, "Invalid", f.Message, generation)
	}
	return []metav1.Condition{accepted, programmed, resolved, conflicted}
}

func (c *Cluster) writeGateway(ctx context.Context, g *gatewayv1.Gateway, o *unstructured.Unstructured, all []finding,
	lines map[int]*unstructured.Unstructured, attached map[string]int32,
) error {
	if len(found(all, lines, o, "gateway-not-istios")) > 0 {
		return nil
	}
	whole := found(all, lines, o, "gateway-not-programmed")
	generation := g.Generation
	wrong := map[int]finding{}
	for _, f := range found(all, lines, o, "listener-conflict", "listener-not-programmed") {
		wrong[place(f.Field)] = f
	}
	g.Status.Listeners = nil
	programmed := 0
	for i := range g.Spec.Listeners {
		l := &g.Spec.Listeners[i]
		supported, valid := kinds(l)
		var f *finding
		if w, ok := wrong[i]; ok {
			f = &w
		} else {
			programmed++
		}
		g.Status.Listeners = append(g.Status.Listeners, gatewayv1.ListenerStatus{Name: l.Name, SupportedKinds: supported,
			AttachedRoutes: attached[client.ObjectKeyFromObject(g).String()+"/"+string(l.Name)],
			Conditions:     listenerConditions(l, f, valid, generation)})
	}
	t := gatewayv1.IPAddressType
	g.Status.Addresses = []gatewayv1.GatewayStatusAddress{{Type: &t, Value: c.address(g)}}
	accepted := condition("Accepted", true, "Accepted", "", generation)
	if len(wrong) > 0 {
		accepted = condition("Accepted", programmed > 0, "ListenersNotValid", "", generation)
	}
	ready := condition("Programmed", true, "Programmed", "", generation)
	if programmed == 0 || len(whole) > 0 {
		ready = condition("Programmed", false, "Invalid", "", generation)
	}
	g.Status.Conditions = []metav1.Condition{accepted, ready}
	return c.inner.Status().Update(ctx, g)
}
