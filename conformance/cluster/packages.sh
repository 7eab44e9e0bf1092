#!/bin/bash
# packages.sh  Installs what a node takes from the system: tools of kube-proxy and the sidecar, shell and database of test images.
set -euo pipefail
missing=()
for package in iproute2 iptables nftables conntrack busybox-static libseccomp-dev pkg-config procps socat ethtool curl openssl gcc libc6-dev \
  mariadb-server-core mariadb-client-core; do
  dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q '^install ok installed$' || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
  apt-get update -qq
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
else
  echo "Missing: ${missing[*]}. Install them (on Debian: apt-get install ${missing[*]}), then run this again." >&2
  exit 1
fi
