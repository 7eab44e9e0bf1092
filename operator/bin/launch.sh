#!/bin/sh
# launch.sh NAME ENTRY [ARGUMENT]...: runs a program of this package with a Node.js that can run TypeScript: the one that npm
# installed beside it, else that of the system.
set -u
name=$1 entry=$2
shift 2
# TLS connections keep buffers that they hardly fill. From this size on each is mapped on its own (glibc): only the pages that were
# written to count.
export MALLOC_MMAP_THRESHOLD_="${MALLOC_MMAP_THRESHOLD_:-16384}"
folder=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P) || exit 3

# By its status and not by what it prints: FORCE_COLOR and NODE_OPTIONS add to that.
fits() {
  [ -x "$1" ] && "$1" -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 24 ? 0 : 1)' >/dev/null 2>&1
}

above=$folder
while :; do
  for node in "$above/node_modules/.bin/node" "$above"/node_modules/node-*/bin/node; do
    if fits "$node"; then
      # What is compiled is kept beside the code by its owner: it starts twice as fast.
      if [ -O "$above/node_modules" ]; then
        export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$above/node_modules/.cache/smi-mesh}"
      fi
      exec "$node" "$folder/$entry" "$@"
    fi
  done
  [ "$above" = / ] && break
  above=$(dirname -- "$above")
done
node=$(command -v node || true)
if [ -n "$node" ] && fits "$node"; then exec "$node" "$folder/$entry" "$@"; fi
echo "$name needs Node.js 24: run \`make setup\` in the checkout of smi-mesh, which brings it, or install it yourself." >&2
exit 3
