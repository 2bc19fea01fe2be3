#!/usr/bin/env bash
# Installs what the tests need, builds everything with warnings as errors, and runs all tests.
#
#   ./test.sh [--fast | --long] [NAME...]
#
#   --fast   without whole systems (mounts, servers, containers, stock Nix): under three minutes after the build
#   --long   kill loops and random schedules in their full form, which takes hours instead of seconds
#   NAME     only the test projects whose name contains one of these, such as Fuse or EndToEnd
#
# As root on Debian or Ubuntu it installs what is missing with apt-get. A test whose device or service is missing is skipped with
# its reason; with CI=true in the environment a skipped test counts as failed. All that it makes lies in artifacts/ and stays there
# for the next run; a mount, process, network namespace or file that a test leaves elsewhere counts as failed, too.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
root=$PWD
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
# Processes that tests kill would leave their sockets for debuggers behind.
export DOTNET_EnableDiagnostics=0

fast=0
while (($#)); do
  case $1 in
    --fast) fast=1; shift ;;
    --long) export NIXFUSE_TEST_LONG=1; shift ;;
    -*) sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    *) break ;;
  esac
done
names=("$@")

# step TEXT: a line for each part of the work, with the time since the start.
step() { printf '== [%d:%02d] %s\n' $((SECONDS / 60)) $((SECONDS % 60)) "$*"; }

