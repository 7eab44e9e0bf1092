#!/bin/bash
# all.sh  The whole suite: asked of the model, of real Envoys, and of the mesh in a cluster that is made for it and ended with it,
# however this ends. Reports are in conformance-results/; the table at the end says what came of each part.
set -uo pipefail
set -m # each part is a group of processes, so that it can be ended as a whole
cd "$(dirname "$0")/.."
export CLUSTER=${CLUSTER:-conformance} PATH=$PWD/node_modules/.bin:$PWD/.tools/bin:$PATH
results=$PWD/conformance-results kubeconfig=$PWD/.cluster/$CLUSTER/kubeconfig
rm -rf "$results" && mkdir -p "$results"
rows=() failed=0 running=

# part NAME COMMAND...  runs it, keeps what it says, and notes the last line of it
part() {
  local name=$1 log=$results/${1// /-}.log began=$SECONDS verdict=passed
  shift
  echo "== $name"
  "$@" >"$log" 2>&1 </dev/null & # a signal is heeded while waiting, and not only afterwards
  running=$!
  wait "$running" || { verdict=FAILED failed=1 && tail -n 25 "$log"; }
  running=
  rows+=("$(printf '%-28s %-7s %4d s  %s' "$name" "$verdict" $((SECONDS - began)) "$(grep -v '^ *$' "$log" | tail -n 1 | cut -c1-90)")")
  [ "$verdict" = passed ]
}

finish() {
  trap '' EXIT INT TERM HUP
  if [ -n "$running" ]; then
    kill -- "-$running"
    wait "$running"
  fi 2>/dev/null
  conformance/cluster/down.sh >"$results/down.log" 2>&1 || failed=1
  printf '\n%s\n' "What the suite found (reports: conformance-results/)"
  [ ${#rows[@]} = 0 ] || printf '%s\n' "${rows[@]}"
  exit "${1:-$failed}"
}
trap finish EXIT
trap 'finish 130' INT TERM HUP

suite() { node conformance/src/run.ts "$@" --report "$results"; }
mesh() { helm --kubeconfig "$kubeconfig" install smi-mesh helm/smi-mesh --namespace smi-mesh --create-namespace \
  --values conformance/cluster/manifests/mesh-values.yaml --wait --timeout 120s >/dev/null && echo 'The chart is installed.'; }
what_was_logged() { kubectl --kubeconfig "$kubeconfig" -n smi-mesh logs deployment/smi-mesh >"$results/operator.log" 2>&1; }

part 'model' suite
part 'seeded faults, model' node conformance/src/run.ts faults
part 'envoy' suite --driver envoy
if part 'cluster up' conformance/cluster/up.sh && part 'chart' mesh; then
  part 'cluster' suite --driver cluster --kubeconfig "$kubeconfig"
  part 'public suite (kuttl)' node conformance/kuttl/run.ts --kubeconfig "$kubeconfig" --report "$results"
  what_was_logged
fi
