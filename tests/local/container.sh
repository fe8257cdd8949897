#!/usr/bin/env bash
# A container engine and a Lambda base image for `sam local invoke`, with or without a network.
#
#   container.sh start                      engine and image; prints the `export` lines to use them
#   container.sh invoke <function> <event>  one invocation; the response on stdout, logs on stderr
#   container.sh stop                       ends the engine that `start` began (never anybody else's)
#
# A running engine is used as it is. Else, as root and with dockerd installed, one is started whose
# state lives under .tributary/docker. Exit code 77: there can be no container here; callers skip.
# `invoke` reads TEMPLATE, ENV_VARS_FILE, SAM and the AWS_* variables: see container_invoke.py.
set -euo pipefail

readonly CANNOT_RUN=77
source_folder=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(cd "$source_folder/../.." && pwd -P)
readonly source_folder root
readonly state="$root/.tributary/docker"
readonly sam="${SAM:-$root/.tributary/venv-sam/bin/sam}"

# The number tells two checkouts on one machine apart.
number=$(cksum <<<"$root" | cut -d ' ' -f 1)
readonly number
readonly bridge="tributary$((number % 100000))"
readonly stand_in="tributary/lambda-stand-in:al2023"

# A unix socket's path holds at most 107 characters, and containerd adds its own folders to ours.
runtime="$state"
if ((${#state} > 60)); then runtime="/run/$bridge"; fi
readonly runtime
readonly socket="$runtime/docker.sock"
readonly process_file="$state/dockerd.pid"

say() { printf 'container: %s\n' "$*" >&2; }
skip() { say "$*"; exit "$CANNOT_RUN"; }
fail() { say "$*"; exit 1; }

architecture() {
  case "$(uname -m)" in
    x86_64) echo x86_64 ;;
    aarch64 | arm64) echo arm64 ;;
    *) skip "no lambda image for the processor $(uname -m)" ;;
  esac
}

engine_answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }

# --- the engine -----------------------------------------------------------------------------------

find_engine() {
  command -v docker >/dev/null || skip "the docker command is not installed"
  if [[ -S "$socket" ]] && DOCKER_HOST="unix://$socket" engine_answers; then
    export DOCKER_HOST="unix://$socket"
  elif engine_answers; then
    # SAM does not read docker contexts in every version; the variable says it plainly.
    export DOCKER_HOST="${DOCKER_HOST:-$(docker context inspect --format '{{.Endpoints.docker.Host}}')}"
  else
    start_engine
  fi
}

start_engine() {
  ((EUID == 0)) || skip "no container engine is running, and only root can start one"
  local tool
  for tool in dockerd ip; do
    command -v "$tool" >/dev/null || skip "no container engine is running, and $tool is not installed"
  done
  stop_engine
  mkdir -p "$state" "$runtime"
  make_bridge || skip "the network bridge $bridge cannot be made"
  if run_engine; then
    export DOCKER_HOST="unix://$socket"
    return
  fi
  stop_engine
  skip "dockerd does not start here: $(tail -n 1 "$state/dockerd.log" | cut -c 1-300)"
}

# A bridge of our own, and no address translation: nothing of the host's firewall or forwarding is
# touched, published ports go through docker-proxy, and a container reaches the host and nothing else.
make_bridge() {
  if ip link show "$bridge" >/dev/null 2>&1; then return; fi
  local step block
  for step in {0..255}; do
    block="172.30.$(((number + step) % 256))"
    if ip -4 route show to match "$block.0/24" | grep -qv '^default'; then continue; fi
    ip link add "$bridge" type bridge && ip address add "$block.1/24" dev "$bridge" && ip link set "$bridge" up
    return
  done
  return 1
}

