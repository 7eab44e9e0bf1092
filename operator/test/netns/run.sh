#!/bin/sh
# Runs the tests that need network namespaces, in a namespace of their own without a way out. Needs root, ip, nft, iptables, curl.
set -eu
if [ "$(id -u)" != 0 ]; then
  echo "Skipped: every *.netns-test.ts (rules of the kernel, capture, probes and draining in real network namespaces) needs root." >&2
  exit 0
fi
for program in ip nft iptables-restore ip6tables-restore unshare setpriv curl; do
  command -v "$program" >/dev/null || { echo "Skipped: every *.netns-test.ts needs the program $program." >&2; exit 0; }
done
exec unshare --net -- node --test --test-force-exit --test-timeout=240000 --test-concurrency=1 "$@"
