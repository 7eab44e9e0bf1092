# Sourced by up.sh: namespaces and processes of a node. Everything here starts what isn't running and nothing else.

# kubelet writes these for the whole machine; the last cluster to go puts them back
machine_settings="vm.overcommit_memory vm.panic_on_oom kernel.panic kernel.panic_on_oops kernel.keys.root_maxkeys
  kernel.keys.root_maxbytes fs.inotify.max_user_instances fs.inotify.max_user_watches"

start_namespaces() {
  mkdir -p "$node_run/pids" "$node_state/log"
  alive "$node_run/pids/init" && return
  rm -f "$node_run"/pids/* "$node_run/ready"
  # shellcheck disable=SC2086
  [ -f "$runs/sysctl" ] || sysctl $machine_settings >"$runs/sysctl" 2>/dev/null || true
  # every container of every node takes some of these
  sysctl -qw fs.inotify.max_user_instances=8192 fs.inotify.max_user_watches=1048576 2>/dev/null || true
  make_group
  setsid nsenter --net="/run/netns/$netns" \
    unshare --mount --pid --uts --ipc --fork --mount-proc --kill-child=KILL -- \
    "$here/node/init.sh" "$node" "$node_run/ready" </dev/null >"$node_state/log/init.log" 2>&1 9>&- &
  local unshared=$!
  disown
  wait_for "namespaces of $node" 10 test -e "$node_run/ready"
  echo "$(pgrep -P "$unshared") init.sh" >"$node_run/pids/init"
}

# kubelet wants its group to be there already, in every hierarchy of version 1, with processors and memory filled in. On a
# busy machine a group counts as one process unless told otherwise, and this one holds all containers of a node: it counts as ten.
make_group() {
  local folder
  if [ -f /sys/fs/cgroup/cgroup.controllers ]; then
    sed 's/\(^\| \)/ +/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control || true
    mkdir -p "/sys/fs/cgroup/$group"
    echo 1000 >"/sys/fs/cgroup/$group/cpu.weight" || true
    return
  fi
  for folder in /sys/fs/cgroup/*/; do mkdir -p "$folder$group"; done
  for file in cpuset.cpus cpuset.mems; do
    cat "/sys/fs/cgroup/cpuset/$file" >"/sys/fs/cgroup/cpuset/$group/$file"
  done
  echo 10240 >"/sys/fs/cgroup/cpu/$group/cpu.shares"
}

# start NAME COMMAND...: a process of the node that outlives this script
start() {
  local name=$1 file=$node_run/pids/$1
  shift
  alive "$file" && return
  setsid nsenter --target "$(cut -d' ' -f1 "$node_run/pids/init")" --mount --net --pid --uts --ipc -- \
    env PATH="$bin:/usr/sbin:/usr/bin:/sbin:/bin" "$@" </dev/null >>"$node_state/log/$name.log" 2>&1 9>&- &
  echo "$! $(basename "$1")" >"$file"
  disown # or this shell would report its end when the cluster is taken down again
}

