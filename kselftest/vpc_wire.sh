#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What comes by the wire goes to the tenant that its key and its sender stand for,
# or to nobody: unknown keys and hosts, a host that has no VMs of that tenant,
# forged senders inside, tunnels in tunnels, damage. vpc_wire.py has the cases.
#
#	A: tapv (red), tapw (blue, the same addresses) - br0 - mgre0 - eth0 --- eth0 :B

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

two_hosts
results "from the wire" in_ns "$A" "$here/vpc_wire.py" "$A" "$B" $((5000 * ${KSFT_ROUNDS:-1}))
ksft_end