# dockerd itself chooses the storage driver that works here (overlay2, else vfs).
run_engine() {
  local options=(
    --data-root "$state/data" --exec-root "$runtime/exec" --pidfile "$process_file"
    --host "unix://$socket" --bridge "$bridge"
    --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false
  )
  # The engine must not inherit the lock (descriptor 9), or nobody else would ever get it.
  setsid dockerd "${options[@]}" >"$state/dockerd.log" 2>&1 </dev/null 9>&- &
  local process=$! attempt
  for attempt in {1..150}; do
    if [[ -S "$socket" ]] && DOCKER_HOST="unix://$socket" engine_answers; then return; fi
    if ! kill -0 "$process" 2>/dev/null; then return 1; fi
    sleep 0.2
  done
  say "dockerd did not answer in $((attempt / 5)) seconds"
  end_process "$process" "$state/data"
  return 1
}

# Whether a process runs whose command line holds the given path: an old pid file may name a stranger,
# and a process that has ended but was not yet collected by its parent has no command line.
is_ours() { { tr '\0' ' ' <"/proc/$1/cmdline" | grep -qF -- "$2"; } 2>/dev/null; }

end_process() {
  local process="$1" path="$2" signal attempt
  for signal in TERM KILL; do
    is_ours "$process" "$path" || return 0
    kill -s "$signal" "$process" 2>/dev/null || return 0
    for attempt in {1..100}; do
      is_ours "$process" "$path" || return 0
      sleep 0.1
    done
    say "process $process has not ended $((attempt / 10)) seconds after $signal"
  done
}

end_process_in() {
  if [[ -s "$1" ]]; then end_process "$(<"$1")" "$2"; fi
}

stop_engine() {
  end_process_in "$process_file" "$state/data"
  # A dockerd that was killed leaves its containerd behind.
  end_process_in "$runtime/exec/containerd/containerd.pid" "$runtime/exec"
  end_orphans
  # Its pid file too: while the number exists, even as a zombie, dockerd would wait for that containerd.
  rm -f "$process_file" "$socket" "$runtime/exec/containerd/containerd.pid"
  unmount_below "$state"
  unmount_below "$runtime"
  if ((EUID == 0)) && command -v ip >/dev/null && ip link show "$bridge" >/dev/null 2>&1; then
    ip link delete "$bridge"
  fi
}

# And its containers, each under a shim that names our containerd's socket.
end_orphans() {
  local file shim child
  while read -r file; do
    shim=${file//[^0-9]/}
    for child in $(cat "/proc/$shim/task/$shim/children" 2>/dev/null) "$shim"; do
      kill -s KILL "$child" 2>/dev/null || true
    done
  done < <(grep -lsF -- "$runtime/exec/containerd/containerd.sock" /proc/[0-9]*/cmdline)
}

# An engine that was killed leaves its mounts, and with them a folder that nobody can delete.
unmount_below() {
  local mounted
  while read -r mounted; do
    umount "$mounted" || true
  done < <(awk -v folder="$1/" '{ gsub(/\\040/, " ", $2) } index($2, folder) == 1 { print $2 }' /proc/self/mounts | tac)
}

# --- the base image -------------------------------------------------------------------------------

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }

# Sets base_image. The real one where it can be had, else the stand-in.
find_image() {
  local machine real
  machine=$(architecture)
  real="public.ecr.aws/lambda/provided:al2023-$machine"
  if image_exists "$real" || pull "$real"; then
    base_image="$real"
    return
  fi
  base_image="$stand_in"
  if ! image_exists "$stand_in"; then build_stand_in "$machine"; fi
}

pull() {
  # Offline, the engine itself would try for a long time before it says so.
  timeout 3 bash -c "exec 3<>/dev/tcp/${1%%/*}/443" 2>/dev/null || return 1
  timeout "${PULL_TIMEOUT_SECONDS:-90}" docker pull --quiet "$1" >/dev/null 2>&1
}

# The base image that needs no network: this machine's own loader, C library, shell and core tools.
# It keeps its own name, so that it never passes for the real image on an engine that others use.
build_stand_in() {
  say "the lambda base image cannot be pulled: building a stand-in from this machine's files"
  local tree="$state/stand-in"
  rm -rf "$tree"
  fill_tree "$tree"
  tar --create --numeric-owner --owner 0 --group 0 --directory "$tree" . | docker import \
    --message "stand-in for the lambda base image" \
    --change 'ENTRYPOINT ["/var/runtime/bootstrap"]' \
    --change 'WORKDIR /var/task' \
    --change 'ENV PATH=/usr/local/bin:/usr/bin/:/bin:/opt/bin' \
    --change 'ENV LANG=en_US.UTF-8' \
    --change 'ENV TZ=:/etc/localtime' \
    --change 'ENV LAMBDA_TASK_ROOT=/var/task' \
    --change 'ENV LAMBDA_RUNTIME_DIR=/var/runtime' \
    - "$stand_in" >/dev/null
  rm -rf "$tree"
  # SAM keeps the image that it builds on top, and would go on using the old base.
  docker image rm --force "${stand_in%%:*}:rapid-$1" >/dev/null 2>&1 || true
}

