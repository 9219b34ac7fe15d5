#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Dumps that take several messages, while something changes: who reads is told, and
# only then. vpc_dump.py has the cases.

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

load_vpc_hook
new_ns A
results "dump" in_ns "$A" "$here/vpc_dump.py"
ksft_end
