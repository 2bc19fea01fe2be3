#!/usr/bin/env bash
# Makes a root file system as a runner has it: this machine's Debian release, the libraries that the client loads, stock Nix, and no .NET.
#
#   make-bare-root.sh OUT     such as: make-bare-root.sh artifacts/bare
#
# Needs root and debootstrap, which takes the packages from the mirror that the machine uses.
set -euo pipefail
out=$(realpath -m -- "$1")

suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
mirror=$(apt-get indextargets --format '$(ORIGIN) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
  awk '$1 == "Debian" && $2 ~ /^https?:/ && $2 !~ /security/ { print $2; exit }')
mirror=${mirror:-http://deb.debian.org/debian/}
# The release of 2025 gave libssl3 another name.
ssl=libssl3
! apt-cache show libssl3t64 >/dev/null 2>&1 || ssl=libssl3t64

mkdir -p -- "$(dirname -- "$out")"
work=$(mktemp -d -- "$out.XXXXXX")
trap 'rm -rf --one-file-system -- "$work"' EXIT
debootstrap --variant=minbase --include="$ssl,libzstd1,liblzma5,libsqlite3-0,fuse3" "$suite" "$work/root" "$mirror"
# Nix is unpacked only: its packages want to set up users, which nothing here needs.
"$(dirname -- "${BASH_SOURCE[0]}")/make-nix-root.sh" "$suite" "$work/nix"
for folder in usr bin sbin lib lib64; do
  [[ ! -d $work/nix/$folder ]] || cp -a --no-clobber "$work/nix/$folder/." "$(realpath "$work/root/$folder")/"
done
rm -rf "$work/root/var/cache/apt/archives" "$work"/root/usr/share/{doc,man,locale}
[[ ! -e $work/root/usr/bin/dotnet && ! -e $work/root/usr/lib/dotnet && ! -e $work/root/usr/share/dotnet ]]

rm -rf --one-file-system -- "$out"
mv -- "$work/root" "$out"
