#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The netlink family: every wrong request is refused with a reason and changes
# nothing; who may ask; large answers; notifications.
#
#	A: t0 (with lanes of up4), t1, single: taps; tun0, dum0: no taps
#	   up4, up8: dummy uplinks with 4 and 8 queues
#	B: elsewhere, a tap; upb, an uplink

. "$(dirname -- "$0")/lib.sh"
. "$here/taps_lib.sh"

new_ns B
tunmq_begin
dummy_uplink up4 4
dummy_uplink up8 8
ip -n "$A" link add dum0 type dummy
hold tun tun0
hold add t0 4
hold add t1 2
hold add single 0
# Indices that are none of A's.
in_ns "$B" ip tuntap add elsewhere mode tap multi_queue
ip -n "$B" link add upb index 777 numtxqueues 4 numrxqueues 4 type dummy
index() { in_ns "${2:-$A}" cat "/sys/class/net/$1/ifindex"; }

lanes set t0 --uplink up4 --base 2 --weight 3
state() { nl dump; }

# refused NAME PATTERN WORD...: the request is, with a text, and nothing came of it.
refused() {
	local before after
	before=$(state)
	check_refused "$1" "$2" nl "${@:3}"
	after=$(state)
	[[ $before == "$after" ]] || fail "$1: changes nothing" "$before"$'\n'"$after"
}

# Which tap.
for verb in get set unset; do
	refused "$verb: no tap is named" 'EINVAL: name the device' $verb
	refused "$verb: unknown name" 'ENODEV: no device of that name' $verb ifname=str:nobody
	refused "$verb: unknown index" 'ENODEV: no device of that name' $verb ifindex=u32:9999
	refused "$verb: a tap of another namespace" 'ENODEV: no device' $verb ifname=str:elsewhere
	refused "$verb: a dummy" '(EOPNOTSUPP|ENOTSUP): the device is no tap' $verb ifname=str:dum0
	refused "$verb: a tun" '(EOPNOTSUPP|ENOTSUP): the device is no tap' $verb ifname=str:tun0
	refused "$verb: index and name disagree" 'EINVAL: ifindex and ifname' \
		$verb ifindex=u32:"$(index t0)" ifname=str:t1
	refused "$verb: name too long" '(ERANGE|EINVAL): .*\[ifname\]' \
		$verb ifname=str:abcdefghijklmnop
	refused "$verb: index of 2 bytes" '(ERANGE|EINVAL): .*\[ifindex\]' $verb ifindex=u16:1
done
refused "get: a tap without lanes" 'ENOENT: the tap has no lanes' get ifname=str:t1
refused "unset: a tap without lanes" 'ENOENT: the tap has no lanes' unset ifname=str:t1

# What is asked of it, if the tap has lanes already (t0) or not (t1).
for tap in t0 t1; do
	bad() { # bad NAME PATTERN WORD...
		refused "set $tap: $1" "$2" set ifname=str:$tap "${@:3}"
	}
	bad "base beyond the lanes" 'ERANGE: base 4: the uplink has 4 lanes' \
		uplink=u32:"$(index up4)" base=u32:4
	bad "base beyond any" 'ERANGE: the base must be below 4096 \[base\]' base=u32:4096
	bad "base 2^32 - 1" 'ERANGE: the base must be below 4096 \[base\]' base=u32:0xffffffff
	bad "base of 8 bytes" '(ERANGE|EINVAL): .*\[base\]' base=hex:0000000000000000
	bad "weight 0" 'ERANGE: the weight must be from 1 to 1024 \[weight\]' weight=u32:0
	bad "weight 1025" 'ERANGE: the weight must be from 1 to 1024 \[weight\]' weight=u32:1025
	bad "weight of 3 bytes" '(ERANGE|EINVAL): .*\[weight\]' weight=hex:010000
	bad "mode 5" 'EINVAL: unknown mode \[mode\]' mode=u32:5
	bad "mode 2^32 - 1" 'EINVAL: unknown mode \[mode\]' mode=u32:0xffffffff
	bad "override with a value" '(ERANGE|EINVAL): .*\[override\]' override=u32:1
	bad "no such uplink" 'ENODEV: no device with the uplink.s index.*\[uplink\]' uplink=u32:9999
	bad "uplink 0" 'ENODEV: no device with the uplink.s index.*\[uplink\]' uplink=u32:0
	bad "uplink 2^31" 'ENODEV: no device with the uplink.s index.*\[uplink\]' uplink=u32:0x80000000
	bad "an uplink of another namespace" 'ENODEV: .*\[uplink\]' uplink=u32:777
	bad "itself as uplink" 'ELOOP: a tap cannot be an uplink' uplink=u32:"$(index $tap)"
	bad "another tap as uplink" 'ELOOP: a tap cannot be an uplink' uplink=u32:"$(index single)"
	bad "unknown attribute 21" 'EINVAL: .*\[21\]' 21=u32:1
	bad "unknown attribute 1000" 'EINVAL: .*\[1000\]' 1000=u32:1
	bad "an attribute that is only told" 'EINVAL: .*\[lanes\]' lanes=u32:4
	bad "a flag that is only told" 'EINVAL: .*\[pinned\]' pinned=flag:
