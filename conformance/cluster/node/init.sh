#!/bin/bash
# node/init.sh NODE READY  First process of a node's namespaces: prepares the mounts, touches READY, and reaps. Killing it
# from outside ends every process of the node, and with the last of them go all its mounts.
set -eu
mount --make-rprivate /

# ip netns exec would remount /sys and hide the control groups; this keeps them below the /sys of the new network
groups=$(mktemp -d)
mount --rbind /sys/fs/cgroup "$groups"
mount -t sysfs sysfs /sys
mount --rbind "$groups" /sys/fs/cgroup
umount -l "$groups"
rmdir "$groups"

# paths that kubelet, containerd, runc and the network plugins can't be told otherwise: every node gets its own
for folder in /var/lib/kubelet /var/lib/cni /var/log/pods /var/log/containers /opt/containerd /run/containerd /run/runc; do
  mkdir -p "$folder"
  mount -t tmpfs -o mode=0755 tmpfs "$folder"
done
mount --make-rshared / # what kubelet mounts has to be seen by containerd and the other way round
hostname "$1"
touch "$2"

trap 'exit 0' TERM INT
while :; do sleep infinity & wait $!; done
