package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"

	networkingclient "istio.io/client-go/pkg/apis/networking/v1"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
)

type configList = []config.Config

func pack(m proto.Message) *anypb.Any {
	a, err := anypb.New(m)
	if err != nil {
		panic(err)
	}
	return a
}

// parse reads every document; Istio's own are validated as its admission webhook does.
func parse(yaml string) (configs configList, objects []runtime.Object, warnings, errs []string) {
	var services []*corev1.Service
	var pods []*corev1.Pod
	var entries []runtime.Object
	sliced := map[string]bool{}
	fail := func(format string, args ...any) { errs = append(errs, fmt.Sprintf(format, args...)) }
	d := kubeyaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(yaml)), 512*1024)
	for n := 1; ; n++ {
		var raw json.RawMessage
		if err := d.Decode(&raw); err == io.EOF {
			break
		} else if err != nil {
			fail("document %d: %v", n, err)
			break
		}
		if len(raw) == 0 || string(raw) == "null" {
			continue
		}
		var head metav1.PartialObjectMetadata
		if err := json.Unmarshal(raw, &head); err != nil {
			fail("document %d: %v", n, err)
			continue
		}
		kind := head.APIVersion + " " + head.Kind
		switch {
		case strings.HasPrefix(head.APIVersion, "networking.istio.io/"):
			c, w, err := istioConfig(raw)
			if err != nil {
				fail("%s %s/%s: %v", head.Kind, namespace(head.Namespace), head.Name, err)
				continue
			}
			warnings = append(warnings, w...)
			configs = append(configs, *c)
			if head.Kind == "ServiceEntry" { // the conversion of the Gateway API reads it from the API server
				o := &networkingclient.ServiceEntry{}
				if err := json.Unmarshal(raw, o); err != nil {
					fail("document %d: %v", n, err)
					continue
				}
				o.Namespace = namespace(o.Namespace)
				entries = append(entries, o)
			}
		case strings.HasPrefix(head.APIVersion, "gateway.networking.k8s.io/"):
			o, err := gatewayAPI(head.Kind, raw)
			if err != nil {
				fail("%s %s/%s: %v", head.Kind, namespace(head.Namespace), head.Name, err)
				continue
			}
			objects = append(objects, o)
		case kind == "v1 Namespace":
			o := &corev1.Namespace{}
			if err := json.Unmarshal(raw, o); err != nil {
				fail("document %d: %v", n, err)
				continue
			}
			objects = append(objects, o)
		case kind == "v1 Service":
			o := &corev1.Service{}
			if err := json.Unmarshal(raw, o); err != nil {
				fail("document %d: %v", n, err)
				continue
			}
			o.Namespace = namespace(o.Namespace)
			for i := range o.Spec.Ports {
				if p := &o.Spec.Ports[i]; p.TargetPort == (intstr.IntOrString{}) { // as the API server fills it in
					p.TargetPort = intstr.FromInt32(p.Port)
				}
			}
			services = append(services, o)
			objects = append(objects, o)
		case kind == "v1 Pod":
			o := &corev1.Pod{}
			if err := json.Unmarshal(raw, o); err != nil {
				fail("document %d: %v", n, err)
				continue
			}
			o.Namespace = namespace(o.Namespace)
			if o.Status.Phase == "" {
				o.Status.Phase = corev1.PodRunning
			}
			if o.Status.PodIP != "" && len(o.Status.PodIPs) == 0 {
				o.Status.PodIPs = []corev1.PodIP{{IP: o.Status.PodIP}}
			}
			if !says(o, corev1.PodReady) { // a manifest that does not say so means a pod that runs
				o.Status.Conditions = append(o.Status.Conditions,
					corev1.PodCondition{Type: corev1.PodReady, Status: corev1.ConditionTrue})
			}
			pods = append(pods, o)
			objects = append(objects, o)
		case kind == "v1 Node":
			o := &corev1.Node{}
			if err := json.Unmarshal(raw, o); err != nil {
				fail("document %d: %v", n, err)
				continue
			}
			objects = append(objects, o)
		case kind == "discovery.k8s.io/v1 EndpointSlice":
			o := &discoveryv1.EndpointSlice{}
			if err := json.Unmarshal(raw, o); err != nil {
				fail("document %d: %v", n, err)
				continue
			}
			o.Namespace = namespace(o.Namespace)
			sliced[o.Namespace+"/"+o.Labels[discoveryv1.LabelServiceName]] = true
			objects = append(objects, o)
		}
	}
	for _, s := range services {
		if !sliced[s.Namespace+"/"+s.Name] && len(s.Spec.Selector) > 0 {
			if e := slice(s, pods); e != nil {
				objects = append(objects, e)
			}
		}
	}
	if hasGatewayAPI(objects) {
		objects = append(objects, entries...)
	}
	objects = append(objects, certificates(objects)...)
	objects = append(objects, authorities(objects)...)
	return configs, append(objects, deployed(objects)...), warnings, errs
}

