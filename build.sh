#!/usr/bin/env bash
# Builds the client and the server into out/: out/nixfuse and out/nixfuse-server.
#
#   ./build.sh [--debug]
#
# Needs the .NET 10 SDK and the package registry that NuGet is set up with.
set -euo pipefail
cd -- "$(dirname -- "${BASH_SOURCE[0]}")"

configuration=Release
case ${1:-} in
  '') ;;
  --debug) configuration=Debug ;;
  *) sed -n '2,6s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
command -v dotnet >/dev/null || { echo "build.sh: the .NET 10 SDK is missing (no dotnet on PATH); ./quickstart.sh tells how to get it" >&2; exit 1; }

case $(uname -m) in
  x86_64) rid=linux-x64 ;;
  aarch64) rid=linux-arm64 ;;
  *) echo "build.sh: no .NET runtime identifier is known for $(uname -m)" >&2; exit 1 ;;
esac

log=$(mktemp)
trap 'rm -f "$log"' EXIT

# publish PROJECT NAME: into out/lib/NAME, with a link out/NAME to its executable.
# Precompiled code (ReadyToRun) starts three times faster; where its compiler pack cannot be had, the JIT does the work.
publish() {
  local project=$1 name=$2 arguments=(-c "$configuration" -r "$rid" --self-contained false -nologo -v quiet -clp:NoSummary)
  rm -rf "out/lib/$name"
  if [[ $configuration == Release ]] &&
    dotnet publish "$project" "${arguments[@]}" -p:PublishReadyToRun=true -o "out/lib/$name" >"$log" 2>&1; then
    :
  elif [[ $configuration == Release ]] && ! grep -qiE 'crossgen|NETSDK1094' "$log"; then
    cat "$log" >&2
    exit 1
  else
    [[ $configuration == Debug ]] || echo "build.sh: precompiling is not possible here (no Crossgen2 pack); $name will start slower" >&2
    dotnet publish "$project" "${arguments[@]}" -o "out/lib/$name"
  fi
  ln -sfn "lib/$name/$name" "out/$name"
}

mkdir -p out/lib
publish client/NixFuseStore.Cli nixfuse
publish server/NixFuseStore.Server nixfuse-server
echo "built out/nixfuse and out/nixfuse-server ($configuration)"
