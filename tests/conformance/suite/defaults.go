package suite

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/yaml"
)

// defaults are the schemas of the CustomResourceDefinitions, by "KIND VERSION", whose defaults an API server fills in.
type defaults map[string]map[string]any

// readDefaults reads the CustomResourceDefinitions of the module sigs.k8s.io/gateway-api, experimental channel.
func readDefaults() (defaults, error) {
	out, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "sigs.k8s.io/gateway-api").Output()
	if err != nil {
		return nil, fmt.Errorf("go list of sigs.k8s.io/gateway-api: %w", err)
	}
	files, err := filepath.Glob(filepath.Join(strings.TrimSpace(string(out)), "config/crd/experimental/gateway.networking.k8s.io_*.yaml"))
	if err != nil || len(files) == 0 {
		return nil, fmt.Errorf("no CustomResourceDefinitions in %s: %w", strings.TrimSpace(string(out)), err)
	}
	all := defaults{}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			return nil, err
		}
		for _, document := range strings.Split(string(raw), "\n---\n") {
			var crd map[string]any
			if err := yaml.Unmarshal([]byte(document), &crd); err != nil {
				return nil, err
			}
			kind, _, _ := unstructured.NestedString(crd, "spec", "names", "kind")
			versions, _, _ := unstructured.NestedSlice(crd, "spec", "versions")
			for _, v := range versions {
				version := v.(map[string]any)
				schema, ok, _ := unstructured.NestedMap(version, "schema", "openAPIV3Schema")
				if ok {
					all[kind+" "+version["name"].(string)] = schema
				}
			}
		}
	}
	return all, nil
}

// fill sets the members that are absent and have a default.
func fill(v any, schema map[string]any) {
	switch v := v.(type) {
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		for name, p := range properties {
			property := p.(map[string]any)
			if _, ok := v[name]; !ok {
				if d, ok := property["default"]; ok {
					v[name] = runtime.DeepCopyJSONValue(whole(d))
				}
			}
			if member, ok := v[name]; ok {
				fill(member, property)
			}
		}
	case []any:
		items, _ := schema["items"].(map[string]any)
		for _, item := range v {
			fill(item, items)
		}
	}
}

// whole makes integers of the numbers of YAML, which are floating point numbers.
func whole(v any) any {
	switch v := v.(type) {
	case float64:
		return int64(v)
	case map[string]any:
		for k, e := range v {
			v[k] = whole(e)
		}
	case []any:
		for i, e := range v {
			v[i] = whole(e)
		}
	}
	return v
}

// apply fills in the defaults of an object, typed or not.
func (d defaults) apply(o client.Object, scheme *runtime.Scheme) error {
	kind, err := apiutil.GVKForObject(o, scheme)
	if err != nil {
		return err
	}
	schema, ok := d[kind.Kind+" "+kind.Version]
	if !ok {
		return nil
	}
	if u, ok := o.(*unstructured.Unstructured); ok {
		fill(u.Object, schema)
		return nil
	}
	raw, err := runtime.DefaultUnstructuredConverter.ToUnstructured(o)
	if err != nil {
		return err
	}
	fill(raw, schema)
	return runtime.DefaultUnstructuredConverter.FromUnstructured(raw, o)
}
