#!/usr/bin/env bash
# A PostgreSQL server for one test, in a folder of its own, reached through a unix socket alone.
#
#   postgresql.sh start <folder>   makes and starts it; prints the folder of its socket
#   postgresql.sh stop <folder>    ends it and removes the folder
#
# Debian's packages are installed where they are missing and root may do it. Exit code 77: there can be no PostgreSQL with
# PL/Python here; callers skip.
set -euo pipefail

readonly CANNOT_RUN=77
say() { printf 'postgresql: %s\n' "$*" >&2; }
skip() { say "$*"; exit "$CANNOT_RUN"; }

programs() {
  local folder
  for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort --version-sort --reverse); do
    if [[ -x "$folder/initdb" && -e "${folder%/bin}/lib/plpython3.so" ]]; then echo "$folder"; return; fi
  done
  return 1
}

install() {
  ((EUID == 0)) || skip "PostgreSQL with PL/Python is not installed, and only root could"
  command -v apt-get >/dev/null || skip "PostgreSQL with PL/Python is not installed, and there is no apt-get"
  # A fresh machine has no lists of packages, or old ones.
  packages || { apt-get update >/dev/null 2>&1 && packages; } || skip "PostgreSQL with PL/Python cannot be installed"
}

packages() {
  local version
  version=$(apt-cache depends postgresql 2>/dev/null | sed -nE 's/.*Depends: postgresql-([0-9]+)$/\1/p' | head -n 1)
  [[ -n "$version" ]] || return 1
  DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
    "postgresql-$version" "postgresql-plpython3-$version" >/dev/null 2>&1
}

# The server refuses to run as root.
as_server() {
  if ((EUID == 0)); then runuser -u postgres -- "$@"; else "$@"; fi
}

start() {
  local folder="$1" found
  exec 9>"${TMPDIR:-/tmp}/tributary-postgresql.lock"
  flock 9
  programs >/dev/null || install
  exec 9>&-
  found=$(programs) || skip "PostgreSQL with PL/Python is not installed"
  mkdir -p "$folder"
  if ((EUID == 0)); then chown postgres "$folder"; fi
  cd "$folder"
  as_server "$found/initdb" --pgdata "$folder/data" --auth trust --username postgres --encoding UTF8 --no-sync --locale C.UTF-8 >"$folder.log"
  as_server "$found/pg_ctl" --pgdata "$folder/data" --wait --silent --log "$folder/server.log" \
    --options "-c listen_addresses='' -c unix_socket_directories='$folder' -c fsync=off -c max_prepared_transactions=5" start >&2
  rm -f "$folder.log"
  echo "$folder"
}

stop() {
  local folder="$1" found
  if found=$(programs) && [[ -s "$folder/data/postmaster.pid" ]]; then
    as_server "$found/pg_ctl" --pgdata "$folder/data" --silent --mode immediate --wait stop >&2
  fi
  rm -rf "$folder"
}

case "${1:-}" in
  start) start "$2" ;;
  stop) stop "$2" ;;
  *) say "usage: postgresql.sh start | stop <folder>"; exit 1 ;;
esac
