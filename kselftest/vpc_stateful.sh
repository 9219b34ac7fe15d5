#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What rules that keep connections let pass, and how many they keep: each port has
# its own say and its own limit. vpc_stateful.py has the cases.
#
#	A: tapa, tapb, tapc (all of red) - br0

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

two_hosts
results "connections" in_ns "$A" "$here/vpc_stateful.py"
ksft_end
