#!/usr/bin/env bash
# Unpacks Nix of another Debian release, with every library it needs, into a folder of its own; nothing is installed.
#
#   make-nix-root.sh SUITE OUT     such as: make-nix-root.sh trixie artifacts/nix/trixie
#
# apt resolves and verifies as it does for an install, on an empty package database, from the mirror that the machine uses.
# A program of OUT runs with OUT/usr laid over the machine's /usr, which is how the tests call it.
set -euo pipefail
suite=$1 out=$(realpath -m -- "$2")

keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -e $keyring ]] || { echo "make-nix-root.sh: $keyring is missing: install debian-archive-keyring" >&2; exit 1; }
# The security archive has another layout; a machine that is not Debian has no mirror of it.
mirror=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
  awk '$1 == "Debian" && $2 ~ /^https?:/ && $2 !~ /security/ { print $2; exit }')
mirror=${mirror:-http://deb.debian.org/debian/}

mkdir -p -- "$(dirname -- "$out")"
work=$(mktemp -d -- "$out.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
mkdir -p "$work"/{lists/partial,cache/archives/partial,root}
: >"$work/status"
echo "deb [signed-by=$keyring] $mirror $suite main" >"$work/sources.list"
# A mirror that is frozen for reproducible builds has long expired; its signature is checked all the same.
apt=(apt-get -q -y
  -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=/dev/null -o Dir::Etc::preferencesparts=/dev/null
  -o "Dir::State=$work" -o "Dir::State::lists=$work/lists" -o "Dir::State::status=$work/status" -o "Dir::Cache=$work/cache"
  -o APT::Sandbox::User=root -o APT::Install-Recommends=false -o Acquire::Retries=3 -o Acquire::Languages=none
  -o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false
  -o Acquire::Check-Valid-Until=false -o Acquire::Check-Date=false)
retried() { for attempt in 1 2 3; do "$@" && return; sleep $((attempt * 2)); done; return 1; }
retried "${apt[@]}" update
retried "${apt[@]}" --download-only install nix-bin
for package in "$work"/cache/archives/*.deb; do dpkg-deb --extract "$package" "$work/root"; done
rm -rf "$work"/root/usr/share/{doc,man,locale,perl}

rm -rf -- "$out"
mv -- "$work/root" "$out"
