#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# A VM sends only as itself: each frame that it may not send is dropped and
# counted under its reason, each that it has to be able to send goes through, and
# each permission of a port allows just what it says. vpc_spoof.py has the cases.
#
#	A: tapm (red) - br0 - tapv (red), tapw (blue, the same addresses)

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

two_hosts
results "from a port" in_ns "$A" "$here/vpc_spoof.py"
ksft_end
