#!/usr/bin/env bash
# From a fresh Debian or Ubuntu machine to a program that runs out of a mounted store:
# installs what is missing, builds, starts a server with the embedded database, pushes a small real closure, mounts it, runs a program.
#
#   ./quickstart.sh [MOUNTPOINT]     default: /mnt/nix
#   ./quickstart.sh --clean          unmounts, stops the server, removes its data
#
# NIXFUSE_QUICKSTART_DIR   where the server's data, the cache and the closure lie (default: ./nixfuse-data)
# NIXFUSE_QUICKSTART_PORT  port of the server on 127.0.0.1 (default: 7420)
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
data=$(realpath -m "${NIXFUSE_QUICKSTART_DIR:-nixfuse-data}")
port=${NIXFUSE_QUICKSTART_PORT:-7420}
export NIXFUSE_SERVER=http://127.0.0.1:$port DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
unset NIXFUSE_STORE NIXFUSE_TOKEN

step() { printf '\n== %s\n' "$*"; }
die() { echo "quickstart.sh: $*" >&2; exit 1; }
server_runs() { [[ -s $data/server.pid ]] && kill -0 "$(<"$data/server.pid")" 2>/dev/null; }

clean() {
  local mounted
  if [[ -s $data/mountpoint ]]; then
    mounted=$(<"$data/mountpoint")
    if mountpoint -q "$mounted"; then out/nixfuse unmount "$mounted"; fi
  fi
  if server_runs; then
    kill "$(<"$data/server.pid")"
    for _ in $(seq 100); do server_runs || break; sleep 0.1; done
  fi
  if [[ -d $data ]]; then chmod -R u+w "$data"; rm -rf "$data"; fi
  echo "unmounted, stopped and removed $data"
}

mountpoint=/mnt/nix
case ${1:-} in
  --clean) clean; exit ;;
  -*) sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
  ?*) mountpoint=$(realpath -m "$1") ;;
esac

# --- 1. what is missing -----------------------------------------------------------
. tests/setup/packages.sh
for need in gcc:gcc objcopy:binutils nix-build:nix-bin patchelf:patchelf bwrap:bubblewrap fusermount3:fuse3 python3:python3 dpkg-deb:dpkg curl:curl; do
  need_command "${need%%:*}" "${need#*:}"
done
need_file /usr/include/stdlib.h libc6-dev
for need in libzstd.so.1:libzstd1 libcrypto.so.3:libssl3 liblzma.so.5:liblzma5 libsqlite3.so.0:libsqlite3-0; do
  need_library "${need%%:*}" "${need#*:}"
done
step "what is missing on this machine"
install_missing quickstart.sh || exit 1
[[ -e /dev/fuse ]] || die "/dev/fuse is missing: load the fuse module, or give this container the device (--device /dev/fuse --cap-add SYS_ADMIN)"

# --- 2. build -----------------------------------------------------------------------
if [[ ! -x out/nixfuse || -n $(find src server client Directory.*.props \( -name '*.cs' -o -name '*.csproj' -o -name '*.props' -o -name '*.proto' \) -newer out/nixfuse -print -quit) ]]; then
  step "building"
  ./build.sh
  touch -h out/nixfuse
fi

# --- 3. a small real closure ----------------------------------------------------------
mkdir -p "$data"
if [[ ! -s $data/program ]]; then
  step "making a closure: jq and its libraries, from Debian packages, by Nix"
  apt-cache show jq >/dev/null 2>&1 || "${sudo[@]}" apt-get -qq update
  tests/real-store/make-store.sh "$data/closure" jq >"$data/program.new"
  mv "$data/program.new" "$data/program"
fi
path=$(<"$data/program")
echo "$path"

# --- 4. server ----------------------------------------------------------------------
step "server: $NIXFUSE_SERVER"
if server_runs; then
  echo "already running (process $(<"$data/server.pid"))"
else
  setsid out/nixfuse-server serve --listen "$NIXFUSE_SERVER" --data "$data/server" >"$data/server.log" 2>&1 </dev/null &
  echo $! >"$data/server.pid"
  for _ in $(seq 150); do
    curl -sf -o /dev/null "$NIXFUSE_SERVER/healthz" && break
    server_runs || { cat "$data/server.log" >&2; die "the server did not start"; }
    sleep 0.1
  done
  cat "$data/server.log"
fi

# --- 5. push, mount, use ----------------------------------------------------------------
step "nixfuse push --from $data/closure $path"
out/nixfuse push --from "$data/closure" "$path"

step "nixfuse mount $mountpoint"
if mountpoint -q "$mountpoint"; then
  echo "already mounted"
else
  [[ -d $mountpoint ]] || mkdir -p "$mountpoint" 2>/dev/null || "${sudo[@]}" install -d -o "$(id -un)" "$mountpoint"
  out/nixfuse mount "$mountpoint" --cache-dir "$data/cache"
fi
echo "$mountpoint" >"$data/mountpoint"

step "ls -l $mountpoint/store"
ls -l "$mountpoint/store"

step "a program out of the mount, where the mount is /nix"
bwrap --unshare-user --ro-bind "$mountpoint" /nix --proc /proc --dev /dev "$path/bin/jq" -n '{hello: "from the mounted store", answer: (6 * 7)}'

step "nixfuse status"
out/nixfuse status

cat <<END

It works. The store stays mounted at $mountpoint and the server goes on at $NIXFUSE_SERVER.
To clean up:  ./quickstart.sh --clean
END
