#!/bin/bash
# up.sh [--level api|full] [--nodes 1|2] [--kwok NODES]  Starts what isn't running of the cluster named by CLUSTER. What it
# started it ends again when it can't finish, or is interrupted.
set -euo pipefail
source "$(dirname "$0")/settings.sh"
source "$here/node/certificates.sh"
source "$here/node/network.sh"
source "$here/node/configuration.sh"
source "$here/node/start.sh"

level=full nodes=1 fakes=0
while [ $# -gt 0 ]; do
  case $1 in
    --level) level=$2 ;;
    --nodes) nodes=$2 ;;
    --kwok) fakes=$2 ;;
    *) echo "usage: up.sh [--level api|full] [--nodes 1|2] [--kwok NODES]" >&2; exit 2 ;;
  esac
  shift 2
done
require_root
needed=(kube) node_js=$checkout/node_modules/.bin/node
[ "$level" = api ] || needed+=(containerd runc cni coredns pause)
[ "$fakes" = 0 ] || needed+=(kwok)
for tool in "${needed[@]}"; do
  [ -e "$bin/$tool" ] || { echo ".tools/bin/$tool is missing: run make cluster-tools (some minutes, once)." >&2; exit 1; }
done
[ "$level" = api ] || "$here/packages.sh"

started=$(date +%s%N)
say() { printf '%6.1f s  %s\n' "$((($(date +%s%N) - started) / 10000000))e-2" "$*"; }
kubectl() { in_node "$bin/kubectl" --kubeconfig "$state/pki/admin.kubeconfig" "$@"; }

mkdir -p "$run" "$state"
exec 9>"$runs/$cluster.lock"
flock --wait 300 9 || { echo "Cluster $cluster is being started or ended by another process for five minutes; look at it, or use CLUSTER=<another name>." >&2; exit 1; }
if [ -f "$run/checkout" ] && [ "$(cat "$run/checkout")" != "$checkout" ]; then
  echo "Cluster $cluster belongs to $(cat "$run/checkout"): end it there (make cluster-down), or use CLUSTER=<another name>." >&2
  exit 1
fi
echo "$checkout" >"$run/checkout"

use_node 1
if ! alive "$node_run/pids/init"; then
  trap '[ $? = 0 ] || { echo "cluster $cluster did not come up; logs: $state/node-*/log" >&2; exec 9>&-; "$here/down.sh"; }' EXIT
  trap 'exit 130' INT TERM HUP
fi

make_certificates
make_network
write_configuration
start_namespaces
start_control_plane
open_to_machine
if [ "$level" = full ]; then
  pack_images
  start_controller kube-scheduler
  for number in $(seq "$nodes"); do
    use_node "$number"
    make_network
    write_configuration
    start_namespaces
    start_node
  done
  use_node 1
  kubectl apply -f "$here/manifests/node.yaml" >/dev/null
  for number in $(seq "$nodes"); do
    wait_for "node-$number ready" 60 kubectl wait --for=condition=Ready "node/node-$number" --timeout=1s
  done
  wait_for "DNS" 90 kubectl -n kube-system wait --for=condition=Available deployment/coredns --timeout=1s
fi
[ "$fakes" = 0 ] || start_fakes "$fakes"
say "cluster $cluster is up: export KUBECONFIG=$state/kubeconfig"
