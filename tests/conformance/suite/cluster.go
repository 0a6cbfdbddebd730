// Package suite runs the conformance tests of the Kubernetes Gateway API without a cluster: resources
// live in memory, statuses are made of the findings of `headerroute validate`, and requests are answered by
// the decisions of `headerroute route`.
package suite

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"sync"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/intstr"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"
	gatewayv1 "sigs.k8s.io/gateway-api/apis/v1"
	"sigs.k8s.io/gateway-api/apis/v1alpha2"
	"sigs.k8s.io/gateway-api/apis/v1alpha3"
	"sigs.k8s.io/gateway-api/apis/v1beta1"
	xv1alpha1 "sigs.k8s.io/gateway-api/apisx/v1alpha1"
)

const (
	className  = "istio"
	controller = "istio.io/gateway-controller"
)

// Cluster is an API server in memory with a controller that works whenever something is read after a change.
type Cluster struct {
	Client  client.WithWatch
	binary  string // headerroute
	folder  string // for the resources as a file
	lock    sync.Mutex
	inner   client.WithWatch // without the controller
	changed bool
	n       int    // of the file
	file    string // the resources as headerroute reads them
	pods    map[string]corev1.Pod
	used    map[string]client.ObjectKey // address -> Gateway
	next    int                         // of addresses
	logs    map[string][]string         // "namespace/pod" -> lines
}

func newScheme() (*runtime.Scheme, error) {
	scheme := runtime.NewScheme()
	for _, add := range []func(*runtime.Scheme) error{clientgoscheme.AddToScheme, apiextensionsv1.AddToScheme,
		gatewayv1.Install, v1beta1.Install, v1alpha2.Install, v1alpha3.Install, xv1alpha1.Install} {
		if err := add(scheme); err != nil {
			return nil, err
		}
	}
	return scheme, nil
}

// NewCluster makes a cluster with the GatewayClass that the suite asks for. The folder is the caller's to remove.
func NewCluster(binary, folder string) (*Cluster, error) {
	scheme, err := newScheme()
	if err != nil {
		return nil, err
	}
	crd := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: "httproutes.gateway.networking.k8s.io",
		Annotations: map[string]string{"gateway.networking.k8s.io/bundle-version": "v1.6.0",
			"gateway.networking.k8s.io/channel": "experimental"}},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{Group: gatewayv1.GroupName}}
	class := &gatewayv1.GatewayClass{ObjectMeta: metav1.ObjectMeta{Name: className, Generation: 1},
		Spec: gatewayv1.GatewayClassSpec{ControllerName: controller}}
	inner := fake.NewClientBuilder().WithScheme(scheme).WithObjects(crd, class).
		WithStatusSubresource(&gatewayv1.Gateway{}, &gatewayv1.GatewayClass{}, &gatewayv1.HTTPRoute{}, &gatewayv1.GRPCRoute{}).
		Build()
	filled, err := readDefaults()
	if err != nil {
		return nil, err
	}
	c := &Cluster{binary: binary, folder: folder, inner: inner, changed: true, pods: map[string]corev1.Pod{},
		used: map[string]client.ObjectKey{}, logs: map[string][]string{}}
	c.Client = interceptor.NewClient(inner, interceptor.Funcs{
		Create: func(ctx context.Context, w client.WithWatch, o client.Object, opts ...client.CreateOption) error {
			defer c.note()
			o.SetGeneration(1)
			if err := filled.apply(o, scheme); err != nil {
				return err
			}
			return w.Create(ctx, o, opts...)
		},
		Update: func(ctx context.Context, w client.WithWatch, o client.Object, opts ...client.UpdateOption) error {
			defer c.note()
			if err := filled.apply(o, scheme); err != nil {
				return err
			}
			c.bump(ctx, o)
			return w.Update(ctx, o, opts...)
		},
		Patch: func(ctx context.Context, w client.WithWatch, o client.Object, p client.Patch, opts ...client.PatchOption) error {
			defer c.note()
			before := o.DeepCopyObject().(client.Object)
			if err := w.Get(ctx, client.ObjectKeyFromObject(o), before); err != nil {
				return err
			}
			if err := w.Patch(ctx, o, p, opts...); err != nil {
				return err
			}
			if err := filled.apply(o, scheme); err != nil {
				return err
			}
			if same(before, o) {
				return nil
			}
			o.SetGeneration(before.GetGeneration() + 1)
			return w.Update(ctx, o)
		},
		Delete: func(ctx context.Context, w client.WithWatch, o client.Object, opts ...client.DeleteOption) error {
			defer c.note()
			return w.Delete(ctx, o, opts...)
		},
		Get: func(ctx context.Context, w client.WithWatch, key client.ObjectKey, o client.Object, opts ...client.GetOption) error {
			if err := c.work(ctx); err != nil {
				return err
			}
			return w.Get(ctx, key, o, opts...)
		},
		List: func(ctx context.Context, w client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if err := c.work(ctx); err != nil {
				return err
			}
			return w.List(ctx, list, opts...)
		},
	})
	return c, nil
}

