#!/usr/bin/env bash
# Writes the tables of the CustomResourceDefinitions of Istio and the Gateway API anew.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: scripts/crd_tables.sh

Reads the definitions in the modules istio.io/istio and sigs.k8s.io/gateway-api of tests/conformance/translate/go.mod, and
writes libheaderroute/src/crd/crd_*.c and the lists of rules in tests/headerroute/fixtures. Needs Go, python3 with PyYAML,
and the Go module proxy or its cache.
USAGE
}

case ${1:-} in
--help | -h) usage; exit 0 ;;
*) [ $# = 0 ] || { echo "crd_tables.sh: unknown argument '$1' (try --help)" >&2; exit 2; } ;;
esac
cd "$(dirname "$(readlink -f "$0")")/.."

read -r folder version < <(cd tests/conformance/translate && go list -m -f '{{.Dir}} {{.Version}}' istio.io/istio)
kinds=()
for kind in VirtualService DestinationRule Gateway ServiceEntry WorkloadEntry Sidecar; do
    kinds+=(--kind "$kind.networking.istio.io")
done
python3 scripts/crd_tables.py --name istio "${kinds[@]}" --source "networking.istio.io (istio.io/istio $version)" \
    --out libheaderroute/src/crd/crd_istio.c --rules tests/headerroute/fixtures/crd-rules-istio.txt \
    "$folder/manifests/charts/base/files/crd-all.gen.yaml"

read -r folder version < <(cd tests/conformance/translate && go list -m -f '{{.Dir}} {{.Version}}' sigs.k8s.io/gateway-api)
kinds=()
for kind in GatewayClass Gateway ListenerSet HTTPRoute GRPCRoute TLSRoute TCPRoute UDPRoute ReferenceGrant BackendTLSPolicy; do
    kinds+=(--kind "$kind.gateway.networking.k8s.io")
done
python3 scripts/crd_tables.py --name gateway_api "${kinds[@]}" \
    --source "gateway.networking.k8s.io (sigs.k8s.io/gateway-api $version), both channels" \
    --out libheaderroute/src/crd/crd_gateway_api.c --rules tests/headerroute/fixtures/crd-rules-gateway-api.txt \
    --rules tests/headerroute/fixtures/crd-rules-gateway-api-standard.txt \
    "$folder"/config/crd/experimental/gateway.networking.k8s.io_*.yaml \
    --variant "$folder"/config/crd/standard/gateway.networking.k8s.io_*.yaml
