#!/usr/bin/env bash
# Runs h2spec, a conformance suite for HTTP/2, against headerroute-predict.
set -euo pipefail

usage() {
    cat <<'USAGE'
usage: [H2SPEC=PATH] scripts/test-h2spec.sh [BUILD-DIR]

Builds h2spec outside the tree and runs it against headerroute-predict of BUILD-DIR (default: build/release). Needs Go and the Go
module proxy, or H2SPEC=PATH of a program that was built before. docs/http.md gives the reason for each exception.
USAGE
}

case ${1:-} in --help | -h) usage; exit 0 ;; -*) echo "test-h2spec.sh: unknown flag '$1' (try --help)" >&2; exit 2 ;; esac
cd "$(dirname "$(readlink -f "$0")")/.."
build=${1:-build/release}
[ -x "$build/bin/headerroute-predict" ] || { echo "test-h2spec.sh: $build/bin/headerroute-predict does not exist: build it first" >&2; exit 1; }
version=v2.2.1+incompatible
exceptions='Sends invalid connection preface|Sends stream identifier that is numerically smaller than previous'

work=$(mktemp -d)
server=
trap '[ -z "$server" ] || kill "$server"; rm -rf "$work"' EXIT
h2spec=${H2SPEC:-$work/h2spec}
[ -x "$h2spec" ] || GOBIN=$work GOPATH=$work/go GOFLAGS=-modcacherw go install "github.com/summerwind/h2spec/cmd/h2spec@$version"

"$build/bin/headerroute-predict" --listen 127.0.0.1:0 >"$work/log" 2>"$work/messages" &
server=$!
port=
for _ in $(seq 100); do
    port=$(sed -n 's/.* listens on 127.0.0.1:\([0-9]*\).*/\1/p' "$work/log" "$work/messages")
    [ -z "$port" ] || break
    sleep 0.1
done
"$h2spec" -h 127.0.0.1 -p "$port" --path /health --timeout 2 >"$work/result" || true
tail -n 1 "$work/result"
# The failures are repeated at the end of the report.
failed=$(sed -n 's/^ *× [0-9]*: //p' "$work/result" | sort -u)
unexpected=$(grep -Ev "^($exceptions)\$" <<<"$failed" || true)
grep -q 'tests, .* passed' "$work/result" || { echo "h2spec did not run" >&2; exit 1; }
[ -z "$unexpected" ] || { printf 'not among the exceptions:\n%s\n' "$unexpected" >&2; exit 1; }
