#!/usr/bin/env bash
# Prints a folder with the official clients for Python that test/clients talks through, installed if need be by pip into
# the cache (a plain folder for PYTHONPATH: an environment would need Debian's python3-venv). Asks for nothing. Progress
# goes to standard error; when they cannot be had, one line says why, and the exit status is 1.
set -euo pipefail

requirements=$(cd "$(dirname "${BASH_SOURCE[0]}")/../clients/python" && pwd)/requirements.txt
cache=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}/python-clients
log=$cache/install.log

main() {
  local version key folder began=$SECONDS
  version=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null) || fail 'there is no python3 in PATH'
  case $version in 3.11 | 3.12 | 3.13 | 3.14) ;; *) fail "Python 3.11 to 3.14 is needed, and python3 is $version" ;; esac
  key=$(cksum <"$requirements")
  folder=$cache/$version-${key%% *}
  if [ ! -d "$folder" ]; then
    mkdir -p "$cache" || fail "cannot write to $cache"
    python3 -m pip --version >/dev/null 2>&1 || fail 'python3 has no pip'
    echo 'Installing Python clients for the tests …' >&2
    new=$(mktemp -d "$cache/new-XXXXXX")
    trap 'rm -rf "$new"' EXIT
    python3 -m pip install --disable-pip-version-check --no-input --no-compile --only-binary=:all: --no-deps \
      --require-hashes --requirement "$requirements" --target "$new" >"$log" 2>&1 </dev/null || failed_step
    # Not mv, which would put it inside a folder that another run has finished meanwhile.
    python3 -c 'import os, sys; os.rename(*sys.argv[1:])' "$new" "$folder" 2>/dev/null || [ -d "$folder" ] ||
      fail "cannot rename $new"
    echo "Installing Python clients: done in $((SECONDS - began)) s" >&2
  fi
  echo "$folder"
}

failed_step() {
  tail -n 5 "$log" >&2
  fail "the Python clients could not be installed; the end of $log is above"
}

fail() {
  echo "$1" >&2
  exit 1
}

main
