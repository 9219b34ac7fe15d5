#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# GRE packets that are short, wrong, odd or rubbish: each raises the counter
# that is meant for it, or none; nothing is delivered that should not be; and
# after each the tunnel works.
#
#	                                          / m7 key 7
#	A: mqgre_badpkt.py - eth0 --- veth --- eth0 - m8 key 8, csum :B
#	                   10.1.0.1       10.1.0.2 \ both are mqgre

. "$(dirname -- "$0")/lib.sh"

load_kind
[[ ${WITH_IP_GRE:-} != 1 ]] || modprobe ip_gre
new_ns A B
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
# The sender below is no IP host: nothing may wait for its answer.
ip -n "$B" neigh replace 10.1.0.1 dev eth0 \
	lladdr "$(in_ns "$A" cat /sys/class/net/eth0/address)"
ends=(local 10.1.0.2 remote 10.1.0.1)
tunnel "$B" m7 "$KIND" 10.7.0.2 "${ends[@]}" key 7
tunnel "$B" m8 "$KIND" 10.8.0.2 "${ends[@]}" key 8 csum

run() { # run LINEAR|PAGED: the lines of the program become results
	local how=$1 word name status=0
	"$here/mqgre_badpkt.py" "$how" "$A" "$B" >"$tmp/results" 2>"$tmp/err" ||
		status=$?
	while read -r word name; do
		case $word in
		PASS) pass "$how: $name" ;;
		FAIL) fail "$how: ${name%%: *}" "${name#*: }" ;;
		*) note "$word $name" ;;
		esac
	done <"$tmp/results"
	((status == 0)) || fail "$how: the program ends well" "$(<"$tmp/err")"
}

run linear
run paged

ksft_end