wanted() { # wanted PROJECT
  local name
  ((!fast)) || [[ $1 != *.EndToEnd.* ]] || return 1
  ((${#names[@]})) || return 0
  for name in "${names[@]}"; do [[ $1 != *"$name"* ]] || return 0; done
  return 1
}
projects=()
for folder in tests/*.Tests; do wanted "${folder##*/}" && projects+=("${folder##*/}"); done
((${#projects[@]})) || { echo "test.sh: no test project has a name like: ${names[*]}" >&2; exit 2; }
whole_systems() { [[ " ${projects[*]} " == *.EndToEnd.* ]]; }

# --- what is missing -----------------------------------------------------------
. tests/setup/packages.sh
for need in nix-store:nix-bin patchelf:patchelf bwrap:bubblewrap fusermount3:fuse3 ip:iproute2 sqlite3:sqlite3 openssl:openssl curl:curl \
  python3:python3 gcc:gcc strace:strace setpriv:util-linux xz:xz-utils bzip2:bzip2 zstd:zstd lz4:lz4 brotli:brotli lzip:lzip compress:ncompress \
  nginx:nginx-light runc:runc debootstrap:debootstrap readelf:binutils kill:procps; do
  need_command "${need%%:*}" "${need#*:}"
done
for need in libzstd.so.1:libzstd1 libcrypto.so.3:libssl3 liblzma.so.5:liblzma5 libsqlite3.so.0:libsqlite3-0; do need_library "${need%%:*}" "${need#*:}"; done
need_file '/usr/lib/postgresql/*/bin/initdb' postgresql
need_file /usr/include/stdlib.h libc6-dev
need_file /usr/include/linux/fuse.h linux-libc-dev
need_file /usr/share/keyrings/debian-archive-keyring.gpg debian-archive-keyring
/usr/bin/python3 -c 'import grpc' 2>/dev/null || packages+=(python3-grpcio)
step "what is missing on this machine"
install_missing test.sh || { dotnet_is_there || exit 1; echo "test.sh: tests that need these packages are skipped" >&2; }
# fusermount3 reads it when an ordinary user unmounts; a minimal system has none.
if [[ $(id -u) == 0 && ! -e /etc/mtab ]]; then
  echo "making /etc/mtab, a link to /proc/self/mounts, for fusermount3"
  ln -s /proc/self/mounts /etc/mtab
fi

# --- build ----------------------------------------------------------------------
step "building"
dotnet build NixFuseStore.sln -c Release -nologo -v quiet -clp:NoSummary -warnaserror
if whole_systems; then ./build.sh; fi

# --- input ----------------------------------------------------------------------
mkdir -p artifacts/results
# Once a run, and only where packages are fetched.
refresh_package_lists() {
  [[ $(id -u) == 0 && -z ${refreshed:-} ]] || return 0
  apt-get -qq update; refreshed=1
}
make_store() { # make_store NAME SALT
  local out=$root/artifacts/$1
  [[ ! -e $out.made ]] || return 0
  refresh_package_lists
  tests/real-store/make-store.sh "$out" --work "$root/artifacts/store.work" --salt "$2" >"$out.log" 2>&1 ||
    { echo "test.sh: no real store could be made:" >&2; tail -n 5 "$out.log" >&2; return 1; }
  touch "$out.made"
}
make_nix_root() { # make_nix_root SUITE
  [[ ! -d artifacts/nix/$1 ]] || return 0
  tests/nix-roots/make-nix-root.sh "$1" "artifacts/nix/$1" >"artifacts/nix/$1.log" 2>&1 ||
    { echo "test.sh: no Nix of $1, so tests that need it are skipped:" >&2; tail -n 5 "artifacts/nix/$1.log" >&2; }
}
if whole_systems && command -v nix-build patchelf apt-get >/dev/null; then
  step "a real Nix store and its mass rebuild, out of Debian packages (kept in artifacts/)"
  make_store store '' && make_store rebuilt 2
  export NIXFUSE_TEST_STORE=$root/artifacts/store NIXFUSE_TEST_REBUILT=$root/artifacts/rebuilt
  step "Nix of Debian trixie and sid (kept in artifacts/)"
  mkdir -p artifacts/nix
  make_nix_root trixie & make_nix_root sid & wait
  export NIXFUSE_TEST_NIX_ROOTS=$root/artifacts/nix
fi
if whole_systems && command -v apt-get >/dev/null; then
  step "Prometheus, to ask for metrics with (kept in artifacts/)"
  export NIXFUSE_TEST_PROMETHEUS=$root/artifacts/prometheus
  [[ -x $NIXFUSE_TEST_PROMETHEUS ]] || { refresh_package_lists && tests/setup/fetch-program.sh prometheus usr/bin/prometheus "$NIXFUSE_TEST_PROMETHEUS"; } ||
    echo "test.sh: no Prometheus, so the test that needs it is skipped" >&2
fi
if whole_systems && [[ $(id -u) == 0 ]] && command -v debootstrap >/dev/null; then
  step "a root file system without .NET, for the native client (kept in artifacts/)"
  [[ -d artifacts/bare ]] || tests/nix-roots/make-bare-root.sh artifacts/bare >artifacts/bare.log 2>&1 ||
    { echo "test.sh: no root without .NET, so tests that need it are skipped:" >&2; tail -n 5 artifacts/bare.log >&2; }
  export NIXFUSE_TEST_BARE_ROOT=$root/artifacts/bare
fi

# Nix's own test data is not part of this repository: src/libstore-tests/data of Nix's sources, where it lies beside this folder or is named.
vectors=${NIXFUSE_TEST_NIX_VECTORS:-../shared/nix-vectors}
without=()
if [[ -d $vectors ]]; then
  NIXFUSE_TEST_NIX_VECTORS=$(realpath "$vectors") && export NIXFUSE_TEST_NIX_VECTORS
else
  without=(-trait- Data=nix-vectors)
  step "not run: tests over Nix's own data, for want of it (NIXFUSE_TEST_NIX_VECTORS names the folder)"
fi

# --- run ------------------------------------------------------------------------
# What tests make lies in one folder of their own, and what they start carries this variable, so that leftovers are seen.
run=$$.$RANDOM
TMPDIR=$(mktemp -d /tmp/nfs.XXXXXX) && export TMPDIR && chmod 1777 "$TMPDIR"
our_mounts() { awk '{ print $5 }' /proc/self/mountinfo | grep "^$TMPDIR" | sort || true; }
# The tests' namespaces carry the id of the process that made them.
our_namespaces() {
  local namespace id
  for namespace in /run/netns/nft*x*; do
    id=${namespace#/run/netns/nft} id=${id%%x*}
    [[ ! -e $namespace || -e /proc/$id ]] || echo "${namespace#/run/netns/}"
  done
}
our_processes() {
  local process
  for process in /proc/[0-9]*; do
    process=${process#/proc/}
    grep -qzxF "NIXFUSE_TEST_RUN=$run" "/proc/$process/environ" 2>/dev/null || continue
    echo "$process $(tr '\0' ' ' <"/proc/$process/cmdline" | cut -c1-120)"
  done
}
trap 'rm -rf -- "$TMPDIR"' EXIT
mounts_before=$(our_mounts) control_before=$(ls /run/nixfuse 2>/dev/null || true)

# leftovers: prints what tests left behind, a line each, and takes it away.
leftovers() {
  local line
  # A process that was told to end just before gets a moment.
  for _ in $(seq 20); do [[ -n $(our_processes) ]] || break; sleep 0.25; done
  while read -r line; do [[ -n $line ]] && echo "process $line" && kill -9 "${line%% *}" 2>/dev/null; done < <(our_processes)
  while read -r line; do [[ -n $line ]] && echo "mount $line" && umount -l "$line" 2>/dev/null; done < <(comm -13 <(echo "$mounts_before") <(our_mounts))
  while read -r line; do [[ -n $line ]] && echo "network namespace $line" && ip netns del "$line"; done < <(our_namespaces)
  while read -r line; do [[ -n $line ]] && echo "control file /run/nixfuse/$line"; done < <(comm -13 <(echo "$control_before") <(ls /run/nixfuse 2>/dev/null || true))
  while read -r line; do [[ -n $line ]] && echo "file $line"; done < <(find "$TMPDIR" -mindepth 1 -maxdepth 1)
}

# progress LOG: says every half minute how far a project is.
progress() {
  local done
  while sleep 30; do
    done=$(grep -ac '\[FINISHED\]' "$1" || true)
    step "   $done tests done, the last: $(grep -a '\[FINISHED\]' "$1" | tail -n 1 | sed -E 's/^ *([^ ]+).*/\1/')"
  done
}

# complain TEXT: says what went wrong, now and once more at the end.
complaints=
complain() { echo "   $*"; complaints+="   $*"$'\n'; }

passed=0 failed=0 skipped=0
for project in "${projects[@]}"; do
  step "$project"
  began=$SECONDS log=artifacts/results/$project.log results=artifacts/results/$project.xml status=0
  rm -f "$results"
  progress "$log" & ticker=$!
  NIXFUSE_TEST_RUN=$run "tests/$project/bin/Release/net10.0/$project" -noLogo -noColor -reporter verbose "${without[@]}" -xml "$results" >"$log" 2>&1 || status=$?
  kill "$ticker" 2>/dev/null; wait "$ticker" 2>/dev/null || true
  if ! report=$(/usr/bin/python3 tests/setup/results.py "$results" 2>&1); then
    complain "$project ended without results (exit status $status); see the end of $log:"; tail -n 20 "$log"
    failed=$((failed + 1))
    continue
  fi
  read -r ok bad out <<<"${report##*$'\n'}"
  [[ $report != *$'\n'* ]] || echo "${report%$'\n'*}"
  # A failed test's name, and the first line of what it says.
  ((bad == 0)) || complaints+=$(sed -n '/^   FAILED /{p;n;p}; /^   ERROR /p' <<<"$report")$'\n'
  ((status == 0 || bad > 0)) || { complain "$project exited with status $status; see $log"; bad=$((bad + 1)); }
  while read -r line; do
    complain "LEFT BEHIND: $line"
    bad=$((bad + 1))
  done < <(leftovers)
  rm -rf -- "${TMPDIR:?}"/* 2>/dev/null || true
  passed=$((passed + ok)) failed=$((failed + bad)) skipped=$((skipped + out))
  echo "   $ok passed, $bad failed, $out skipped in $((SECONDS - began)) s"
done

step "done"
printf '%s' "$complaints"
if [[ ${CI:-} == true ]] && ((skipped > 0)); then
  echo "skipped in CI, which counts as failed: $skipped"
  failed=$((failed + skipped)) skipped=0
fi
if ((skipped > 0)); then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
((failed == 0 && passed > 0))
