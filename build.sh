#!/usr/bin/env bash
# Builds the client and the server into out/: out/nixfuse, one native executable, and out/nixfuse-server.
#
#   ./build.sh             what ships; compiling the client ahead of time takes a minute or two and 1.5 GB of memory
#   ./build.sh --quick     the client on the .NET runtime, as the server: for daily work
#   ./build.sh --debug     the same, not optimised
#
# Needs the .NET 10 SDK, the package registry that NuGet is set up with, and for the native client gcc, binutils and libc6-dev.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

configuration=Release native=true
case ${1:-} in
  '') ;;
  --quick) native=false ;;
  --debug) native=false configuration=Debug ;;
  *) sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
command -v dotnet >/dev/null || { echo "build.sh: the .NET 10 SDK is missing (no dotnet on PATH); ./quickstart.sh tells how to get it" >&2; exit 1; }

case $(uname -m) in
  x86_64) rid=linux-x64 ;;
  aarch64) rid=linux-arm64 ;;
  *) echo "build.sh: no .NET runtime identifier is known for $(uname -m)" >&2; exit 1 ;;
esac
if [[ $native == true ]]; then
  if ! command -v gcc >/dev/null || ! command -v objcopy >/dev/null || ! echo 'int main(void) { return 0; }' | gcc -x c -o /dev/null - 2>/dev/null; then
    echo "build.sh: the native client is linked by gcc, which is missing or finds no C library: install gcc, binutils and libc6-dev (or build with --quick)" >&2
    exit 1
  fi
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
arguments=(-c "$configuration" -r "$rid" -nologo -v quiet -clp:NoSummary)

# managed PROJECT NAME: into out/lib/NAME, with a link out/NAME to its executable.
# Precompiled code (ReadyToRun) starts three times faster; where its compiler pack cannot be had, the JIT does the work.
managed() {
  local project=$1 name=$2 managed=("${arguments[@]}" --self-contained false -p:PublishAot=false)
  rm -rf "out/lib/$name" "out/$name.dbg"
  if [[ $configuration == Release ]] &&
    dotnet publish "$project" "${managed[@]}" -p:PublishReadyToRun=true -o "out/lib/$name" >"$log" 2>&1; then
    :
  elif [[ $configuration == Release ]] && ! grep -qiE 'crossgen|NETSDK1094' "$log"; then
    cat "$log" >&2
    exit 1
  else
    [[ $configuration == Debug ]] || echo "build.sh: precompiling is not possible here (no Crossgen2 pack); $name will start slower" >&2
    dotnet publish "$project" "${managed[@]}" -o "out/lib/$name"
  fi
  ln -sfn "lib/$name/$name" "out/$name"
}

# native PROJECT NAME: the file out/NAME, with what a debugger wants in out/NAME.dbg.
native() {
  local project=$1 name=$2
  rm -rf "out/lib/$name"
  dotnet publish "$project" "${arguments[@]}" -o "out/lib/$name" >"$log" 2>&1 || { cat "$log" >&2; exit 1; }
  # A program that runs keeps its file: a new one takes its name.
  mv -fT "out/lib/$name/$name" "out/$name"
  [[ ! -e out/lib/$name/$name.dbg ]] || mv -fT "out/lib/$name/$name.dbg" "out/$name.dbg"
  rm -rf "out/lib/$name"
}

mkdir -p out/lib
if [[ $native == true ]]; then native client/NixFuseStore.Cli nixfuse; else managed client/NixFuseStore.Cli nixfuse; fi
managed server/NixFuseStore.Server nixfuse-server
if [[ $native == true ]]; then kind="native"; else kind="on the .NET runtime"; fi
echo "built out/nixfuse ($kind) and out/nixfuse-server ($configuration)"
