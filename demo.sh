#!/usr/bin/env bash
# The whole system on this machine: gateway, proxies, predict servers, and a client that sends photos with
# different values of the routing header.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: ./demo.sh [--keep] [--port N]
       ./demo.sh --stop

  --keep    leave the system running and print where it listens and how to stop it
  --port N  let the gateway listen on 127.0.0.1:N (default: 5000)
  --stop    stop what an earlier --keep left running, do nothing else
  --help    this text

Installs missing Debian packages (as root, or with sudo), builds into build/release, starts the servers of
k8s/local/endpoints.yaml on loopback addresses, one a pod, and sends the photos of photos/ once for each
model: with the header target: condition1, and with target: condition2. Prints which pods served each
photo, and writes the cut-outs and a contact sheet to out_images1/ and out_images2/.
USAGE
}

keep=0 stop=0 port=5000
while [ $# -gt 0 ]; do
    case $1 in
    --keep) keep=1 ;;
    --stop) stop=1 ;;
    --port | --port=*)
        case $1 in *=*) port=${1#*=} ;; *) port=${2:-} && shift ;; esac
        [[ $port =~ ^[1-9][0-9]{0,4}$ ]] && [ "$port" -le 65535 ] || {
            echo "demo.sh: --port: expected a number from 1 to 65535, got '$port'" >&2
            exit 2
        }
        ;;
    --help | -h) usage; exit 0 ;;
    *) echo "demo.sh: unknown argument '$1' (try --help)" >&2; exit 2 ;;
    esac
    [ $# -eq 0 ] || shift
done

cd "$(dirname "$(readlink -f "$0")")"
bin=$PWD/build/release/bin
state=$PWD/build/demo # logs, reports, and the pids of what runs
pods=k8s/local/endpoints.yaml # what is started, and what is sent
mkdir -p "$state"
python=/usr/bin/python3 # Debian's, which has Debian's modules
[ -x $python ] || python=python3

# Variables of the caller's environment that the servers would read are set here instead.
for v in "${!HR_@}" "${!GRAB_CUT_@}" PREDICT_SERVER_URL POD_NAME; do unset "$v"; done

say() { printf '\n== %s\n' "$*"; }
die() { printf 'demo.sh: %s\n' "$*" >&2; exit 1; }

# ---- stopping: only processes that this script started and that still run our programs ----

declare -A started # by this run: pids that no other process can have received meanwhile
ours() { # PID: is it alive, and a server that this run or an earlier one started?
    # No bare `return` here: within a trap it gives the status from before the trap.
    if [ -n "${started[$1]:-}" ]; then
        kill -0 "$1" 2>/dev/null
    else
        [[ "$(readlink "/proc/$1/exe" 2>/dev/null)" == "$bin"/headerroute-* ]]
    fi
}

stop_all() { # asks all to drain, waits, and ends what does not
    local pid pids=() deadline=$((SECONDS + 15)) # the servers' own drain takes at most 10 s
    [ -f "$state/pids" ] || return 0
    while read -r pid; do ours "$pid" && pids+=("$pid"); done <"$state/pids"
    for pid in "${pids[@]}"; do kill -TERM "$pid" 2>/dev/null || true; done
    for pid in "${pids[@]}"; do
        while ours "$pid" && [ $SECONDS -lt $deadline ]; do sleep 0.05; done
        if ours "$pid"; then kill -KILL "$pid" 2>/dev/null || true; fi
    done
    rm -f "$state/pids"
}

exec 9>"$state/lock"
flock -n 9 || die "another demo.sh is at work in this folder"
if [ $stop = 1 ]; then
    [ -f "$state/pids" ] || { echo "nothing to stop"; exit 0; }
    stop_all
    echo "stopped"
    exit 0
fi
if [ -f "$state/pids" ]; then
    say "stopping what an earlier run left"
    stop_all
fi

# ---- setting up ----

say "setting up"
scripts/install-deps.sh build demo
# Before the build, which takes longer. The demo does not wait for another program to release an address.
plan=$("$python" scripts/demo_pods.py "$pods" --check-free "127.0.0.1:$port") || exit 1

# Shows Ninja's "[done/all]" instead of its lines: a counter on a terminal, quarters elsewhere.
show_progress() {
    local line percent shown=0
    while IFS= read -r line; do
        [[ $line =~ ^\[([0-9]+)/([0-9]+)\] ]] || continue
        percent=$((100 * BASH_REMATCH[1] / BASH_REMATCH[2]))
        if [ -t 1 ]; then
            printf '\rbuilding: %d of %d steps' "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}"
        elif [ $((percent / 25)) -gt $((shown / 25)) ]; then
            printf 'building: %d %%\n' "$percent"
        fi
        shown=$percent
    done
    if [ -t 1 ] && [ "$shown" != 0 ]; then echo; fi
}

say "building into build/release"
if [ ! -d build/release/bin ]; then
    # An estimate for two cores: 130 s of CPU time and 150 MB.
    echo "the first build takes about $((130 / $(nproc) / 60 + 1)) minutes on this machine and 150 MB of disk"
fi
build() {
    cmake --preset release >"$state/build.log" 2>&1 &&
        NINJA_STATUS='[%f/%t] ' cmake --build --preset release -j"$(nproc)" \
            --target headerroute-gateway headerroute-proxy headerroute-predict headerroute-cli python 2>&1 |
        tee -a "$state/build.log" | show_progress
}
build || { tail -n 40 "$state/build.log" >&2; die "the build failed; all of its output: $state/build.log"; }
echo "built; the command line tool is build/release/bin/headerroute"

# ---- starting ----

finish() {
    local status=$?
    trap - EXIT INT TERM HUP
    if [ $keep = 0 ] || [ $status != 0 ]; then
        say "stopping"
        stop_all
        [ $status = 0 ] && echo "stopped"
    fi
    exit "$status"
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

start() { # NAME ADDRESS PORT COMMAND...
    local name=$1 address=$2 at=$3
    shift 3
    # A new session: Ctrl-C reaches only this script, which then stops the servers in order.
    setsid "$@" --listen "$address:$at" --name "$name" </dev/null >"$state/$name.log" 2>&1 9>&- &
    local pid=$! deadline=$((SECONDS + 20))
    started[$pid]=1
    echo "$pid" >>"$state/pids"
    until [ "$(curl -s -o /dev/null -m 2 -w '%{http_code}' "http://$address:$at/ready")" = 200 ]; do
        kill -0 "$pid" 2>/dev/null || { cat "$state/$name.log" >&2; die "$name did not start"; }
        [ $SECONDS -lt $deadline ] || { tail -n 20 "$state/$name.log" >&2; die "$name is not ready after 20 s"; }
        sleep 0.05
    done
    printf '%-13s %s:%s\n' "$name" "$address" "$at"
}

say "starting"
values=() labels=() kept=()
while IFS=$'\t' read -ra part; do
    case ${part[0]} in
    server)
        start "${part[1]}" "${part[2]}" "${part[3]}" env "${part[@]:5}" "$bin/${part[4]}"
        kept+=("${part[1]}"$'\t'"http://${part[2]}:${part[3]}")
        ;;
    run) values+=("${part[1]}") labels+=("${part[2]}") ;;
    esac
done <<<"$plan"
page=()
[ $keep = 1 ] && page=(--ui /ui --ui-samples photos)
start gateway 127.0.0.1 "$port" "$bin/headerroute-gateway" -f k8s/base -f k8s/local "${page[@]}"

# ---- using it ----

quiet=()
[ -t 2 ] || quiet=(--no-progress)
send() { # VALUE FOLDER REPORT
    say "sending photos/ with target: $1"
    PYTHONPATH=build/release/python PYTHONDONTWRITEBYTECODE=1 "$python" services/request/headerroute-request \
        --host 127.0.0.1 --port "$port" --headers_target_value "$1" --in_images_dir photos --out_images_dir "$2" \
        --config k8s/base --config k8s/local --report "$3" "${quiet[@]}" || die "not every photo was served"
}
runs=()
for i in "${!values[@]}"; do
    value=${values[$i]} folder=out_images$((i + 1)) report=$state/${values[$i]}.jsonl
    send "$value" "$folder" "$report"
    runs+=(--run "$value" "${labels[$i]}" "$report" "$folder")
done

say "who served what"
"$python" scripts/demo_report.py --photos photos "${runs[@]}"

if [ $keep = 1 ]; then
    say "left running"
    cat <<KEPT
gateway       http://127.0.0.1:$port      one more: services/request/headerroute-request --port $port --in_images_dir photos \\
                                         --headers_target_value ${values[0]} --out_images_dir out_images1
page          http://127.0.0.1:$port/ui/  try it in a browser; it shows the routing rules to everyone who can open it
KEPT
    for line in "${kept[@]}"; do printf '%-13s %s\n' "${line%%$'\t'*}" "${line#*$'\t'}"; done
    printf '%-13s %s\n' logs "$state/*.log" stop "./demo.sh --stop"
fi
