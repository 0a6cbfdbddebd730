// rollouts runs the controller of Argo Rollouts, from its own Go module, over a VirtualService.
//
// One JSON job a line on stdin: {"rollout": ..., "virtual_service": ..., "destination_rule": ... or absent, "steps": N}: the
// first N steps are reconciled in order, as the controller does for each step that becomes current; with N beyond the
// last step the rollout is complete. One JSON result a line on stdout: {"virtual_service": ...} or {"error": "..."}.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/sirupsen/logrus"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic/fake"

	"github.com/argoproj/argo-rollouts/pkg/apis/rollouts/v1alpha1"
	"github.com/argoproj/argo-rollouts/rollout/trafficrouting/istio"
	istioutil "github.com/argoproj/argo-rollouts/utils/istio"
	"github.com/argoproj/argo-rollouts/utils/record"
)

type job struct {
	Rollout         json.RawMessage `json:"rollout"`
	VirtualService  map[string]any  `json:"virtual_service"`
	DestinationRule map[string]any  `json:"destination_rule"`
	Steps           int             `json:"steps"`
}

type result struct {
	VirtualService map[string]any `json:"virtual_service,omitempty"`
	Error          string         `json:"error,omitempty"`
}

func main() {
	logrus.SetLevel(logrus.PanicLevel)
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 64<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var j job
		if err := json.Unmarshal(in.Bytes(), &j); err != nil {
			fmt.Fprintln(os.Stderr, "rollouts: bad job:", err)
			os.Exit(1)
		}
		vs, err := reconcile(j)
		r := result{VirtualService: vs}
		if err != nil {
			r = result{Error: err.Error()}
		}
		if err := out.Encode(r); err != nil {
			fmt.Fprintln(os.Stderr, "rollouts:", err)
			os.Exit(1)
		}
	}
}

func reconcile(j job) (map[string]any, error) {
	ro := &v1alpha1.Rollout{}
	if err := json.Unmarshal(j.Rollout, ro); err != nil {
		return nil, err
	}
	vs := &unstructured.Unstructured{Object: j.VirtualService}
	objects := []runtime.Object{vs}
	if j.DestinationRule != nil {
		objects = append(objects, &unstructured.Unstructured{Object: j.DestinationRule})
	}
	kinds := map[schema.GroupVersionResource]string{
		istioutil.GetIstioVirtualServiceGVR():  "VirtualServiceList",
		istioutil.GetIstioDestinationRuleGVR(): "DestinationRuleList",
	}
	client := fake.NewSimpleDynamicClientWithCustomListKinds(runtime.NewScheme(), kinds, objects...)
	r := istio.NewReconciler(ro, client, record.NewFakeEventRecorder(), nil, nil, nil)
	steps, weight := ro.Spec.Strategy.Canary.Steps, int32(0)
	complete := j.Steps > len(steps)
	for i := 0; i < j.Steps && !complete; i++ {
		step := steps[i]
		if step.SetWeight != nil {
			weight = *step.SetWeight
		}
		if step.SetHeaderRoute != nil {
			if err := r.SetHeaderRoute(step.SetHeaderRoute); err != nil {
				return nil, err
			}
		}
		if step.SetMirrorRoute != nil {
			if err := r.SetMirrorRoute(step.SetMirrorRoute); err != nil {
				return nil, err
			}
		}
		if err := r.SetWeight(weight); err != nil {
			return nil, err
		}
	}
	if complete {
		if err := r.RemoveManagedRoutes(); err != nil {
			return nil, err
		}
		if err := r.SetWeight(0); err != nil {
			return nil, err
		}
	}
	got, err := client.Resource(istioutil.GetIstioVirtualServiceGVR()).Namespace(vs.GetNamespace()).Get(
		context.Background(), vs.GetName(), metav1.GetOptions{})
	if err != nil {
		return nil, err
	}
	return got.Object, nil
}
