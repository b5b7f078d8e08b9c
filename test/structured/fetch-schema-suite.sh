#!/usr/bin/env bash
# Prints the folder with the JSON Schema Test Suite's cases for draft 2020-12, fetched if need be by pip into the cache: the
# source distribution of a Python validator carries them. When they cannot be had, one line says why, and the exit status
# is 1.
set -euo pipefail

package=jsonschema==4.23.0
file=jsonschema-4.23.0.tar.gz
sha256=d71497fef26351a33265337fa77ffeb82423f3ea21283cd9467bb03999266bc4
cache=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}/schema-suite
folder=$cache/${sha256:0:16}

main() {
  if [ ! -d "$folder" ]; then
    mkdir -p "$cache" || fail "cannot write to $cache"
    new=$(mktemp -d "$cache/new-XXXXXX")
    trap 'rm -rf "$new"' EXIT
    python3 -m pip download --disable-pip-version-check --no-input --no-deps --no-binary=:all: --dest "$new" "$package" \
      >"$cache/fetch.log" 2>&1 </dev/null || fail "$package could not be fetched; see $cache/fetch.log"
    echo "$sha256  $new/$file" | sha256sum --check --status || fail "$file is not the one that was expected"
    tar -xzf "$new/$file" -C "$new"
    mv "$new/${file%.tar.gz}/json/tests/draft2020-12" "$folder" 2>/dev/null || [ -d "$folder" ] || fail "cannot make $folder"
  fi
  echo "$folder"
}

fail() {
  echo "$1" >&2
  exit 1
}

main
