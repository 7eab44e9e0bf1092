# Sourced by up.sh: the network of a node. It has no uplink: what isn't the node, a pod or a Service is unreachable at once.

make_network() {
  local first_netns=smi-mesh-$cluster-node-1 first_pods=198.18.1.0/24
  ip netns list | grep -q "^$netns\b" && return
  ip netns add "$netns"
  local inside="ip -n $netns"
  $inside link set lo up
  if [ "$node" = node-1 ]; then
    $inside link add wire type bridge # holds the node's address; further nodes are plugged in here
  else
    ip -n "$first_netns" link add "$node" type veth peer name wire netns "$netns"
    ip -n "$first_netns" link set "$node" master wire up
    ip -n "$first_netns" route add "$node_pods" via "$node_address"
  fi
  $inside link set wire up
  $inside addr add "$node_address/24" dev wire
  [ "$node" = node-1 ] || $inside route add "$first_pods" via "$api"
  # routes come before nat: without one to the Services, a process of the node couldn't reach them
  $inside route add "$services" dev wire src "$node_address"
  $inside route add unreachable default metric 4096
  nsenter --net="/run/netns/$netns" sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.route_localnet=1
  # only there when the kernel has br_netfilter, and only then needed
  nsenter --net="/run/netns/$netns" sysctl -qw net.bridge.bridge-nf-call-iptables=1 2>/dev/null || true
}
