#!/usr/bin/env bash
# Installs what the tests need, builds everything with warnings as errors, and runs all tests.
#
#   ./test.sh [NAME...]      only the test projects whose name contains one of these, such as Fuse or EndToEnd
#
# Needs the .NET 10 SDK. As root on Debian or Ubuntu it installs the rest with apt-get; otherwise it says what is missing, and tests
# that need it are skipped with their reason. With CI=true in the environment a skipped test counts as failed.
# All it makes lies in artifacts/, and stays there for the next run.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"
root=$PWD
export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
# Processes that tests kill would leave their sockets for debuggers behind.
export DOTNET_EnableDiagnostics=0

step() { echo "== $*"; }

# --- what is missing -----------------------------------------------------------
# command that shows it is there : package that brings it
needs=(nix-store:nix-bin patchelf:patchelf bwrap:bubblewrap fusermount3:fuse3 ip:iproute2 psql:postgresql sqlite3:sqlite3
  openssl:openssl curl:curl python3:python3 gcc:gcc strace:strace setpriv:util-linux xz:xz-utils bzip2:bzip2 zstd:zstd nginx:nginx-light runc:runc)
packages=()
for need in "${needs[@]}"; do command -v "${need%%:*}" >/dev/null || packages+=("${need#*:}"); done
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || packages+=(postgresql)
[[ -e /usr/include/linux/fuse.h ]] || packages+=(linux-libc-dev)
/usr/bin/python3 -c 'import grpc' 2>/dev/null || packages+=(python3-grpcio)
[[ -e /usr/share/keyrings/debian-archive-keyring.gpg ]] || packages+=(debian-archive-keyring)
if ((${#packages[@]})); then
  if [[ $(id -u) == 0 ]] && command -v apt-get >/dev/null; then
    step "installing ${packages[*]}"
    apt-get -qq update
    # The tests start their own PostgreSQL; Debian's package would make and start a cluster that nobody asked for.
    mkdir -p /etc/postgresql-common
    [[ -e /etc/postgresql-common/createcluster.conf ]] || echo 'create_main_cluster = false' >/etc/postgresql-common/createcluster.conf
    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "${packages[@]}" >/dev/null
  else
    echo "test.sh: not installed: ${packages[*]}; tests that need them will be skipped. Install them, or run as root." >&2
  fi
fi
command -v dotnet >/dev/null || { echo "test.sh: the .NET 10 SDK is missing (no dotnet on PATH)" >&2; exit 1; }

# --- build ----------------------------------------------------------------------
step "building"
dotnet build NixFuseStore.sln -c Release -nologo -v quiet -clp:NoSummary -warnaserror
./build.sh

# --- input ----------------------------------------------------------------------
# The default real store and its mass rebuild where their maker lies beside the project, else a smaller closure.
mkdir -p artifacts
make_store() { # make_store NAME SALT
  local out=$root/artifacts/$1 salt=$2
  [[ -e $out.made ]] && return
  if [[ -x ../shared/realstore/make-real-store.sh ]]; then
    ../shared/realstore/make-real-store.sh --out "$out" --work "$root/artifacts/store.work" --salt "$salt" >"$out.log" 2>&1
  else
    tests/demo-closure/make-closure.sh "$out" --salt "$salt" jq bash coreutils >"$out.log" 2>&1
  fi || { echo "test.sh: no real store could be made:" >&2; tail -n 5 "$out.log" >&2; return 1; }
  touch "$out.made"
}
if command -v nix-build >/dev/null && command -v patchelf >/dev/null; then
  step "making a real store (kept in artifacts/)"
  [[ -e artifacts/store.made || $(id -u) != 0 ]] || apt-get -qq update
  make_store store '' && make_store rebuilt 2
  export NIXFUSE_TEST_STORE=$root/artifacts/store NIXFUSE_TEST_REBUILT=$root/artifacts/rebuilt
fi

# Stock Nix of other Debian releases, beside the installed one.
if command -v apt-get >/dev/null; then
  step "unpacking Nix of Debian trixie and sid (kept in artifacts/)"
  mkdir -p artifacts/nix
  for suite in trixie sid; do
    [[ -d artifacts/nix/$suite ]] || tests/nix-roots/make-nix-root.sh "$suite" "artifacts/nix/$suite" >"artifacts/nix/$suite.log" 2>&1 ||
      { echo "test.sh: no Nix of $suite, so tests that need it are skipped:" >&2; tail -n 5 "artifacts/nix/$suite.log" >&2; } &
  done
  wait
  export NIXFUSE_TEST_NIX_ROOTS=$root/artifacts/nix
fi

# --- run ------------------------------------------------------------------------
wanted() {
  (($# == 1)) && return 0
  local project=$1 name; shift
  for name; do [[ $project == *"$name"* ]] && return 0; done
  return 1
}
passed=0 failed=0 skipped=0
for folder in tests/*.Tests; do
  project=${folder##*/}
  wanted "$project" "$@" || continue
  step "$project"
  log=artifacts/$project.log
  status=0
  "$folder/bin/Release/net10.0/$project" -noLogo -noColor >"$log" 2>&1 || status=$?
  grep -E '\[(FAIL|SKIP)\]|^    .*(Error|Exception|Assert)' "$log" | head -n 40 || true
  summary=$(grep -E 'Total: [0-9]+, Errors: ' "$log" | tail -n 1 || true)
  number() { sed -nE "s/.*$1: ([0-9]+).*/\1/p" <<<"$summary"; }
  if [[ -z $summary ]]; then
    echo "$project ended without a summary (exit status $status):"; tail -n 20 "$log"
    failed=$((failed + 1))
    continue
  fi
  bad=$(($(number Failed) + $(number Errors)))
  failed=$((failed + bad)) skipped=$((skipped + $(number Skipped)))
  passed=$((passed + $(number Total) - $(number Failed) - $(number Skipped)))
  ((status == 0 || bad > 0)) || { echo "$project exited with status $status"; failed=$((failed + 1)); }
  echo "   ${summary#*Tests  }"
done

if [[ ${CI:-} == true ]] && ((skipped > 0)); then
  echo "skipped in CI, which counts as failed: $skipped"
  failed=$((failed + skipped)) skipped=0
fi
if ((skipped > 0)); then echo "$passed passed, $failed failed, $skipped skipped"; else echo "$passed passed, $failed failed"; fi
((failed == 0 && passed > 0))
