#!/usr/bin/env bash
# Writes the tables of Istio's CustomResourceDefinitions anew, from the module istio.io/istio in
# tests/conformance/translate/go.mod. Needs Go, python3 with PyYAML, and the Go module proxy or its cache.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."

read -r folder version < <(cd tests/conformance/translate && go list -m -f '{{.Dir}} {{.Version}}' istio.io/istio)
kinds=()
for kind in VirtualService DestinationRule Gateway ServiceEntry WorkloadEntry Sidecar; do
    kinds+=(--kind "$kind.networking.istio.io")
done
python3 scripts/crd_tables.py --name istio "${kinds[@]}" --source "networking.istio.io (istio.io/istio $version)" \
    --out libheaderroute/src/crd/crd_istio.c --rules tests/headerroute/fixtures/crd-rules-istio.txt \
    "$folder/manifests/charts/base/files/crd-all.gen.yaml"
