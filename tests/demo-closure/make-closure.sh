#!/usr/bin/env bash
# Makes a small genuine Nix store out of Debian packages, by real Nix builds: one store path for each package,
# with the references that Nix finds by scanning. It is what quickstart.sh pushes and mounts.
#
#   make-closure.sh OUT [--salt TEXT] [PACKAGE...]     default package: jq
#
# OUT becomes a chroot store (OUT/nix/store, OUT/nix/var/nix/db); the store path of each PACKAGE is printed.
# Another salt gives every path another hash and changes nothing else.
# Needs nix-bin, patchelf and python3, a fresh package list (apt-get update), and the right to make user namespaces.
set -euo pipefail
export LC_ALL=C NIX_REMOTE='' NIX_PATH=''
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)

[[ $# -ge 1 && $1 != -* ]] || { sed -n '2,10s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd); shift
salt=''
[[ ${1:-} == --salt ]] && { salt=${2?--salt needs a text}; shift 2; }
packages=("${@:-jq}")
for tool in apt-get dpkg-deb patchelf nix-build python3; do
  command -v "$tool" >/dev/null || { echo "make-closure.sh: $tool is missing" >&2; exit 1; }
done

work=$out.work
mkdir -p "$work/debs"
# apt's own resolver, as if nothing were installed, so that the host's packages do not matter.
apt=(apt-get -qq -o Dir::State::status=/dev/null -o Debug::NoLocking=1 -o APT::Sandbox::User=)
"${apt[@]}" --simulate --no-install-recommends install "${packages[@]}" |
  sed -nE 's/^Inst ([^ ]+) \(([^ ]+) .*\[([a-z0-9]+)\]\).*/\1 \2 \3/p' | sort >"$work/wanted"
[[ -s $work/wanted ]] || { echo "make-closure.sh: apt knows no packages ${packages[*]}; run apt-get update first" >&2; exit 1; }
files=() missing=()
while read -r name version arch; do
  file=${name}_${version//:/%3a}_$arch.deb
  files+=("$work/debs/$file")
  [[ -s $work/debs/$file ]] || missing+=("$name=$version")
done <"$work/wanted"
((${#missing[@]} == 0)) || (cd "$work/debs" && "${apt[@]}" download "${missing[@]}")

python3 "$here/plan.py" "${packages[*]}" "${files[@]}" >"$work/plan.json"
nix-build --store "$out" --no-out-link --quiet \
  --option substitute false --option build-users-group '' --option sandbox true \
  --option sandbox-paths '/usr /bin /lib /lib64' --option max-jobs "$(nproc)" \
  "$here/closure.nix" --argstr plan "$work/plan.json" --argstr salt "$salt" -A top 2>"$work/log" ||
  { echo "make-closure.sh: nix-build failed:" >&2; tail -n 5 "$work/log" >&2; exit 1; }
