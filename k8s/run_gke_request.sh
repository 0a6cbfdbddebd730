#!/usr/bin/env bash
# Sends the photos from outside, with both values of the header, and shows that each went to its model.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
. k8s/gke-settings.sh

usage() {
    echo "usage: k8s/run_gke_request.sh [--dry-run] [--photos DIR]"
    echo
    echo "Looks up the address of the ingress gateway, waits until it answers, and sends every photo twice:"
    echo "target: condition1 must be served by proxy-pod1 and predict-pod1, condition2 by the others."
    echo "Exit 1 if any answer failed or came from another pod. Results: out_images1/, out_images2/."
    echo
    settings_help
}

dry_run=0 photos=photos
while [ $# -gt 0 ]; do
    case $1 in
    --dry-run) dry_run=1 ;;
    --photos)
        [ $# -ge 2 ] || { echo "run_gke_request.sh: --photos needs a folder" >&2; exit 2; }
        photos=$2
        shift
        ;;
    --help) usage; exit 0 ;;
    *) echo "run_gke_request.sh: unknown argument '$1' (try --help)" >&2; exit 2 ;;
    esac
    shift
done

need gcloud kubectl curl
[ -d "$photos" ] || die "no folder '$photos'"
check_settings
python=/usr/bin/python3
[ -x "$python" ] || python=python3

service=(-n istio-ingress get service istio-ingressgateway)
[ "$OVERLAY" != no-istio ] || service=(get service headerroute-gateway)
address=''
if [ "$dry_run" = 1 ]; then
    run kubectl --context "$(context)" "${service[@]}" -o 'jsonpath={.status.loadBalancer.ingress[0].ip}'
    address=ADDRESS
else
    echo "waiting for the load balancer's address (up to 5 minutes)"
    for _ in $(seq 60); do
        address=$(kubectl --context "$(context)" "${service[@]}" -o 'jsonpath={.status.loadBalancer.ingress[0].ip}' || true)
        [ -n "$address" ] && curl -s -o /dev/null -m 5 "http://$address/health" && break
        sleep "${WAIT_SECONDS:-5}"
    done
    [ -n "$address" ] || die "the ingress gateway got no address; see 'kubectl get events'"
fi

status=0
# send VALUE POD OUT: every answer's Via must name the proxy and the model of that value.
send() {
    local report
    report=$(mktemp)
    run "$python" services/request/headerroute-request --host "$address" --port 80 --headers_target_value "$1" \
        --in_images_dir "$photos" --out_images_dir "$3" --report "$report" || status=1
    [ "$dry_run" = 1 ] && { rm -f "$report"; return; }
    "$python" - "$report" "$1" "$2" <<'PYTHON' || status=1
import json, sys
report, value, pod = sys.argv[1:]
wrong = 0
for line in open(report):
    answer = json.loads(line)
    via = answer.get("via") or []
    pods = [p for p in via if f"proxy-pod{pod}" in p or f"predict-pod{pod}" in p]
    good = any("proxy" in p for p in pods) and any("predict" in p for p in pods)
    wrong += not good
    print(f"{answer.get('file', '?'):24} target: {value:12} {' > '.join(via) or 'no Via':50} {'ok' if good else 'WRONG POD'}")
sys.exit(wrong > 0)
PYTHON
    rm -f "$report"
}
send condition1 1 out_images1
send condition2 2 out_images2
exit $status