fill_tree() {
  local tree="$1" folder file
  for folder in bin sbin lib lib64; do
    mkdir -p "$tree/usr/$folder"
    ln -s "usr/$folder" "$tree/$folder"
  done
  mkdir -p "$tree"/{dev,proc,sys,etc/ssl/certs,opt,root,var/task,var/runtime,var/rapid}
  mkdir -m 1777 "$tree/tmp" "$tree/var/tmp"
  # Listed before it is read: the failure of a process substitution would go unseen.
  local files
  files=$(needed_files | sort --unique)
  while read -r file; do
    cp --dereference --parents "$file" "$tree"
  done <<<"$files"
  cp "$(certificates)" "$tree/etc/ssl/certs/ca-certificates.crt"
  printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n' >"$tree/etc/passwd"
  printf 'root:x:0:\nnogroup:x:65534:\n' >"$tree/etc/group"
  printf 'hosts: files dns\n' >"$tree/etc/nsswitch.conf"
}

needed_files() {
  local tool path library known
  for tool in sh bash cat chmod cp date echo env false head id ls mkdir mv rm sleep true uname; do
    path=$(type -P "$tool") || continue
    echo "$path"
    linked_libraries "$path"
  done
  # What a native program links, and what the C library opens by name at run time. Read from a
  # variable: at the end of a pipe, a match found early would end ldconfig, and with it this list.
  known=$(/sbin/ldconfig -p)
  for library in libc.so.6 libm.so.6 libgcc_s.so.1 libpthread.so.0 libdl.so.2 librt.so.1 \
    libresolv.so.2 libnss_dns.so.2 libnss_files.so.2; do
    awk -v name="$library" '$1 == name { print $NF; exit }' <<<"$known"
  done
}

linked_libraries() { ldd "$1" | grep -o '/[^ ]*\.so[^ ]*' || true; }

certificates() {
  local file
  for file in /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt; do
    if [[ -s "$file" ]]; then echo "$file"; return; fi
  done
  echo /dev/null
}

# --- commands -------------------------------------------------------------------------------------

# Tests invoke side by side: one of them makes the engine and the image, the others wait for it.
take_turn() {
  mkdir -p "$state"
  exec 9>"$state/lock"
  flock 9
}

# Sets DOCKER_HOST, base_image and gateway (the host's address as a container sees it).
prepare() {
  take_turn
  find_engine
  find_image
  exec 9>&-
  gateway=$(docker network inspect bridge --format '{{range .IPAM.Config}}{{.Gateway}} {{end}}' | cut -d ' ' -f 1)
}

start() {
  prepare
  printf 'export DOCKER_HOST=%q\nexport LAMBDA_BASE_IMAGE=%q\n' "$DOCKER_HOST" "$base_image"
}

invoke() {
  (($# == 2)) || fail "usage: container.sh invoke <function logical id> <event file>"
  [[ -r "$2" ]] || fail "no such event file: $2"
  [[ -x "$sam" ]] || fail "sam is not installed: $sam"
  prepare
  SAM="$sam" LAMBDA_BASE_IMAGE="$base_image" CONTAINER_GATEWAY="$gateway" SAM_STATE="$state/sam" \
    exec "$(dirname "$sam")/python" "$source_folder/container_invoke.py" "$1" "$2"
}

case "${1:-}" in
  start) start ;;
  invoke) shift; invoke "$@" ;;
  stop) take_turn; stop_engine ;;
  *) fail "usage: container.sh start | stop | invoke <function logical id> <event file>" ;;
esac
