#!/bin/bash
# down.sh  Ends the cluster named by CLUSTER and leaves nothing of it but logs and certificates. Safe to call at any time,
# and again.
set -uo pipefail
source "$(dirname "$0")/settings.sh"
require_root
mkdir -p "$runs"
exec 9>"$runs/$cluster.lock"
flock --wait 60 9 || { echo "Cluster $cluster is being started or ended by another process." >&2; exit 1; }

owner=$(cat "$run/checkout" 2>/dev/null || echo "$checkout")
if [ "$owner" != "$checkout" ] && [ -d "$owner" ]; then
  echo "Cluster $cluster belongs to $owner: end it there." >&2
  exit 1
fi

# the first process of a node's namespace ends all others of it, wherever they are
for file in "$run"/*/pids/init; do
  alive "$file" || continue
  pid=$(cut -d' ' -f1 "$file")
  kill -KILL "$pid"
  while [ -d "/proc/$pid" ]; do sleep 0.05; done
done
for number in 1 2; do
  use_node "$number"
  # tests run clients and operators in the node's network without its other namespaces
  ip netns pids "$netns" 2>/dev/null | xargs -r kill -KILL
  ip netns del "$netns" 2>/dev/null
  # deepest first; a group is let go a moment after its last process
  for _ in $(seq 50); do
    find /sys/fs/cgroup -depth -type d -path "*/$group*" -exec rmdir {} + 2>/dev/null
    [ -z "$(find /sys/fs/cgroup -maxdepth 3 -type d -path "*/$group*" 2>/dev/null | head -1)" ] && break
    sleep 0.1
  done
done
rm -rf "$run" "$state/etcd" "$state/kubeconfig"
for folder in "$state"/node-*; do
  rm -rf "$folder"/{containerd,kubelet,kubelet-pki,pod-logs,volume-plugins,images,conf}
done
# settings of the machine come back with the last cluster
if [ -f "$runs/sysctl" ] && ! ls -d "$runs"/*/ >/dev/null 2>&1; then
  sed 's/ = /=/' "$runs/sysctl" | xargs -r sysctl -qw 2>/dev/null
  rm -f "$runs/sysctl"
fi
echo "cluster $cluster is down"
