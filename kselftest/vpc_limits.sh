#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# How much a port may cause: copies of what it sends to all, and events.
# vpc_limits.py has the cases.
#
#	A: tapa, tapb (red), tapc (blue) - br0

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

two_hosts
results "limits" in_ns "$A" "$here/vpc_limits.py"
ksft_end
