#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# vpcctl lanes: what is set is what is shown, in tables, in JSON and to those
# who watch; what cannot be is refused with one sentence and status 1.
#
#	VM a - tapA - br0 - tapB - VM b
#	8 queues       |    4 queues
#	              up0, 8 lanes

. "$(dirname -- "$0")/lib.sh"
. "$here/vms_lib.sh"

new_ns A
unload_tun_mq
check_refused "without the module" 'not loaded: modprobe tun_mq$' lanes show
load_tun_mq
start_vms

# An element for each line, whatever each line is.
watched() { jq -sce "$1" "$tmp/watch.json"; }
start "$A" "$here/../build/bin/vpcctl" lanes watch --json >"$tmp/watch.json"
start "$A" "$here/../build/bin/vpcctl" lanes watch >"$tmp/watch"
# Subscribed: of protocol 16, with a group.
listening() { (($(in_ns "$A" awk '$2 == 16 && $4 != "00000000"' /proc/net/netlink | wc -l) >= 2)); }
until_true 20 listening

nothing() {
	[[ $(lanes show --json) == '{"taps":[]}' ]]
	lanes show | grep -qx 'no tap has lanes; vpcctl lanes set TAP gives it some'
}
check "nothing has lanes" nothing

set_base() {
	lanes set tapB --uplink up0 --base 6 --weight 3
	shown tapB '.ifname == "tapB" and .uplink_name == "up0" and .lanes == 8'
	shown tapB '.base == 6 and .pinned and .weight == 3 and .num_queues == 4'
	shown tapB '[.queues[].index] == [0, 1, 2, 3]'
	shown tapB '[.queues[].lane] == [6, 7, 0, 1]'
	shown tapB '[.queues[].uplink_queue] == [6, 7, 0, 1]'
}
check "a base is set" set_base
check "lanes lead to its queues" followed 6

counted() {
	local before after
	before=$(lanes show tapB --json)
	followed 6
	vm B send --to 10.9.0.1 --count 30 --queue 2 >/dev/null
	after=$(lanes show tapB --json)
	jq -cne "$before.taps[0].queues as \$b | $after.taps[0].queues as \$a |
		[range(4) | \$a[.].rx_packets - \$b[.].rx_packets] == [range(4) | 2 * $count]"
	jq -cne "$before.taps[0].queues as \$b | $after.taps[0].queues as \$a |
		[range(4) | \$a[.].tx_packets - \$b[.].tx_packets | . >= 30] ==
		[false, false, true, false]"
}
check "packets are counted each way" counted

table() {
	lanes show | tee "$tmp/table"
	[[ $(grep -c '^tapB' "$tmp/table") == 5 ]]
	grep -qE '^tapB +2 +0 +up0 +0 +[0-9]+ +[0-9]+$' "$tmp/table"
	grep -qE '^tapB +8 +6 \(pinned\) +3 ' "$tmp/table"
	fails grep -q ' $' "$tmp/table"
}
check "tables show the same" table

stays() {
	lanes set tapB --base 1
	shown tapB '.base == 1 and .weight == 3 and .uplink_name == "up0"'
}
check "what is not named stays" stays

mode() {
	lanes set tapB --mode off
	shown tapB '.mode == "off" and .to_vm == "off"'
	lanes set tapB --mode ftrace
	shown tapB '.mode == "ftrace" and .to_vm == "lanes"'
	followed 1
}
check "modes" mode

rebalance() {
	lanes unset tapB
	lanes set tapB --uplink up0
	[[ $(lanes rebalance --json) == '{"moved":0}' ]]
	[[ $(lanes rebalance --uplink up0) == '0 taps have another base now' ]]
}
check "rebalance" rebalance

unset_it() {
	lanes unset tapB
	[[ $(lanes show --json) == '{"taps":[]}' ]]
}
check "a tap is let go" unset_it

told() {
	until_true 20 watched '[.[] | .event] | index("unset")'
	until_true 20 grep -qx 'tapB: has no lanes any more' "$tmp/watch"
	watched '[.[] | select(.event == "set").tap.base] | .[0:2] == [6, 1]'
	watched '[.[] | .tap.ifname] | unique == ["tapB"]'
	grep -q '^tapB: uplink up0, lanes 8, queues 4, base 6 (pinned), weight 3,' "$tmp/watch"
}
check "who watches is told" told

# refused NAME PATTERN ARGUMENT...: in one sentence, with status 1.
refused() {
	local name=$1 pattern=$2 status=0
	shift 2
	lanes "$@" >"$tmp/said" 2>&1 || status=$?
	if ((status != 1)) || (($(wc -l <"$tmp/said") != 1)) ||
		! grep -qE "^vpcctl: .*$pattern" "$tmp/said"; then
		fail "$name" "status $status: $(cat "$tmp/said")"
	else
		pass "$name"
	fi
}
refused "a tap that is not there" 'no device of that name' set nosuch
refused "no tap" 'is no tap' set up0
refused "an uplink that is not there" 'there is no nosuch' set tapB --uplink nosuch
refused "a base beyond the lanes" 'has 8 lanes' set tapB --uplink up0 --base 8
refused "a tap as an uplink" 'cannot be an uplink' set tapB --uplink tapA
refused "letting go of what has no lanes" 'has no lanes' unset tapB
refused "showing what has no lanes" 'has no lanes' show tapB
powerless() { setpriv --bounding-set -net_admin "$here/../build/bin/vpcctl" lanes "$@"; }
check_refused "setting without CAP_NET_ADMIN" 'needs CAP_NET_ADMIN' powerless set tapB
check "showing without it" powerless show

wrong() { # wrong ARGUMENT...: status 2
	local status=0
	lanes "$@" || status=$?
	((status == 2))
}
check "wrong options have status 2" wrong set tapB --base 4096
check "--keep without mode ebpf has status 2" wrong set tapB --keep

gone() {
	unload_tun_mq
	until_true 20 grep -qx '{"event":"gone"}' "$tmp/watch.json"
	until_true 20 grep -qx 'no tap has lanes any more' "$tmp/watch"
}
check "who watches is told that the module goes" gone

ksft_end
