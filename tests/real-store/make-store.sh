#!/usr/bin/env bash
# Makes a genuine Nix store with real closures out of Debian packages, by real Nix builds: one store path for each package,
# with the references that Nix finds by scanning. Tests, benchmarks and quickstart.sh use it.
#
#   make-store.sh OUT [--work DIR] [--salt TEXT] [PACKAGE...]
#
# OUT becomes a chroot store (OUT/nix/store, OUT/nix/var/nix/db) that holds just the closures of the PACKAGEs
# (default: python3 nodejs git perl gcc libc6-dev ripgrep ffmpeg bash coreutils); their store paths are printed.
# DIR keeps the downloads for the next run (default: OUT.work). Another salt gives every path another hash
# and changes nothing else: a mass rebuild.
# Needs nix-bin, patchelf and python3, a fresh package list (apt-get update), and the right to make user namespaces.
set -euo pipefail
export LC_ALL=C NIX_REMOTE='' NIX_PATH=''
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
fail() { echo "make-store.sh: $*" >&2; exit 1; }
usage() { sed -n '2,12s/^# \{0,1\}//p' "$0" >&2; exit 2; }

[[ $# -ge 1 && $1 != -* ]] || usage
mkdir -p "$1" && out=$(cd "$1" && pwd); shift
work=$out.work salt='' packages=()
while (($#)); do
  case $1 in
    --work) work=${2:?--work needs a folder}; shift 2 ;;
    --salt) salt=${2?--salt needs a text}; shift 2 ;;
    -*) usage ;;
    *) packages+=("$1"); shift ;;
  esac
done
((${#packages[@]})) || packages=(python3 nodejs git perl gcc libc6-dev ripgrep ffmpeg bash coreutils)
for tool in apt-get dpkg-deb patchelf nix-build nix-store /usr/bin/python3; do
  command -v "$tool" >/dev/null || fail "$tool is missing"
done
mkdir -p "$work/debs" && work=$(cd "$work" && pwd)

# --- packages -------------------------------------------------------------------
# apt's own resolver, as if nothing were installed and with the distribution's packages preferred to any other
# source's, so that what the host has does not matter.
printf 'Package: *\nPin: release o=Debian\nPin-Priority: 1001\n' >"$work/preferences"
apt=(apt-get -qq -o Dir::State::status=/dev/null -o Dir::Etc::preferences="$work/preferences"
  -o Dir::Etc::preferencesparts=/dev/null -o Debug::NoLocking=1 -o APT::Sandbox::User=)
# Lines of "Inst NAME (VERSION ORIGIN... [ARCH])" become "NAME VERSION ARCH".
"${apt[@]}" --simulate --no-install-recommends install "${packages[@]}" |
  sed -nE 's/^Inst ([^ ]+) \(([^ ]+) .*\[([a-z0-9]+)\]\).*/\1 \2 \3/p' | sort >"$work/wanted"
[[ -s $work/wanted ]] || fail "apt knows no packages ${packages[*]}; run apt-get update first"
files=() missing=()
while read -r name version arch; do
  file=${name}_${version//:/%3a}_$arch.deb
  files+=("$file")
  [[ -s $work/debs/$file ]] || missing+=("$name=$version")
done <"$work/wanted"
if ((${#missing[@]})); then
  # Into a folder of its own: what an interrupted download left must not be taken for a package.
  rm -rf "$work/partial" && mkdir "$work/partial"
  (cd "$work/partial" && "${apt[@]}" download "${missing[@]}")
  mv "$work/partial"/*.deb "$work/debs/" && rmdir "$work/partial"
fi

# --- builds ---------------------------------------------------------------------
(cd "$work/debs" && /usr/bin/python3 "$here/plan.py" "${packages[*]}" "${files[@]}") >"$work/plan.json"
nix-build --store "$out" --no-out-link --quiet \
  --option substitute false --option build-users-group '' --option sandbox true \
  --option sandbox-paths '/usr /bin /lib /lib64' --option max-jobs "$(nproc)" --option cores 1 \
  "$here/store.nix" --argstr plan "$work/plan.json" --argstr debs "$work/debs" --argstr salt "$salt" -A top \
  >"$work/top" 2>"$work/log" || { tail -n 20 "$work/log" >&2; fail "nix-build failed"; }

# --- only the closures of the top-level paths stay -------------------------------
roots=$out/nix/var/nix/gcroots/real-store
rm -rf "$roots" && mkdir -p "$roots"
sort -u "$work/top" | while read -r path; do ln -sfn "$path" "$roots/${path##*/}"; done
nix-store --store "$out" --gc --option keep-derivations false --quiet >/dev/null 2>"$work/log" ||
  { tail -n 5 "$work/log" >&2; fail "nix-store --gc failed"; }
sort -u "$work/top"
