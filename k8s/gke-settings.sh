# shellcheck shell=bash
# What the three GKE scripts share: settings from the environment, their checks, and how commands are run.
# Sourced, not run.

# The default of PROJECT is gcloud's own; all other settings have defaults that work.
REGION=${REGION:-us-central1}
ZONE=${ZONE:-$REGION-b}
CLUSTER=${CLUSTER:-headerroute}
MACHINE_TYPE=${MACHINE_TYPE:-e2-standard-2} # Istio's control plane and eight half-core pods fit on two
NODES=${NODES:-2}
REPOSITORY=${REPOSITORY:-headerroute} # in Artifact Registry
OVERLAY=${OVERLAY:-gke}
# Marks what run_gke.sh made: delete_gke.sh touches nothing without it.
MARK=made-by=headerroute-run-gke

settings_help() {
    cat <<'HELP'
Settings, by environment:
  PROJECT       Google Cloud project (default: gcloud's current one)
  REGION, ZONE  default us-central1, REGION-b
  CLUSTER       name of the cluster, default headerroute
  MACHINE_TYPE  default e2-standard-2;  NODES  default 2
  REPOSITORY    Artifact Registry repository, default headerroute
  OVERLAY       folder of k8s/overlays to apply, default gke
HELP
}

die() {
    echo "${0##*/}: $*" >&2
    exit 1
}

need() {
    local tool
    for tool in "$@"; do
        command -v "$tool" >/dev/null || die "'$tool' is not installed; see docs/kubernetes.md"
    done
}

# Prints each command; with --dry-run does nothing else.
run() {
    printf '+ %s\n' "$(printf '%q ' "$@")"
    [ "${dry_run:-0}" = 1 ] || "$@"
}

check_settings() {
    if [ -z "${PROJECT:-}" ]; then
        PROJECT=$(gcloud config get-value project 2>/dev/null || true)
        if [ -z "$PROJECT" ] || [ "$PROJECT" = "(unset)" ]; then
            die "no project: set PROJECT, or run 'gcloud config set project NAME'"
        fi
    fi
    [[ $PROJECT =~ ^[a-z][a-z0-9:.-]{4,61}[a-z0-9]$ ]] || die "PROJECT '$PROJECT' is not a project id"
    [[ $REGION =~ ^[a-z]+-[a-z]+[0-9]+$ ]] || die "REGION '$REGION' is not a region, such as us-central1"
    [[ $ZONE == "$REGION"-[a-z] ]] || die "ZONE '$ZONE' does not lie in the region '$REGION'"
    [[ $CLUSTER =~ ^[a-z][a-z0-9-]{0,38}[a-z0-9]$ ]] || die "CLUSTER '$CLUSTER' is not a cluster name"
    [[ $NODES =~ ^[1-9][0-9]*$ ]] || die "NODES '$NODES' is not a number of nodes"
    [[ $REPOSITORY =~ ^[a-z][a-z0-9-]{0,61}[a-z0-9]$ ]] || die "REPOSITORY '$REPOSITORY' is not a repository name"
    [ -f "k8s/overlays/$OVERLAY/kustomization.yaml" ] || die "OVERLAY '$OVERLAY' is not a folder of k8s/overlays"
    # shellcheck disable=SC2034 # for the scripts that source this
    REGISTRY=$REGION-docker.pkg.dev/$PROJECT/$REPOSITORY
}

# "ours", "foreign" or "absent"
cluster_state() {
    local label
    label=$(gcloud container clusters list --project "$PROJECT" --zone "$ZONE" --filter "name=$CLUSTER" \
        --format 'value(name,resourceLabels.list())') || die "gcloud cannot list the clusters of $PROJECT"
    case $label in
    '') echo absent ;;
    *"$MARK"*) echo ours ;;
    *) echo foreign ;;
    esac
}

# Every later kubectl call names this context, so that another current cluster is never touched.
context() {
    echo "gke_${PROJECT}_${ZONE}_${CLUSTER}"
}
