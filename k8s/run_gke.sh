#!/usr/bin/env bash
# From nothing to the running system on GKE: cluster, Istio, images, manifests. Safe to run again.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. k8s/gke-settings.sh

usage() {
    echo "usage: k8s/run_gke.sh [--dry-run] [--yes]"
    echo
    echo "Creates a cluster (unless it is there), installs Istio, builds and pushes the images, applies"
    echo "the manifests and waits until every pod is ready. k8s/delete_gke.sh takes it all away again."
    echo "  --dry-run  print every command that would change something, run none of them"
    echo "  --yes      do not ask before the first command that costs money"
    echo
    settings_help
}

dry_run=0 yes=0
while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry_run=1 ;;
    --yes) yes=1 ;;
    --help) usage; exit 0 ;;
    *) echo "run_gke.sh: unknown argument '$1' (try --help)" >&2; exit 2 ;;
    esac
    shift
done

need gcloud kubectl istioctl
[ -n "${TAG:-}" ] || need git
check_settings
TAG=${TAG:-$(git describe --always --dirty --abbrev=12)}
[[ $TAG =~ ^[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}$ ]] || die "TAG '$TAG' is not an image tag"
[ "$TAG" != latest ] || die "TAG 'latest' says nothing; name a version"

state=$(cluster_state)
[ "$state" != foreign ] ||
    die "a cluster '$CLUSTER' that this script did not make is already in $ZONE; set CLUSTER to another name"

echo "project $PROJECT, cluster $CLUSTER in $ZONE ($NODES x $MACHINE_TYPE, $state), images $REGISTRY/*:$TAG"
if [ "$dry_run" = 0 ] && [ "$yes" = 0 ] && [ "$state" = absent ]; then
    read -r -p "This creates machines that cost money until k8s/delete_gke.sh is run. Go on? [y/N] " answer
    [[ $answer == [yY]* ]] || die "stopped; nothing was created"
fi

run gcloud services enable container.googleapis.com artifactregistry.googleapis.com cloudbuild.googleapis.com \
    --project "$PROJECT"
if [ "$state" = absent ]; then
    run gcloud container clusters create "$CLUSTER" --project "$PROJECT" --zone "$ZONE" \
        --machine-type "$MACHINE_TYPE" --num-nodes "$NODES" --labels "$MARK" \
        --enable-ip-alias --enable-dataplane-v2 --release-channel regular --workload-pool "$PROJECT.svc.id.goog"
fi
run gcloud container clusters get-credentials "$CLUSTER" --project "$PROJECT" --zone "$ZONE"
kube=(kubectl --context "$(context)")

# Images. The repository may be shared with other work, so it is created only if missing and never deleted.
if ! gcloud artifacts repositories describe "$REPOSITORY" --project "$PROJECT" --location "$REGION" >/dev/null 2>&1; then
    run gcloud artifacts repositories create "$REPOSITORY" --project "$PROJECT" --location "$REGION" \
        --repository-format docker --description "headerroute images"
fi
run gcloud builds submit . --project "$PROJECT" --config cloudbuild.yaml \
    --substitutions "_REGISTRY=$REGISTRY,_TAG=$TAG"

# Istio, except for the overlay without it. istioctl brings an existing installation up to date, but it does not
# create the namespace of the ingress gateway.
if [ "$OVERLAY" != no-istio ]; then
    run "${kube[@]}" apply -f k8s/istio-namespace.yaml
    run istioctl install --context "$(context)" -f k8s/istio.yaml --skip-confirmation
fi

# The Gateway API's kinds, unless the cluster already has them: GKE can manage them itself.
if [ "$OVERLAY" = gateway-api ] &&
    ! "${kube[@]}" get crd httproutes.gateway.networking.k8s.io >/dev/null 2>&1; then
    run "${kube[@]}" apply --server-side \
        -f https://github.com/kubernetes-sigs/gateway-api/releases/download/v1.6.0/standard-install.yaml
fi

# The overlay with this registry and tag on top, in a separate folder: no tracked file is edited.
work=$(mktemp -d build-gke.XXXXXX)
trap 'rm -rf "$work"' EXIT
{
    echo "apiVersion: kustomize.config.k8s.io/v1beta1"
    echo "kind: Kustomization"
    echo "resources: [../k8s/overlays/$OVERLAY]"
    echo "images:"
    for image in proxy predict gateway; do
        echo "  - {name: headerroute-$image, newName: $REGISTRY/headerroute-$image, newTag: \"$TAG\"}"
    done
} >"$work/kustomization.yaml"
kubectl kustomize --load-restrictor LoadRestrictionsNone "$work" >"$work/manifests.yaml"
run "${kube[@]}" apply -f "$work/manifests.yaml"
deployments=(predict-pod1 predict-pod2 proxy-pod1 proxy-pod2)
[ "$OVERLAY" != no-istio ] || deployments+=(headerroute-gateway)
for deployment in "${deployments[@]}"; do
    run "${kube[@]}" rollout status "deployment/$deployment" --timeout 300s
done
echo "done; now send the photos from outside: k8s/run_gke_request.sh"
