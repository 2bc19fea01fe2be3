#!/usr/bin/env bash
# Takes one program out of a package of this machine's archive, without installing it or starting its service.
#
#   tests/setup/fetch-program.sh PACKAGE PROGRAM OUT
set -euo pipefail
package=$1 program=$2 out=$(realpath -m "$3")
work=$(mktemp -d) && trap 'rm -rf -- "$work"' EXIT
# apt-get's own user downloads.
chmod 755 "$work"
cd "$work"
apt-get -qq -o APT::Sandbox::User=root download "$package"
dpkg-deb -x ./*.deb root
install -D -m 755 "root/$program" "$out"