func (c *Cluster) note() {
	c.lock.Lock()
	c.changed = true
	c.lock.Unlock()
}

func spec(o client.Object) any {
	raw, _ := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	delete(raw, "status")
	delete(raw, "metadata")
	return raw
}

func same(a, b client.Object) bool {
	return reflect.DeepEqual(spec(a), spec(b))
}

// bump counts the generation up as an API server does when a spec changes.
func (c *Cluster) bump(ctx context.Context, o client.Object) {
	before := o.DeepCopyObject().(client.Object)
	if c.inner.Get(ctx, client.ObjectKeyFromObject(o), before) != nil {
		return
	}
	o.SetGeneration(before.GetGeneration())
	if !same(before, o) {
		o.SetGeneration(before.GetGeneration() + 1)
	}
}

// work does what controllers do after a change: pods of Deployments, then statuses.
func (c *Cluster) work(ctx context.Context) error {
	c.lock.Lock()
	defer c.lock.Unlock()
	if !c.changed {
		return nil
	}
	if err := c.deploy(ctx); err != nil {
		return err
	}
	s, err := c.state(ctx)
	if err != nil {
		return err
	}
	c.n++
	c.file = filepath.Join(c.folder, fmt.Sprintf("resources-%d.yaml", c.n))
	text, _ := s.text(false)
	if err := os.WriteFile(c.file, text, 0o600); err != nil {
		return err
	}
	c.changed = false
	return c.report(ctx, s)
}

// deploy makes the pods of each Deployment, ready at once.
func (c *Cluster) deploy(ctx context.Context) error {
	var deployments appsv1.DeploymentList
	if err := c.inner.List(ctx, &deployments); err != nil {
		return err
	}
	for _, d := range deployments.Items {
		replicas := int32(1)
		if d.Spec.Replicas != nil {
			replicas = *d.Spec.Replicas
		}
		for i := range replicas {
			name := fmt.Sprintf("%s-pod-%d", d.Name, i) // as names of pods end, so that the suite finds the Deployment
			var had corev1.Pod
			if c.inner.Get(ctx, client.ObjectKey{Namespace: d.Namespace, Name: name}, &had) == nil {
				continue
			}
			n := len(c.pods) + 1
			ip := fmt.Sprintf("10.200.%d.%d", n/250, n%250+1)
			pod := corev1.Pod{TypeMeta: metav1.TypeMeta{APIVersion: "v1", Kind: "Pod"},
				ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: d.Namespace, Labels: d.Spec.Template.Labels},
				Spec:       d.Spec.Template.Spec,
				Status: corev1.PodStatus{Phase: corev1.PodRunning, PodIP: ip, PodIPs: []corev1.PodIP{{IP: ip}},
					Conditions: []corev1.PodCondition{{Type: corev1.PodReady, Status: corev1.ConditionTrue}}}}
			if err := c.inner.Create(ctx, pod.DeepCopy()); err != nil {
				return err
			}
			c.pods[ip] = pod
		}
	}
	return nil
}