done
refused "set: no uplink is to be found" 'ENODEV: name the uplink' set ifname=str:t1
refused "get: an attribute of set" 'EINVAL: .*(\[base\]|policy)' get ifname=str:t0 base=u32:0
refused "unset: an attribute of set" 'EINVAL: .*(\[base\]|policy)' unset ifname=str:t0 base=u32:0
refused "dump: an attribute" 'EINVAL: ' dump ifname=str:t0
refused "rebalance: no such uplink" 'ENODEV: no device with the uplink.s index.*\[uplink\]' \
	rebalance uplink=u32:9999
refused "rebalance: uplink of 1 byte" '(ERANGE|EINVAL): .*\[uplink\]' rebalance uplink=u8:1
refused "rebalance: unknown attribute" 'EINVAL: .*\[2\]|EINVAL: .*\[moved\]' rebalance moved=u32:1
refused "an unknown command" 'EOPNOTSUPP|ENOTSUP' 7
refused "a notification as a command" 'EOPNOTSUPP|ENOTSUP' 5

garbage() { # no request, whatever is in it, does harm
	local tap
	in_ns "$A" "$here/tunmq_garbage.py" 1000 t0 t1 single tun0 dum0 up4 up8
	# Some were right: what has got lanes so must not be counted later.
	for tap in t1 single; do lanes unset $tap || true; done
	lanes set t0 --uplink up4 --base 2 --weight 3
	is t0 '"\(.uplink_name) \(.base) \(.weight)"' 'up4 2 3'
}
before=$(nl get ifname=str:t0)
check "1000 requests of garbage" garbage
lanes unset t0
lanes set t0 --uplink up4 --base 2 --weight 3
after=$(nl get ifname=str:t0)
[[ $before == "$after" ]] || fail "a tap set again is as before" "$before"$'\n'"$after"

vanishing() { # uplinks that go while they are named
	local pid
	while :; do
		ip -n "$A" link add gone0 index 888 numtxqueues 4 numrxqueues 4 type dummy
		ip -n "$A" link del gone0
	done &
	pid=$!
	for _ in {1..40}; do
		nl set ifname=str:t1 uplink=u32:888 >"$tmp/said" 2>&1 ||
			grep -q 'ENODEV: no device with the uplink' "$tmp/said" ||
			{ kill $pid; cat "$tmp/said"; false; }
	done
	kill $pid
	wait $pid || true
	ip -n "$A" link del gone0 || true
	lanes set t1 --uplink up4
	lanes unset t1
}
check "an uplink that vanishes meanwhile" vanishing

# Who may.
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs)
not_permitted() {
	local before after verb
	before=$(state)
	for verb in "set ifname=str:t0 weight=u32:1" "unset ifname=str:t0" rebalance \
		"set ifname=str:t1 uplink=u32:$(index up4)"; do
		# shellcheck disable=SC2086
		fails in_ns "$A" "$@" "$here/tunmq.py" $verb >"$tmp/said" 2>&1
		grep -q EPERM "$tmp/said" || { cat "$tmp/said"; false; }
	done
	in_ns "$A" "$@" "$here/tunmq.py" get ifname=str:t0 >"$tmp/said"
	in_ns "$A" "$@" "$here/tunmq.py" dump | diff - <(nl dump)
	after=$(state)
	[[ $before == "$after" ]]
}
check "who has no capability may look, but change nothing" not_permitted "${nobody[@]}"
check "... nor root of a user namespace alone" not_permitted unshare -Ur
vpcctl_says() {
	fails in_ns "$A" setpriv --reuid=65534 --clear-groups "$programs/vpcctl" \
		lanes set t0 --weight 1 2>"$tmp/said"
	grep -q 'CAP_NET_ADMIN' "$tmp/said"
}
check "... and vpcctl says what is missing" vpcctl_says
own_ns() { # the admin of a namespace of their own, there and nowhere else
	unshare -Urn bash -euc '
		ip link add up4 numtxqueues 4 numrxqueues 4 type dummy
		ip tuntap add own mode tap multi_queue
		"$0" set ifname=str:own uplink=u32:$(ip -j link show up4 | jq ".[0].ifindex")
		"$0" get ifname=str:own
		[[ $("$0" dump | grep -c ifname) == 1 ]]
		"$0" rebalance
		"$0" unset ifname=str:own
		! "$0" get ifname=str:t0' "$here/tunmq.py"
}
check "... but they may in a namespace of their own" own_ns
ns_dump() { # each namespace has its own
	[[ $(in_ns "$B" "$here/tunmq.py" dump) == ok ]]
	[[ $(nl dump | grep -c ifname) == 1 ]]
}
check "the taps of other namespaces are not told" ns_dump

