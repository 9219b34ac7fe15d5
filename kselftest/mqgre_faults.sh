#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Allocations fail, one after the other, while devices are made, changed and
# used; nothing is left behind. Needs a kernel with fault injection, which
# Debian's has not; see debug.config.
#
#   +----- ns ------+
#   | flt0  mqgre   |   192.0.2.1 -> 192.0.2.2 over d0
#   | d0    dummy   |
#   +---------------+

. "$(dirname -- "$0")/lib.sh"
. "$here/faults_lib.sh"

need_faults

faults() {
	ip netns exec "$ns" "$here/mqgre_faults.py" "$1"
}

load_kind
new_ns ns
ip -n "$ns" link add d0 type dummy
ip -n "$ns" addr add 192.0.2.1/24 dev d0
ip -n "$ns" link set d0 up

check "a tunnel is made whole or not at all" faults create
check "so is a collect-metadata device" faults metadata
check "a change happens or does not" faults change
check "frames that cannot be sent are dropped" faults send
ip netns del "$ns"
check "the module can be unloaded" rmmod mq_gre
check_leaks
ksft_end
