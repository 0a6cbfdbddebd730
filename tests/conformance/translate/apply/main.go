// apply answers what a Kubernetes API server with Istio's CustomResourceDefinitions and Istio's webhook
// does with resources: lines of {"id", "object"} in, lines of {"id", "pruned", "schema", "rules", "webhook"} out.
//
//	apply CRDS.yaml <RESOURCES.jsonl
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	v1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/cel"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/listtype"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	kubeyaml "k8s.io/apimachinery/pkg/util/yaml"
	celconfig "k8s.io/apiserver/pkg/apis/cel"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
)

type kind struct {
	structural *schema.Structural
	validator  validation.SchemaValidator
	rules      *cel.Validator
}

type answer struct {
	ID      string   `json:"id"`
	Pruned  []string `json:"pruned,omitempty"`
	Schema  []string `json:"schema,omitempty"`
	Rules   []string `json:"rules,omitempty"`
	Webhook string   `json:"webhook,omitempty"`
}

func fail(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, "apply:", err)
		os.Exit(1)
	}
}

func newKind(definition *v1.CustomResourceDefinition) *kind {
	var internal apiextensions.JSONSchemaProps
	var served *v1.CustomResourceDefinitionVersion
	for i := range definition.Spec.Versions {
		if definition.Spec.Versions[i].Storage {
			served = &definition.Spec.Versions[i]
		}
	}
	fail(v1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(served.Schema.OpenAPIV3Schema, &internal, nil))
	structural, err := schema.NewStructural(&internal)
	fail(err)
	validator, _, err := validation.NewSchemaValidator(&internal)
	fail(err)
	return &kind{structural, validator, cel.NewValidator(structural, true, celconfig.PerCallLimit)}
}

func readKinds(path string) map[string]*kind {
	text, err := os.ReadFile(path)
	fail(err)
	kinds := map[string]*kind{}
	decoder := kubeyaml.NewYAMLOrJSONDecoder(bytes.NewReader(text), 1<<20)
	for {
		definition := &v1.CustomResourceDefinition{}
		if err := decoder.Decode(definition); err == io.EOF {
			return kinds
		} else if err != nil {
			fail(err)
		}
		if definition.Kind == "CustomResourceDefinition" {
			kinds[definition.Spec.Group+"/"+definition.Spec.Names.Kind] = newKind(definition)
		}
	}
}

// webhook returns why Istio's admission refuses the object that the API server would store. It has
// no rules for kinds of the Gateway API.
func webhook(object map[string]any) string {
	if strings.HasPrefix(object["apiVersion"].(string), "gateway.networking.k8s.io/") {
		return ""
	}
	raw, err := json.Marshal(object)
	fail(err)
	read := crd.IstioKind{}
	if err := json.Unmarshal(raw, &read); err != nil {
		return err.Error()
	}
	gvk := read.GroupVersionKind()
	known, ok := collections.Pilot.FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&gvk))
	if !ok {
		return "unknown kind"
	}
	config, err := crd.ConvertObject(known, &read, "cluster.local")
	if err != nil {
		return err.Error()
	}
	if config.Namespace == "" {
		config.Namespace = "default"
	}
	if _, err := known.ValidateConfig(*config); err != nil {
		return err.Error()
	}
	return ""
}

// apply follows customresource_handler.go (decoding) and strategy.go (creation) of apiextensions-apiserver.
func (k *kind) apply(id string, object map[string]any) answer {
	result := answer{ID: id}
	meta := map[string]any{"apiVersion": object["apiVersion"], "kind": object["kind"], "metadata": object["metadata"]}
	options := schema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
	result.Pruned = pruning.PruneWithOptions(object, k.structural, true, options)
	defaulting.PruneNonNullableNullsWithoutDefaults(object, k.structural)
	defaulting.Default(object, k.structural)
	for name, value := range meta {
		object[name] = value
	}
	delete(object, "status") // a resource of its own
	for _, err := range validation.ValidateCustomResource(nil, object, k.validator) {
		result.Schema = append(result.Schema, err.Error())
	}
	for _, err := range listtype.ValidateListSetsAndMaps(nil, k.structural, object) {
		result.Schema = append(result.Schema, err.Error())
	}
	if len(result.Schema) > 0 {
		return result
	}
	broken, _ := k.rules.Validate(context.Background(), nil, k.structural, object, nil, celconfig.RuntimeCELCostBudget)
	for _, err := range broken {
		result.Rules = append(result.Rules, err.Error())
	}
	if len(result.Rules) == 0 {
		result.Webhook = webhook(object)
	}
	return result
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: apply CRDS.yaml <RESOURCES.jsonl")
		os.Exit(2)
	}
	kinds := readKinds(os.Args[1])
	out := json.NewEncoder(os.Stdout)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		line := map[string]any{}
		fail(utiljson.Unmarshal(lines.Bytes(), &line))
		object := line["object"].(map[string]any)
		group, _, _ := strings.Cut(object["apiVersion"].(string), "/")
		k := kinds[group+"/"+object["kind"].(string)]
		if k == nil {
			fail(fmt.Errorf("%v: no schema of %v", line["id"], object["kind"]))
		}
		fail(out.Encode(k.apply(line["id"].(string), object)))
	}
	fail(lines.Err())
}