# Large answers.
many() {
	local i seen
	for ((i = 1; i <= 60; i++)); do
		hold add many$i 4
		nl set ifname=str:many$i uplink=u32:"$(index up8)" >/dev/null
	done
	seen=$(nl dump | grep -o '"many[0-9]*"' | sort -u | wc -l)
	(($(nl dump | grep -c ifname) == 61 && seen == 60))
	(($(lanes show --json | jq '.taps | length') == 61))
	(($(lanes show --json | jq '[.taps[].queues | length] | add') == 244))
	for ((i = 1; i <= 60; i++)); do hold del many$i; done
	[[ $(nl dump | grep -c ifname) == 1 ]]
}
check "60 taps are all told, once each" many
wide() {
	hold add wide 256
	lanes set wide --uplink up8
	is wide '"\(.num_queues) \(.queues | length) \(.queues[255].lane)"' '256 256 7'
	lanes show --json | jq -e '.taps | map(.ifname) == ["t0", "wide"]'
	lanes unset wide
	hold del wide
}
check "a tap of 256 queues is told, alone and in a dump" wide

# Notifications: a line for each, by what has changed.
start "$A" "$programs/vpcctl" lanes watch --json >>"$tmp/events"
start "$B" "$programs/vpcctl" lanes watch --json >>"$tmp/events.b"
weight=3
subscribed() { # the last word has come through
	weight=$((weight + 1))
	lanes set t0 --weight $weight
	sleep 0.2
	jq -se ".[-1].tap.weight == $weight" "$tmp/events"
}
until_true 20 subscribed
# told JSON: what has been told since the last time.
told() {
	local seen want=$1
	until_true 20 lines_there "$(jq 'length' <<<"$want")" || true
	seen=$(jq -sc 'map([.event, .tap.ifname, .tap.base, .tap.uplink_name])' "$tmp/events")
	: >"$tmp/events"
	echo "told $seen, expected $want"
	[[ $seen == "$want" ]]
}
lines_there() { (($(jq -s length "$tmp/events") >= $1)); }
quiet() { : >"$tmp/events"; }

events() {
	quiet
	hold add t9 4
	lanes set t9 --uplink up4
	told '[["set","t9",0,"up4"]]'
	lanes set t9 --base 1
	told '[["set","t9",1,"up4"]]'
	lanes unset t9
	told '[["unset","t9",1,"up4"]]'
	lanes set t9 --uplink up4
	hold del t9
	told '[["set","t9",0,"up4"],["unset","t9",0,"up4"]]'
}
check "each change is told: set, changed, unset, gone" events
moved_events() {
	quiet
	for i in 5 6 7 8; do
		hold add t$i 4
		lanes set t$i --uplink up8
	done
	hold del t5
	hold del t7
	until_true 20 lines_there 6
	quiet
	lanes rebalance
	told '[["set","t6",0,"up8"]]' || told '[["set","t8",0,"up8"]]'
	hold del t6
	hold del t8
	until_true 20 lines_there 2
}
check "... moved by a rebalance" moved_events
uplink_events() {
	quiet
	dummy_uplink gone0 4
	hold add t9 4
	lanes set t9 --uplink gone0
	until_true 20 lines_there 1
	quiet
	ip -n "$A" link del gone0
	told '[["set","t9",0,null]]'
	hold del t9
}
check "... its uplink gone" uplink_events
check "another namespace is told nothing" test ! -s "$tmp/events.b"

ksft_end
