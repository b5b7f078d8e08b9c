#!/usr/bin/env bash
# Prints the path of a redis-server 7 or newer for the tests, installed if need be: from PATH, else from the cache, else
# from Debian's packages, by apt where this is root and unpacked into the cache folder where it is not. Asks for nothing.
# Progress goes to standard error; when there is none to be had, one line says why, and the exit status is 1.
set -euo pipefail

folder=${SLUICE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/sluice}/redis
log=$folder/install.log

main() {
  found "$(command -v redis-server || true)"
  found "$folder/redis-server"
  mkdir -p "$folder" || fail "cannot write to $folder"
  command -v apt-get >/dev/null || fail "there is no redis-server in PATH, and no apt-get to install one"
  echo 'Installing redis-server for the tests …' >&2
  local began=$SECONDS
  if [ "$(id -u)" -eq 0 ]; then
    install_as_root >"$log" 2>&1 </dev/null || failed_step
    found "$(command -v redis-server || true)" "$began"
  else
    # One at a time: two test runs that start together share the folder.
    exec 9>"$folder/lock"
    if command -v flock >/dev/null; then flock 9; fi
    found "$folder/redis-server"
    unpack_as_user >"$log" 2>&1 </dev/null || failed_step
    found "$folder/redis-server" "$began"
  fi
  failed_step
}

# found PATH [BEGAN]: ends with the path where it is a redis-server that runs and is new enough.
found() {
  [ -n "$1" ] && [ -x "$1" ] || return 0
  local version
  version=$("$1" --version 2>/dev/null | sed -n 's/.* v=\([0-9]*\)\..*/\1/p') || return 0
  [ "${version:-0}" -ge 7 ] || return 0
  [ -z "${2-}" ] || echo "Installing redis-server: done in $((SECONDS - $2)) s" >&2
  echo "$1"
  exit 0
}

# Without starting it as a service, where the system would.
install_as_root() {
  export DEBIAN_FRONTEND=noninteractive RUNLEVEL=1
  apt-get update
  apt-get install -y --no-install-recommends redis-server
}

# apt with lists and archives of its own: it works out which packages are missing, and none is configured.
unpack_as_user() {
  local private=$folder/apt unpacked=$folder/root
  mkdir -p "$private/state/lists/partial" "$private/cache/archives/partial" "$unpacked"
  local options=(
    -o "Dir::State=$private/state" -o "Dir::State::status=/var/lib/dpkg/status" -o "Dir::Cache=$private/cache"
    -o Debug::NoLocking=1 -o APT::Sandbox::User=
  )
  apt-get "${options[@]}" update
  apt-get "${options[@]}" install -y --no-install-recommends --download-only --reinstall redis-server redis-tools
  local package
  for package in "$private"/cache/archives/*.deb; do dpkg-deb -x "$package" "$unpacked"; done
  local libraries
  libraries=$(find "$unpacked" -name '*.so*' -printf '%h\n' | sort -u | paste -sd:)
  # Written under another name first: whoever looks sees a whole file or none.
  printf '#!/bin/sh\nLD_LIBRARY_PATH=%s${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH} exec "%s" "$@"\n' \
    "'$libraries'" "$unpacked/usr/bin/redis-server" >"$folder/redis-server.new"
  chmod +x "$folder/redis-server.new"
  mv "$folder/redis-server.new" "$folder/redis-server"
  rm -rf "$private"
}

failed_step() {
  tail -n 5 "$log" >&2
  fail "redis-server could not be installed; the end of $log is above"
}

fail() {
  echo "$1" >&2
  exit 1
}

main
