#!/usr/bin/env bash
# Two hosts on one machine: network namespaces NAME-server (10.77.0.1) and NAME-client (10.77.0.2),
# joined by a device link0 in each, with a bandwidth and a round-trip time between them.
#
#   two-hosts.sh up NAME RATE RTT_MS     RATE as tc has it (1gbit, 100mbit); RTT_MS 0 for a link without delay
#   two-hosts.sh down NAME
#
# The delay comes from netem where the kernel has it, else from netdelay.c beside this script, which gcc compiles.
# Needs root and iproute2.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd)
[[ $# -ge 2 ]] || { sed -n '2,9s/^# \{0,1\}//p' "$0" >&2; exit 2; }
verb=$1 name=$2 server=$2-server client=$2-client
state=${TMPDIR:-/tmp}/two-hosts-$name

down() {
  if [[ -s $state/pid ]]; then kill "$(<"$state/pid")" 2>/dev/null || true; fi
  rm -rf -- "$state"
  for host in "$server" "$client"; do ip netns del "$host" 2>/dev/null || true; done
}

cable() { ip -n "$server" link add link0 type veth peer name link0 netns "$client"; }

# shape DELAY: netem on both ends; fails where the kernel has no netem.
shape() {
  local host
  for host in "$server" "$client"; do
    ip netns exec "$host" tc qdisc replace dev link0 root netem delay "$1" rate "$rate" limit 20000 2>/dev/null || return 1
  done
}

up() {
  local rate=$1 rtt_ms=$2 host
  down
  mkdir -p "$state"
  for host in "$server" "$client"; do ip netns add "$host"; ip -n "$host" link set lo up; done
  cable
  if ((rtt_ms > 0)) && ! shape "$((rtt_ms * 500))us"; then
    ip -n "$server" link del link0
    gcc -O2 -o "$state/netdelay" "$here/netdelay.c"
    # With no descriptor of the caller's, who may wait for the end of a pipe.
    "$state/netdelay" "$server" link0 "$client" link0 "$((rtt_ms * 500))" </dev/null >/dev/null 2>&1 &
    echo $! >"$state/pid"
    for _ in $(seq 100); do
      ip -n "$client" link show link0 >/dev/null 2>&1 && ip -n "$server" link show link0 >/dev/null 2>&1 && break
      sleep 0.05
    done
    for host in "$server" "$client"; do ip -n "$host" link set link0 mtu 9000 txqueuelen 2000; done
  fi
  ip -n "$server" addr add 10.77.0.1/24 dev link0
  ip -n "$client" addr add 10.77.0.2/24 dev link0
  for host in "$server" "$client"; do
    ip -n "$host" link set link0 up
    if [[ -s $state/pid || $rtt_ms == 0 ]]; then
      ip netns exec "$host" tc qdisc replace dev link0 root tbf rate "$rate" burst 128kb limit 2mb
    fi
  done
}

case $verb in
  up) [[ $# == 4 ]] || { echo "two-hosts.sh: up takes NAME RATE RTT_MS" >&2; exit 2; }; up "$3" "$4" ;;
  down) down ;;
  *) echo "two-hosts.sh: unknown verb $verb" >&2; exit 2 ;;
esac
