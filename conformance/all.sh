#!/bin/bash
# all.sh  The whole suite: asked of the model, of real Envoys, and in a cluster that is made for it and ended with it, however
# this ends: without any mesh, with the mesh as its chart installs it, and with a mesh that is wrong. Reports are in
# conformance-results/; the table at the end says what came of each part.
set -uo pipefail
set -m # each part is a group of processes, so that it can be ended as a whole
cd "$(dirname "$0")/.."
export CLUSTER=${CLUSTER:-conformance} PATH=$PWD/node_modules/.bin:$PWD/.tools/bin:$PATH
results=$PWD/conformance-results
export KUBECONFIG=$PWD/.cluster/$CLUSTER/kubeconfig
rm -rf "$results" && mkdir -p "$results"
rows=() failed=0 running=

# part NAME COMMAND...  runs it, keeps what it says, and notes the last line of it
part() {
  local name=$1 log=$results/${1//[^a-z]/-}.log began=$SECONDS verdict=passed
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
  printf '\n%s\n' "What the suite found, in $SECONDS s (reports: conformance-results/)"
  [ ${#rows[@]} = 0 ] || printf '%s\n' "${rows[@]}"
  exit "${1:-$failed}"
}
trap finish EXIT
trap 'finish 130' INT TERM HUP

suite() { node conformance/src/run.ts "$@" --report "$results"; }
steps() { node conformance/kuttl/run.ts "$@"; }
faults() { node conformance/src/run.ts faults "$@" --report "$results"; }

# Every case that takes a mesh has to fail, and every case of the public suite.
without_mesh() {
  local none=conformance/meshes/none.yaml steps suite
  kubectl apply --server-side --filename smi-crds/crds >/dev/null || return 1
  steps --mesh $none --red >"$results/without-a-mesh--public-suite.log" 2>&1 &
  steps=$!
  suite --driver cluster --mesh $none --red
  suite=$?
  wait $steps || { cat "$results/without-a-mesh--public-suite.log"; return 1; }
  kubectl delete --filename smi-crds/crds >/dev/null || return 1 # the chart brings them
  return $suite
}

chart() {
  helm install smi-mesh helm/smi-mesh --namespace smi-mesh --create-namespace \
    --values conformance/cluster/manifests/mesh-values.yaml --wait --timeout 180s >/dev/null && echo 'The chart is installed.'
}

# The same mesh, with an operator that can be told to be wrong.
faulty_mesh() {
  kubectl --namespace smi-mesh logs deployment/smi-mesh >"$results/operator.log" 2>&1
  kubectl --namespace smi-mesh set image deployment/smi-mesh operator=localhost/smi-mesh-test/faulty-operator:1 &&
    kubectl --namespace smi-mesh rollout status deployment/smi-mesh --timeout 180s >/dev/null &&
    faults --driver cluster
}

part 'model' suite
part 'model, seeded faults' faults
part 'envoy' suite --driver envoy
part 'envoy, seeded faults' faults --driver envoy
if part 'cluster up' conformance/cluster/up.sh; then
  part 'cluster without a mesh' without_mesh
  if part 'chart' chart; then
    part 'cluster' suite --driver cluster
    part 'public suite (kuttl)' steps --report "$results"
    part 'cluster, seeded faults' faulty_mesh
  fi
fi
