#!/usr/bin/env bash
# The whole system on this machine: gateway, two proxies, two predict servers, and a client that sends
# photos with two values of the routing header.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: ./demo.sh [--keep | --stop]

  --keep   leave the system running and print where it listens and how to stop it
  --stop   stop what an earlier --keep left running, do nothing else
  --help   this text

Installs missing Debian packages (as root, or with sudo), builds into build/release, starts five
servers on loopback addresses, one a pod, and sends the pictures of photos/ twice: with the header
target: condition1, and with target: condition2. Prints which pods served each, and writes the
cut-outs and a contact sheet to out_images1/ and out_images2/.
USAGE
}

keep=0 stop=0
while [ $# -gt 0 ]; do
    case $1 in
    --keep) keep=1 ;;
    --stop) stop=1 ;;
    --help | -h) usage; exit 0 ;;
    *) echo "demo.sh: unknown argument '$1' (try --help)" >&2; exit 2 ;;
    esac
    shift
done

cd "$(dirname "$(readlink -f "$0")")"
bin=$PWD/build/release/bin
state=$PWD/build/demo # logs, reports, and the pids of what runs
mkdir -p "$state"
python=/usr/bin/python3 # Debian's, which has Debian's modules
[ -x $python ] || python=python3

# What the servers would take from the caller's environment is settled here instead.
for v in "${!HR_@}" "${!GRAB_CUT_@}" PREDICT_SERVER_URL POD_NAME; do unset "$v"; done

say() { printf '\n== %s\n' "$*"; }
die() { printf 'demo.sh: %s\n' "$*" >&2; exit 1; }

# ---- stopping: only processes that this script started and that still run our programs ----

declare -A started # by this run: pids that nobody else can have got meanwhile
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

say "building into build/release"
configure=(cmake --preset release)
# A first build here leaves the tests out, which need packages that the demo does not; test.sh puts them in.
[ -f build/release/CMakeCache.txt ] || configure+=(-DHR_BUILD_TESTS=OFF)
built() {
    "${configure[@]}" && cmake --build --preset release -j"$(nproc)" \
        --target headerroute-gateway headerroute-proxy headerroute-predict python
}
built >"$state/build.log" 2>&1 || { tail -n 40 "$state/build.log" >&2; die "the build failed; all of it: $state/build.log"; }
echo "built"

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

in_use() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

start() { # NAME ADDRESS PORT COMMAND...
    local name=$1 address=$2 port=$3
    shift 3
    in_use "$address" "$port" && die "$address:$port is in use; what listens there must stop first (ss -ltnp shows it)"
    # A session of its own: Ctrl-C reaches this script alone, which then stops the servers in order.
    setsid "$@" --listen "$address:$port" --name "$name" </dev/null >"$state/$name.log" 2>&1 9>&- &
    local pid=$! deadline=$((SECONDS + 20))
    started[$pid]=1
    echo "$pid" >>"$state/pids"
    until [ "$(curl -s -o /dev/null -m 2 -w '%{http_code}' "http://$address:$port/ready")" = 200 ]; do
        kill -0 "$pid" 2>/dev/null || { cat "$state/$name.log" >&2; die "$name did not start"; }
        [ $SECONDS -lt $deadline ] || { tail -n 20 "$state/$name.log" >&2; die "$name is not ready after 20 s"; }
        sleep 0.05
    done
    printf '%-13s %s:%s\n' "$name" "$address" "$port"
}

say "starting"
start predict-pod1 127.0.0.21 5010 env GRAB_CUT_ITERS=1 "$bin/headerroute-predict"
start predict-pod2 127.0.0.22 5011 env GRAB_CUT_ITERS=10 "$bin/headerroute-predict"
start proxy-pod1 127.0.0.11 5000 env PREDICT_SERVER_URL=http://127.0.0.21:5010 "$bin/headerroute-proxy"
start proxy-pod2 127.0.0.12 5000 env PREDICT_SERVER_URL=http://127.0.0.22:5011 "$bin/headerroute-proxy"
page=()
[ $keep = 1 ] && page=(--ui /ui --ui-samples photos)
start gateway 127.0.0.1 5000 "$bin/headerroute-gateway" -f k8s/base -f k8s/local "${page[@]}"

# ---- using it ----

quiet=()
[ -t 2 ] || quiet=(--no-progress)
send() { # VALUE FOLDER REPORT
    say "sending photos/ with target: $1"
    PYTHONPATH=build/release/python PYTHONDONTWRITEBYTECODE=1 $python services/client/headerroute-request \
        --host 127.0.0.1 --port 5000 --headers_target_value "$1" --in_images_dir photos --out_images_dir "$2" \
        --config k8s/base --config k8s/local --report "$3" "${quiet[@]}" || die "not every photo was served"
}
send condition1 out_images1 "$state/condition1.jsonl"
send condition2 out_images2 "$state/condition2.jsonl"

say "who served what"
$python scripts/demo_report.py --photos photos \
    --run condition1 "1 iteration" "$state/condition1.jsonl" out_images1 \
    --run condition2 "10 iterations" "$state/condition2.jsonl" out_images2

if [ $keep = 1 ]; then
    say "left running"
    cat <<KEPT
gateway   http://127.0.0.1:5000     one more: services/client/headerroute-request --in_images_dir photos \\
                                    --headers_target_value condition1 --out_images_dir out_images1
page      http://127.0.0.1:5000/ui/  try it in a browser; it shows the routing rules to whoever can open it
proxies   http://127.0.0.11:5000    http://127.0.0.12:5000
predict   http://127.0.0.21:5010    http://127.0.0.22:5011
logs      $state/*.log
stop      ./demo.sh --stop
KEPT
fi
