package suite

import (
	"fmt"
	"io/fs"
	"net/http/httptest"
	"os"
	"slices"
	"sort"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/util/sets"
	clientset "k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/gateway-api/conformance"
	"sigs.k8s.io/gateway-api/conformance/tests"
	"sigs.k8s.io/gateway-api/conformance/utils/config"
	confsuite "sigs.k8s.io/gateway-api/conformance/utils/suite"
	"sigs.k8s.io/gateway-api/pkg/features"
)

// evaluated are the features of which headerroute decides something; the tests of the others are listed as not run.
var evaluated = func() sets.Set[features.FeatureName] {
	all := features.SetsToNamesSet(features.GatewayCoreFeatures, features.GatewayExtendedFeatures, features.ReferenceGrantCoreFeatures,
		features.HTTPRouteCoreFeatures, features.HTTPRouteExtendedFeatures, features.GRPCRouteCoreFeatures,
		features.MeshCoreFeatures, features.MeshExtendedFeatures)
	// Not decided: ListenerSets are not read; certificates of clients and of a Gateway itself have no effect on a decision;
	// neither have addresses that a Gateway asks for, and what Istio's deployment controller makes.
	return all.Delete(features.SupportListenerSet, features.SupportGatewayFrontendClientCertificateValidation,
		features.SupportGatewayFrontendClientCertificateValidationInsecureFallback, features.SupportGatewayBackendClientCertificate,
		features.SupportGatewayStaticAddresses, features.SupportGatewayInfrastructurePropagation)
}()

// TestConformance runs every test of the suite whose features are all evaluated, and prints a count for each feature.
// HEADERROUTE is the program; ONLY, if set, is the name of one test.
func TestConformance(t *testing.T) {
	binary := os.Getenv("HEADERROUTE")
	if binary == "" {
		t.Fatal("HEADERROUTE must be the path of the program headerroute")
	}
	cluster, err := NewCluster(binary, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(cluster)
	defer server.Close()
	restConfig := &rest.Config{Host: server.URL}
	set, err := clientset.NewForConfig(restConfig)
	if err != nil {
		t.Fatal(err)
	}
	// Nothing changes by itself here, so that one answer is as good as several, and a wrong one stays wrong.
	timeouts := config.DefaultTimeoutConfig()
	timeouts.RequiredConsecutiveSuccesses = 1
	timeouts.TestIsolation = 0
	for _, d := range []*time.Duration{&timeouts.MaxTimeToConsistency, &timeouts.GatewayMustHaveCondition, &timeouts.GatewayMustHaveAddress,
		&timeouts.GatewayStatusMustHaveListeners, &timeouts.GatewayListenersMustHaveConditions, &timeouts.HTTPRouteMustHaveCondition,
		&timeouts.HTTPRouteMustNotHaveParents, &timeouts.RouteMustHaveParents, &timeouts.LatestObservedGenerationSet,
		&timeouts.RequestTimeout, &timeouts.NamespacesMustBeReady} {
		*d = 4 * time.Second
	}
	timeouts.DefaultPollInterval = 500 * time.Millisecond
	options := confsuite.ConformanceOptions{Client: cluster.Client, Clientset: set, RestConfig: restConfig, RoundTripper: cluster,
		GRPCClient: cluster, ManifestFS: []fs.FS{&conformance.Manifests}}
	options.GatewayClassName = className
	options.CleanupTestResources = true
	options.SupportedFeatures = evaluated.UnsortedList()
	options.TimeoutConfig = timeouts
	s, err := confsuite.NewConformanceTestSuite(options)
	if err != nil {
		t.Fatal(err)
	}
	s.Setup(t, tests.ConformanceTests)
	results := &report{passed: map[string]bool{}}
	all := slices.Clone(tests.ConformanceTests)
	sort.Slice(all, func(i, j int) bool { return all[i].ShortName < all[j].ShortName })
	only := os.Getenv("ONLY")
	for _, test := range all {
		if only != "" && test.ShortName != only {
			continue
		}
		if !evaluated.HasAll(test.Features...) {
			results.others = append(results.others, test)
			continue
		}
		skipped := false
		test.Parallel = false // so that Run returns its result
		passed := t.Run(test.ShortName, func(t *testing.T) {
			defer func() { skipped = t.Skipped() }()
			test.Run(t, s)
		})
		if skipped {
			results.others = append(results.others, test)
			continue
		}
		results.run = append(results.run, test)
		results.passed[test.ShortName] = passed
	}
	results.print()
	for _, test := range results.run {
		if _, ok := known[test.ShortName]; ok && results.passed[test.ShortName] {
			t.Errorf("%s passes, although a reason is given why it fails", test.ShortName)
		}
	}
}

// known are the tests that fail, each with its reason.
var known = map[string]string{
	"GatewayInvalidParametersRef":                     "infrastructure.parametersRef is not read",
	"GatewayInvalidTLSConfiguration":                  "Secrets are not read, so one that is missing or malformed is not found",
	"GatewayWithAttachedRoutes":                       "Secrets are not read, so a listener whose Secret is missing counts as programmed",
	"HTTPRouteBackendProtocolWebSocket":               "needs a connection; the harness answers requests only",
	"MeshFrontendHostname":                            "a sidecar goes by the Host header on a port that is declared as HTTP (istio/istio#44702)",
	"HTTPRouteHTTPSListenerDetectMisdirectedRequests": "Istio does not answer 421, and leaves the test out as well",
}

type report struct {
	run, others []confsuite.ConformanceTest
	passed      map[string]bool
}

func (r *report) print() {
	counts := map[string][2]int{}
	var failed []string
	for _, test := range r.run {
		ok := r.passed[test.ShortName]
		if !ok {
			failed = append(failed, test.ShortName)
		}
		for _, f := range test.Features {
			n := counts[string(f)]
			n[1]++
			if ok {
				n[0]++
			}
			counts[string(f)] = n
		}
	}
	names := make([]string, 0, len(counts))
	for f := range counts {
		names = append(names, f)
	}
	sort.Strings(names)
	for _, f := range names {
		fmt.Printf("feature %-50s %d of %d tests passed\n", f, counts[f][0], counts[f][1])
	}
	for _, name := range failed {
		reason := known[name]
		if reason == "" {
			reason = "no reason is known"
		}
		fmt.Printf("failed %s: %s\n", name, reason)
	}
	fmt.Printf("not run, with features that are not evaluated, or skipped by themselves: %d tests\n", len(r.others))
	fmt.Printf("%d passed, %d failed\n", len(r.run)-len(failed), len(failed))
}
