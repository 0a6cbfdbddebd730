// flagger runs the Istio router of Flagger, from its own Go module, over a Canary.
//
// One JSON job a line on stdin: {"canary": ..., "virtual_service": ... or absent, "steps": N}: the controller's first N
// changes of weights are made in order, with the weights that it computes; with N beyond the last one the run is
// complete. One JSON result a line on stdout: {"virtual_service": ..., "total": STEPS} or {"error": "..."}. The random
// values of cookies are replaced by abcdefghij.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	_ "unsafe" // for linkname

	"go.uber.org/zap"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/fake"

	flaggerv1 "github.com/fluxcd/flagger/pkg/apis/flagger/v1beta1"
	istiov1beta1 "github.com/fluxcd/flagger/pkg/apis/istio/v1beta1"
	fakeflagger "github.com/fluxcd/flagger/pkg/client/clientset/versioned/fake"
	"github.com/fluxcd/flagger/pkg/controller"
	"github.com/fluxcd/flagger/pkg/router"
)

//go:linkname nextStepWeight github.com/fluxcd/flagger/pkg/controller.(*Controller).nextStepWeight
func nextStepWeight(c *controller.Controller, canary *flaggerv1.Canary, weight int) int

//go:linkname maxWeight github.com/fluxcd/flagger/pkg/controller.(*Controller).maxWeight
func maxWeight(c *controller.Controller, canary *flaggerv1.Canary) int

const total = 100

type job struct {
	Canary         json.RawMessage `json:"canary"`
	VirtualService json.RawMessage `json:"virtual_service"`
	Steps          int             `json:"steps"`
}

type result struct {
	VirtualService json.RawMessage `json:"virtual_service,omitempty"`
	Total          int             `json:"total"`
	Error          string          `json:"error,omitempty"`
}

// run is one rollout: the scheduler's decisions (pkg/controller/scheduler.go) with the real router.
type run struct {
	canary    *flaggerv1.Canary
	router    router.Interface
	promoting bool
	cookies   []string
}

func (r *run) set(primary, canary int, mirrored bool) error {
	// As the controller, which reads the Canary anew before each change: the router may write into what it gets.
	fresh := r.canary.DeepCopy()
	defer func() { r.canary.Status = fresh.Status }()
	before := []string{r.canary.Status.SessionAffinityCookie, r.canary.Status.PrimarySessionAffinityCookie}
	err := r.router.SetRoutes(fresh, primary, canary, mirrored)
	for i, after := range []string{fresh.Status.SessionAffinityCookie, fresh.Status.PrimarySessionAffinityCookie} {
		if _, value, ok := strings.Cut(after, "="); ok && after != before[i] {
			r.cookies = append(r.cookies, value)
		}
	}
	return err
}

// next makes the next change of the analysis or of the promotion, and reports whether there was one.
func (r *run) next() (bool, error) {
	a := r.canary.GetAnalysis()
	primary, weight, mirrored, err := r.router.GetRoutes(r.canary)
	if err != nil {
		return false, err
	}
	if !r.promoting {
		switch r.canary.DeploymentStrategy() {
		case flaggerv1.DeploymentStrategyABTesting:
			if a.Iterations > r.canary.Status.Iterations {
				r.canary.Status.Iterations++
				return true, r.set(0, total, false)
			}
		case flaggerv1.DeploymentStrategyBlueGreen:
			if a.Iterations > r.canary.Status.Iterations {
				r.canary.Status.Iterations++
				if a.Mirror && !mirrored {
					return true, r.set(total, 0, true)
				}
				return true, nil
			}
			if a.Iterations == r.canary.Status.Iterations {
				r.canary.Status.Iterations++
				return true, r.set(0, total, false)
			}
		default:
			step := nextStepWeight(nil, r.canary, weight)
			if weight < maxWeight(nil, r.canary) && step > 0 {
				if a.Mirror && weight == 0 {
					if !mirrored {
						return true, r.set(total, 0, true)
					}
					return true, r.set(total-step, step, false)
				}
				return true, r.set(max(primary-step, 0), min(weight+step, total), false)
			}
		}
		r.promoting = true
	}
	if a.StepWeightPromotion > 0 && weight > 0 && primary+a.StepWeightPromotion < total {
		return true, r.set(primary+a.StepWeightPromotion, max(weight-a.StepWeightPromotion, 0), false)
	}
	return false, nil
}

func write(j job) (json.RawMessage, int, error) {
	canary := &flaggerv1.Canary{}
	if err := json.Unmarshal(j.Canary, canary); err != nil {
		return nil, 0, err
	}
	client := fakeflagger.NewSimpleClientset(canary)
	services := client.NetworkingV1beta1().VirtualServices(canary.Namespace)
	if j.VirtualService != nil {
		vs := &istiov1beta1.VirtualService{}
		if err := json.Unmarshal(j.VirtualService, vs); err != nil {
			return nil, 0, err
		}
		if _, err := services.Create(context.Background(), vs, metav1.CreateOptions{}); err != nil {
			return nil, 0, err
		}
	}
	factory := router.NewFactory(nil, fake.NewSimpleClientset(), client, nil, "", "", zap.NewNop().Sugar(), client, false)
	r := &run{canary: canary, router: factory.MeshRouter("istio", "app")}
	if err := r.router.Reconcile(canary); err != nil {
		return nil, 0, err
	}
	done, more := 0, true
	var err error
	for ; done < j.Steps && more && done < 1000; done++ {
		if more, err = r.next(); err != nil {
			return nil, 0, err
		}
	}
	if !more {
		done--
		if err := r.set(total, 0, false); err != nil {
			return nil, 0, err
		}
	}
	apex, _, _ := canary.GetServiceNames()
	vs, err := services.Get(context.Background(), apex, metav1.GetOptions{})
	if err != nil {
		return nil, 0, err
	}
	text, err := json.Marshal(map[string]any{"apiVersion": "networking.istio.io/v1", "kind": "VirtualService",
		"metadata": map[string]any{"name": vs.Name, "namespace": vs.Namespace}, "spec": vs.Spec})
	for _, value := range r.cookies {
		text = []byte(strings.ReplaceAll(string(text), value, "abcdefghij"))
	}
	return text, done, err
}

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 64<<20)
	out := json.NewEncoder(os.Stdout)
	for in.Scan() {
		var j job
		if err := json.Unmarshal(in.Bytes(), &j); err != nil {
			fmt.Fprintln(os.Stderr, "flagger: bad job:", err)
			os.Exit(1)
		}
		vs, n, err := write(j)
		r := result{VirtualService: vs, Total: n}
		if err != nil {
			r = result{Error: err.Error()}
		}
		if err := out.Encode(r); err != nil {
			fmt.Fprintln(os.Stderr, "flagger:", err)
			os.Exit(1)
		}
	}
}
