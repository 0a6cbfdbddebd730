#!/usr/bin/env bash
# Deletes the cluster that run_gke.sh made, and only that one.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. k8s/gke-settings.sh

usage() {
    echo "usage: k8s/delete_gke.sh [--dry-run] [--yes]"
    echo
    echo "Deletes the cluster with everything on it, if run_gke.sh made it. The images stay: they may be"
    echo "shared. The last lines say how to delete them."
    echo
    settings_help
}

dry_run=0 yes=0
while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry_run=1 ;;
    --yes) yes=1 ;;
    --help) usage; exit 0 ;;
    *) echo "delete_gke.sh: unknown argument '$1' (try --help)" >&2; exit 2 ;;
    esac
    shift
done

need gcloud kubectl
check_settings
case $(cluster_state) in
absent)
    echo "no cluster '$CLUSTER' in $ZONE: nothing to delete"
    exit 0
    ;;
foreign) die "the cluster '$CLUSTER' in $ZONE was not made by run_gke.sh; it is left alone" ;;
esac
if [ "$dry_run" = 0 ] && [ "$yes" = 0 ]; then
    read -r -p "Delete the cluster '$CLUSTER' of $PROJECT with everything on it? [y/N] " answer
    [[ $answer == [yY]* ]] || die "stopped; nothing was deleted"
fi
# The load balancer belongs to the Service: without this step it would remain after the cluster's deletion, and cost money.
run gcloud container clusters get-credentials "$CLUSTER" --project "$PROJECT" --zone "$ZONE"
run kubectl --context "$(context)" delete service --all-namespaces --field-selector spec.type=LoadBalancer --wait
run gcloud container clusters delete "$CLUSTER" --project "$PROJECT" --zone "$ZONE" --quiet
echo "the images are still in $REGISTRY; to delete them:"
echo "  gcloud artifacts repositories delete $REPOSITORY --project $PROJECT --location $REGION"