func says(p *corev1.Pod, t corev1.PodConditionType) bool {
	for _, c := range p.Status.Conditions {
		if c.Type == t {
			return true
		}
	}
	return false
}

func namespace(s string) string {
	if s == "" {
		return "default"
	}
	return s
}

func istioConfig(raw []byte) (*config.Config, []string, error) {
	obj := crd.IstioKind{}
	if err := json.Unmarshal(raw, &obj); err != nil {
		return nil, nil, err
	}
	gvk := obj.GroupVersionKind()
	schema, ok := collections.PilotGatewayAPI().FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&gvk))
	if !ok {
		return nil, nil, fmt.Errorf("unknown kind %s", obj.Kind)
	}
	c, err := crd.ConvertObject(schema, &obj, domain)
	if err != nil {
		return nil, nil, err
	}
	c.Namespace = namespace(c.Namespace)
	if c.CreationTimestamp.IsZero() {
		c.CreationTimestamp = epoch
	}
	w, err := schema.ValidateConfig(*c)
	if err != nil {
		return nil, nil, err
	}
	var warnings []string
	if w != nil {
		warnings = append(warnings, w.Error())
	}
	return c, warnings, nil
}

// slice stands in for Kubernetes' endpoint controller: the ready pods that a Service selects.
func slice(s *corev1.Service, pods []*corev1.Pod) *discoveryv1.EndpointSlice {
	e := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Name: s.Name + "-pods", Namespace: s.Namespace,
			Labels: map[string]string{discoveryv1.LabelServiceName: s.Name},
		},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
	var chosen []*corev1.Pod
	for _, p := range pods {
		if p.Namespace == s.Namespace && p.Status.PodIP != "" && selects(s.Spec.Selector, p.Labels) {
			chosen = append(chosen, p)
		}
	}
	if len(chosen) == 0 {
		return nil
	}
	for _, p := range chosen {
		ready, terminating := true, p.DeletionTimestamp != nil
		for _, c := range p.Status.Conditions {
			if c.Type == corev1.PodReady {
				ready = c.Status == corev1.ConditionTrue
			}
		}
		up := (ready || s.Spec.PublishNotReadyAddresses) && !terminating
		e.Endpoints = append(e.Endpoints, discoveryv1.Endpoint{
			Addresses:  []string{p.Status.PodIP},
			Conditions: discoveryv1.EndpointConditions{Ready: &up, Serving: &ready, Terminating: &terminating},
			TargetRef:  &corev1.ObjectReference{Kind: "Pod", Name: p.Name, Namespace: p.Namespace},
		})
	}
	for _, sp := range s.Spec.Ports {
		name, number, proto := sp.Name, target(sp, chosen), sp.Protocol
		if proto == "" {
			proto = corev1.ProtocolTCP
		}
		e.Ports = append(e.Ports, discoveryv1.EndpointPort{Name: &name, Port: &number, Protocol: &proto})
	}
	return e
}

func target(sp corev1.ServicePort, pods []*corev1.Pod) int32 {
	if sp.TargetPort.IntVal != 0 {
		return sp.TargetPort.IntVal
	}
	for _, p := range pods {
		for _, c := range p.Spec.Containers {
			for _, cp := range c.Ports {
				if sp.TargetPort.StrVal != "" && cp.Name == sp.TargetPort.StrVal {
					return cp.ContainerPort
				}
			}
		}
	}
	return sp.Port
}

func selects(selector, labels map[string]string) bool {
	for k, v := range selector {
		if labels[k] != v {
			return false
		}
	}
	return true
}