// run calls headerroute; an exit status of 1 is an answer.
func (c *Cluster) run(stdin []byte, args ...string) ([]byte, error) {
	cmd := exec.Command(c.binary, args...)
	var out, errs bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &errs
	err := cmd.Run()
	if exit, ok := err.(*exec.ExitError); ok && exit.ExitCode() == 1 && out.Len() > 0 {
		err = nil
	}
	if err != nil {
		return nil, fmt.Errorf("headerroute %v: %w: %s", args, err, errs.String())
	}
	return out.Bytes(), nil
}

// Decide asks for the decisions of requests in the batch format, with the resources as they are now.
func (c *Cluster) Decide(ctx context.Context, requests []map[string]any) ([]*Decision, error) {
	if err := c.work(ctx); err != nil {
		return nil, err
	}
	var lines bytes.Buffer
	in := json.NewEncoder(&lines)
	for _, r := range requests {
		if err := in.Encode(r); err != nil {
			return nil, err
		}
	}
	c.lock.Lock()
	file := c.file
	c.lock.Unlock()
	text, err := c.run(lines.Bytes(), "route", "-f", file, "--batch", "-")
	if err != nil {
		return nil, err
	}
	out := make([]*Decision, 0, len(requests))
	for decoder := json.NewDecoder(bytes.NewReader(text)); decoder.More(); {
		d := &Decision{}
		if err := decoder.Decode(d); err != nil {
			return nil, fmt.Errorf("%w: %s", err, text)
		}
		if d.Error != "" {
			return nil, fmt.Errorf("headerroute: %s", d.Error)
		}
		out = append(out, d)
	}
	if len(out) != len(requests) {
		return nil, fmt.Errorf("%d decisions for %d requests", len(out), len(requests))
	}
	return out, nil
}

// state is what headerroute reads.
type state struct {
	objects []*unstructured.Unstructured
	routes  []*unstructured.Unstructured // of objects
	gateway map[client.ObjectKey]*gatewayv1.Gateway
}

func (c *Cluster) state(ctx context.Context) (*state, error) {
	s := &state{gateway: map[client.ObjectKey]*gatewayv1.Gateway{}}
	lists := []client.ObjectList{&corev1.NamespaceList{}, &corev1.ServiceList{}, &corev1.PodList{}, &discoveryv1.EndpointSliceList{}, &gatewayv1.GatewayClassList{},
		&gatewayv1.GatewayList{}, &gatewayv1.HTTPRouteList{}, &gatewayv1.GRPCRouteList{}, &v1beta1.ReferenceGrantList{},
		&gatewayv1.ReferenceGrantList{}}
	for _, list := range lists {
		if err := c.inner.List(ctx, list); err != nil {
			return nil, err
		}
		items := reflect.ValueOf(list).Elem().FieldByName("Items")
		for i := range items.Len() {
			o := items.Index(i).Addr().Interface().(client.Object)
			kinds, _, err := c.inner.Scheme().ObjectKinds(o)
			if err != nil {
				return nil, err
			}
			if g, ok := o.(*gatewayv1.Gateway); ok {
				s.gateway[client.ObjectKeyFromObject(g)] = g.DeepCopy()
			}
			if svc, ok := o.(*corev1.Service); ok {
				for p := range svc.Spec.Ports { // as the API server fills it in
					if port := &svc.Spec.Ports[p]; port.TargetPort == (intstr.IntOrString{}) {
						port.TargetPort = intstr.FromInt32(port.Port)
					}
				}
			}
			raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
			if err != nil {
				return nil, err
			}
			u := &unstructured.Unstructured{Object: raw}
			u.SetGroupVersionKind(kinds[0])
			if kinds[0].Kind != "Pod" {
				delete(u.Object, "status")
			}
			s.objects = append(s.objects, u)
			if kinds[0].Kind == "HTTPRoute" || kinds[0].Kind == "GRPCRoute" {
				s.routes = append(s.routes, u)
			}
		}
	}
	return s, nil
}
