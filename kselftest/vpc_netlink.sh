#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# The netlink family of vpc_hook: every wrong request is refused with a reason and
# changes nothing; transactions; limits; who may. vpc_netlink.py makes the wrong
# ones out of right ones.
#
#	A: t0, t1: taps - br0	B: elsewhere

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

load_vpc_hook
modprobe tun
new_ns A B
ip -n "$A" link add br0 type bridge forward_delay 0 mcast_snooping 0
ip -n "$A" link set br0 up
veth_pair "$A" eth0 $addr_A "$B" eth0 $addr_B
for tap in t0 t1; do
	in_ns "$A" ip tuntap add $tap mode tap multi_queue
	ip -n "$A" link set $tap master br0 up
done

results "requests" in_ns "$A" "$here/vpc_netlink.py" 2000 t0 t1

# From here on what the garbage has left does not matter.
state() { spec "$A" everything; }
nobody=(setpriv --reuid=65534 --regid=65534 --clear-groups --no-new-privs)
may_look_only() {
	local before command dump
	before=$(state)
	for command in config-set begin commit abort {vpc,port,remote,entry,acl,rule,group}-{new,del} \
		trace; do
		fails in_ns "$A" "$@" "$here/vpc.py" "$command" >"$tmp/said" 2>&1
		grep -q EPERM "$tmp/said" || { echo "$command:"; cat "$tmp/said"; false; }
	done
	for command in config vpc port remote entry acl rule group; do
		dump=dump
		[[ $command != config ]] || dump=
		in_ns "$A" "$@" "$here/vpc.py" "$command-get" $dump >"$tmp/said" 2>&1 ||
			{ cat "$tmp/said"; false; }
	done
	[[ $(state) == "$before" ]]
}
check "who has no capability may look, but change nothing" may_look_only "${nobody[@]}"
check "... nor root of a user namespace alone" may_look_only unshare -Ur
own_ns() { # the admin of a namespace of their own, there and nowhere else
	cd "$tmp"
	unshare -Urn bash -euc '
		ip tuntap add own mode tap multi_queue
		ip link add br0 type bridge
		ip link set own master br0 up
		"$0" vpc-new id=7 name=red
		"$0" port-new ifname=own vpc=7 mac=02:00:00:00:00:01 address=10.9.0.1
		"$0" remote-new vpc=7 address=10.1.0.2
		[[ $("$0" port-get dump | grep -c own) == 1 ]]
		"$0" port-del ifname=own
		"$0" config-get >before
		if "$0" config-set tunnel=0 max-entries=3000000 >said; then exit 1; fi
		grep -q EPERM said
		"$0" config-get | cmp before
		"$0" remote-del vpc=7 address=10.1.0.2
		"$0" vpc-del id=7' "$here/vpc.py"
}
check "... but they may in a namespace of their own" own_ns
apart() {
	spec "$B" everything >"$tmp/everything"
	head -n 1 "$tmp/everything" | jq -e 'del(.config) | all(.[]; . == [])'
	spec "$B" vpc-new id=77
	spec "$A" vpc-get dump >"$tmp/said"
	fails grep -q '"id": 77,' "$tmp/said"
	spec "$B" vpc-del id=77
}
check "each namespace has its own" apart

gone() { # what a port is made of goes
	in_ns "$A" ip tuntap add t2 mode tap multi_queue
	ip -n "$A" link set t2 master br0 up
	spec "$A" vpc-new replace id=700
	spec "$A" port-new ifname=t2 vpc=700 mac=02:00:00:00:07:00 address=10.9.7.1
	spec "$A" port-get ifname=t2
	ip -n "$A" link del t2
	fails spec "$A" port-get ifname=t2
	spec "$A" port-get dump >"$tmp/said"
	fails grep -q t2 "$tmp/said"
	spec "$A" vpc-del id=700
}
check "a port goes with its tap" gone

many() { # more than a message holds
	local n
	for ((n = 1; n <= 2000; n++)); do
		printf 'vpc-new replace id=%d name=n%d\n' $((n + 1000)) "$n"
	done >"$tmp/requests"
	spec "$A" - <"$tmp/requests" >"$tmp/said"
	fails grep -q 'exit 1' "$tmp/said"
	[[ $(spec "$A" vpc-get dump | grep -o '"id": [0-9]*' | sort -u | wc -l) -ge 2000 ]]
	sed -i 's/new replace/del/; s/name=.*//' "$tmp/requests"
	spec "$A" - <"$tmp/requests" >"$tmp/said"
	fails grep -q 'exit 1' "$tmp/said"
}
check "2000 VPCs are all told, once each" many

unloaded() { # not while there are ports, which the bridge would take for one network
	# Whatever the garbage has left, there is one.
	spec "$A" vpc-new replace id=7
	spec "$A" port-new replace ifname=t0 vpc=7 mac=02:00:00:00:00:44
	fails rmmod vpc_hook
	spec "$A" port-get dump | sed -n 's/.*"ifname": "\([^"]*\)".*/port-del ifname=\1/p' \
		>"$tmp/requests"
	spec "$A" - <"$tmp/requests" >"$tmp/said"
	fails grep -q 'exit 1' "$tmp/said"
	spec "$A" config-set tunnel=0
	spec "$B" config-set tunnel=0
	rmmod vpc_hook
	load_vpc_hook
	[[ $(spec "$A" vpc-get dump) == ok ]]
}
check "the module goes when there is no port, and comes back empty" unloaded

ksft_end