# wait_for WHAT SECONDS COMMAND...
wait_for() {
  local what=$1 deadline=$((SECONDS + $2))
  shift 2
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $deadline ]; then
      echo "$what: not there in time. What the processes of $node said last:" >&2
      tail -n 2 "$node_state"/log/*.log | cut -c1-300 >&2
      return 1
    fi
    sleep 0.1
  done
  say "$what"
}

start_control_plane() {
  local pki=$state/pki
  start etcd "$bin/etcd" --data-dir "$state/etcd" --unsafe-no-fsync --log-level warn --quota-backend-bytes 4294967296 \
    --listen-client-urls http://127.0.0.1:2379 --advertise-client-urls http://127.0.0.1:2379 \
    --listen-peer-urls http://127.0.0.1:2380 --initial-advertise-peer-urls http://127.0.0.1:2380 \
    --initial-cluster default=http://127.0.0.1:2380
  # aggregator routing: webhooks are called at the addresses of their Service, which works without kube-proxy as well
  start kube-apiserver "$bin/kube-apiserver" --etcd-servers=http://127.0.0.1:2379 \
    --bind-address=0.0.0.0 --advertise-address="$api" --secure-port=6443 --service-cluster-ip-range="$services" \
    --authorization-mode=Node,RBAC --enable-admission-plugins=NodeRestriction --allow-privileged=true \
    --enable-aggregator-routing=true --profiling=false --client-ca-file="$pki/ca.crt" \
    --tls-cert-file="$pki/apiserver.crt" --tls-private-key-file="$pki/apiserver.key" \
    --service-account-issuer=https://kubernetes.default.svc.cluster.local \
    --service-account-key-file="$pki/service-accounts.pub" --service-account-signing-key-file="$pki/service-accounts.key" \
    --kubelet-certificate-authority="$pki/ca.crt" --kubelet-preferred-address-types=InternalIP,Hostname \
    --kubelet-client-certificate="$pki/apiserver-kubelet.crt" --kubelet-client-key="$pki/apiserver-kubelet.key" \
    --requestheader-client-ca-file="$pki/front-proxy-ca.crt" --requestheader-allowed-names=front-proxy \
    --requestheader-username-headers=X-Remote-User --requestheader-group-headers=X-Remote-Group \
    --requestheader-extra-headers-prefix=X-Remote-Extra- \
    --proxy-client-cert-file="$pki/front-proxy.crt" --proxy-client-key-file="$pki/front-proxy.key" --v=1
  wait_for "API server" 120 kubectl get --raw /readyz
  start_controller kube-controller-manager --use-service-account-credentials=true --controllers='*' \
    --service-account-private-key-file="$pki/service-accounts.key" --root-ca-file="$pki/ca.crt" \
    --cluster-signing-cert-file="$pki/ca.crt" --cluster-signing-key-file="$pki/ca.key" --cluster-cidr="$pods"
  # until it is there, no pod can be created
  wait_for "default ServiceAccount" 60 kubectl get serviceaccount default
}

# The API server at a loopback port of the machine, so that kubectl, tests and editors reach it as any other cluster
open_to_machine() {
  local relay=$here/node/relay.ts
  start relay-inside "$node_js" "$relay" "$run/api.sock" "$api:6443"
  if ! alive "$node_run/pids/relay-outside"; then
    rm -f "$run/port"
    # in the node's process namespace, so that it ends with the node, but in the machine's network
    setsid nsenter --target "$(cut -d' ' -f1 "$node_run/pids/init")" --mount --pid --uts --ipc -- \
      "$node_js" "$relay" 127.0.0.1:0 "$run/api.sock" "$run/port" </dev/null >>"$node_state/log/relay.log" 2>&1 9>&- &
    echo "$! relay.ts" >"$node_run/pids/relay-outside"
    disown
    wait_for "way to the API server" 10 test -e "$run/port"
  fi
  (cd "$state/pki" && kubeconfig admin "https://127.0.0.1:$(cat "$run/port")") | keep "$state/kubeconfig"
  chmod 600 "$state/kubeconfig"
}

start_controller() { # NAME FLAG...
  local name=$1 config=$state/pki/$1.kubeconfig
  shift
  start "$name" "$bin/$name" --kubeconfig="$config" --authentication-kubeconfig="$config" \
    --authorization-kubeconfig="$config" --bind-address=127.0.0.1 --leader-elect=false --v=1 "$@"
}

start_node() {
  local addresses=--node-ip=$node_address
  start containerd "$bin/containerd" -c "$node_state/conf/containerd.toml"
  wait_for "containerd of $node" 30 in_node "$bin/ctr" -a "$node_run/containerd.sock" version
  import_images
  start kubelet "$bin/kubelet" --config="$node_state/conf/kubelet.yaml" --kubeconfig="$state/pki/kubelet-${node#node-}.kubeconfig" \
    --hostname-override="$node" "$addresses" --root-dir="$node_state/kubelet" --cert-dir="$node_state/kubelet-pki" --v=2
  start kube-proxy "$bin/kube-proxy" --config="$node_state/conf/kube-proxy.yaml" --v=2
}

# What is tested is always what is in the checkout. Two clusters share the archives.
pack_images() {
  mkdir -p "$checkout/.cluster/images"
  (flock 8 && "$node_js" "$here/images/pack.ts") 8>"$checkout/.cluster/images/lock"
}

# Only what this node hasn't had yet: an image that was packed again has another hash
import_images() {
  local archive hash name
  for archive in "$checkout"/.cluster/images/*.tar; do
    name=$(basename "$archive" .tar)
    hash=$(cat "$archive.digest")
    [ "$(cat "$node_state/images/$name" 2>/dev/null)" = "$hash" ] && continue
    in_node "$bin/ctr" -a "$node_run/containerd.sock" -n k8s.io images import --local "$archive" >>"$node_state/log/import.log" 2>&1
    mkdir -p "$node_state/images"
    echo "$hash" >"$node_state/images/$name"
    say "image $name"
  done
}

# Nodes and pods that exist in the API alone, for tests of size; at level api as well. A pod comes there by the node selector
# type=kwok and a toleration of kwok.x-k8s.io/node.
start_fakes() { # NODES
  local number
  for number in $(seq "$1"); do
    cat <<Y
---
apiVersion: v1
kind: Node
metadata: {name: fake-$number, annotations: {kwok.x-k8s.io/node: fake}, labels: {type: kwok, kubernetes.io/hostname: fake-$number}}
spec: {taints: [{key: kwok.x-k8s.io/node, value: fake, effect: NoSchedule}]}
Y
  done | kubectl apply -f - >/dev/null
  start_controller kube-scheduler
  start kwok "$bin/kwok" --kubeconfig="$state/pki/admin.kubeconfig" --config="$here/manifests/kwok.yaml" --cidr=198.18.128.0/17 \
    --node-ip=192.0.2.200 --manage-nodes-with-annotation-selector=kwok.x-k8s.io/node=fake --node-lease-duration-seconds=40
  wait_for "$1 nodes of kwok" 60 kubectl wait --for=condition=Ready node -l type=kwok --timeout=20s
}
