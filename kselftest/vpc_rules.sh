#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# ACLs: the first rule that matches decides, on both sides; groups; rules that
# keep connections; counts, and what is logged. See tenants_lib.sh for who is
# where.

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

two_hosts
all_vms

here_() { ctl "$A" "$@"; }
acls() { # acls NAME --acl ACL... or --no-acl: of a VM on A
	here_ port set "tap$1" "${@:2}"
}
pings_() { vm "$1" ping --to "$(ip4_of "$2")" --count 1 --timeout "${3:-10}"; }
# passes FROM TO: UDP, all of it.
passes() {
	vm "$2" reset >/dev/null
	vm "$1" send --to "$(at "$2")" --count 20 --rate 400 >/dev/null
	vm "$2" wait --frames $((20 * vm_queues)) >/dev/null
}
# blocked FROM TO: UDP, none of it; a second is what it takes elsewhere many times over.
blocked() {
	vm "$2" reset >/dev/null
	vm "$1" send --to "$(at "$2")" --count 20 --rate 400 >/dev/null
	sleep 1
	reports "$2" '.stamped == 0'
}

# blocked_now NAME, passing_now NAME: nothing, or something, comes to it from now on.
blocked_now() {
	sleep 0.5
	vm "$1" reset >/dev/null
	sleep 1
	reports "$1" '.stamped == 0'
}
passing_now() {
	vm "$1" reset >/dev/null
	vm "$1" wait --frames 20 >/dev/null
}

empty() {
	here_ acl add none
	acls red1 --acl none
	blocked red1 red2
	blocked red3 red1
	fails pings_ red1 red2 2
	port_is red1 '.drop.acl_egress > 0 and .drop.acl_ingress > 0'
	# Neighbours are found nevertheless, and others are as before.
	passes red3 red2
	passes blue1 blue2
}
check "an ACL without rules lets nothing pass, but to find neighbours" empty

first_match() {
	here_ acl add web
	here_ acl rule add web 10 allow egress
	here_ acl rule add web 20 drop ingress --protocol udp --port 9 --from 10.9.0.3/32
	here_ acl rule add web 30 allow ingress --protocol udp --port 9 --from 10.9.0.0/24
	here_ acl rule add web 40 allow ingress --protocol icmp
	acls red1 --acl web
	passes red1 red2
	passes red2 red1
	blocked red3 red1
	pings_ red3 red1
	here_ acl rule del web 20
	passes red3 red1
}
check "the first rule that matches decides" first_match

counted() {
	local rules
	rules=$(spec "$A" rule-get dump | grep '^{' | jq -sc '[.[] | select(.acl? == "web") |
		{(.priority | tostring): .packets}] | add')
	echo "$rules"
	jq -e '.["10"] >= 40 and .["30"] >= 80 and .["40"] >= 1' <<<"$rules"
}
check "each rule counts what it decides" counted

# packets ACL PRIORITY: what the rule has counted.
packets() {
	spec "$A" rule-get dump | grep '^{' |
		jq -s ".[] | select(.acl? == \"$1\" and .priority? == $2) | .packets"
}

for_all() { # behind it no rule is asked, in front of it they are
	local before after
	here_ acl add all
	here_ acl rule add all 10 allow egress
	here_ acl rule add all 20 drop egress --protocol udp
	here_ acl rule add all 30 allow ingress
	acls red1 --acl all
	before=$(packets all 10)
	passes red1 red2
	after=$(packets all 10)
	((after >= before + 20))
	[[ $(packets all 20) == 0 ]]
	here_ acl rule add all 5 drop egress --protocol udp
	blocked red1 red2
	here_ acl rule del all 5
	passes red1 red2
	acls red1 --acl web
	here_ acl del all
}
check "a rule for all packets decides alone, from where it stands" for_all

in_order() { # the ACLs of a port, one after the other
	acls red1 --acl none --acl web
	passes red2 red1
	here_ acl rule add none 1 drop ingress --protocol udp
	blocked red2 red1
	acls red1 --acl web --acl none
	passes red2 red1
	here_ acl rule del none 1
}
check "of several ACLs the first that says something" in_order

ipv6() {
	here_ acl rule add none 5 allow egress --from fd00:9::1
	here_ acl rule add none 6 allow ingress --protocol icmpv6 --icmp-type 129
	acls red1 --acl none
	vm red1 ping --to "$(ip6_of red2)" --count 1
	fails vm red2 ping --to "$(ip6_of red1)" --count 1 --timeout 1
	fails pings_ red1 red2 2
	here_ acl rule del none 5
	here_ acl rule del none 6
}
check "IPv6 and types of ICMP" ipv6

groups() {
	here_ group add friends 10.9.0.2
	here_ acl add group
	here_ acl rule add group 1 allow ingress --protocol udp --from-group friends
	acls red1 --acl group
	passes red2 red1
	blocked red3 red1
	here_ group del friends && return 1
	# A new member counts at once.
	spec "$A" group-new name=friends append=flag: member=10.9.0.3
	passes red3 red1
	spec "$A" group-new replace name=friends member=10.9.0.3
	passes red3 red1
	blocked red2 red1
}
check "a rule for a group is for whoever is in it" groups

# Of connections that red1 begins, and of no others, both directions.
stateful() {
	here_ acl add state
	here_ acl rule add state 1 allow egress --stateful
	acls red1 --acl state
	pings_ red1 red2
	pings_ red1 red3
	fails pings_ red2 red1 2
	fails pings_ red3 red1 2
	blocked red2 red1
	passes red1 red2
	# Answers come by ports of their own, which these are not.
	blocked red2 red1
}
check "a stateful rule lets answers pass, and nothing else" stateful

zones() { # the same addresses in another VPC are another connection
	acls blue1 --acl state
	fails pings_ blue2 blue1 2
	pings_ blue1 blue2
	fails pings_ blue2 blue1 2
	acls blue1 --no-acl
}
check "connections of tenants are apart" zones

both_sides() { # on one host both ports look at one connection
	here_ acl add server
	here_ acl rule add server 1 allow ingress --protocol icmp --stateful
	acls red3 --acl server
	pings_ red1 red3
	fails pings_ red3 red1 2
	blocked red1 red3
}
check "both ends with stateful rules" both_sides

unpaid() { # no conntrack for who has no such rule
	acls red1 --no-acl
	acls red3 --no-acl
	in_ns "$A" conntrack -F 2>/dev/null || true
	passes red1 red2
	passes red2 red1
	[[ $(in_ns "$A" cat /proc/net/nf_conntrack 2>/dev/null | grep -c 10.9.0) == 0 ]] || return 1
}
check "without such a rule nothing is tracked" unpaid

logged() {
	here_ acl add log
	here_ acl rule add log 7 drop ingress --protocol udp --log
	here_ acl rule add log 8 allow egress
	acls red1 --acl log
	start "$A" "$programs/vpcctl" watch --json >"$tmp/events"
	until_true 10 in_ns "$A" awk '$2 == 16 && $4 != "00000000" { found = 1 }
		END { exit !found }' /proc/net/netlink
	blocked red2 red1
	until_true 5 grep -q '"log"' "$tmp/events"
	head -n 3 "$tmp/events"
}
check "what a rule logs is told" logged

# big NAME VERDICT: a thousand rules and an ACL of the name, of which the last one counts for what comes in.
big() {
	local n
	{
		echo "begin copy=flag:"
		echo "acl-new name=$1"
		for ((n = 1; n <= 1000; n++)); do
			echo "rule-new acl=$1 priority=$n direction=1 action=0 protocol=17" \
				"ethertype=2048 dport-min=$((1000 + n)) dport-max=$((1000 + n))"
		done
		echo "rule-new acl=$1 priority=2000 direction=1 action=$2"
		echo "rule-new acl=$1 priority=2001 direction=0 action=1"
		echo "commit"
	} >"$tmp/requests"
	spec "$A" - <"$tmp/requests" >"$tmp/said"
	fails grep -B1 'exit 1' "$tmp/said"
}
many() {
	big many 1
	acls red1 --acl many
	passes red2 red1
	[[ $(here_ acl show --json many | jq '[.. | .priority? // empty] | length') == 1002 ]]
}
check "a thousand rules in one commit" many

# What so many rules have said of a flow is kept; these are the same flows all along.
kept() {
	local before
	before=$(packets many 2000)
	passes red2 red1
	passes red2 red1
	(($(packets many 2000) - before == 2 * 20 * vm_queues))
}
check "each packet counts, also of flows that are known" kept

changed() {
	local sender
	# The same flows all the time, until told.
	while [[ -d $tmp && ! -e $tmp/enough ]]; do
		vm red2 send --to "$(at red1)" --count 100 --rate 400 >/dev/null
	done &
	sender=$!
	vm red1 wait --frames 100 >/dev/null
	here_ acl rule add many 1500 drop ingress --protocol udp
	blocked_now red1
	here_ acl rule del many 1500
	passing_now red1
	here_ acl rule add many 1500 drop ingress --from-group friends
	passing_now red1
	spec "$A" group-new append=flag: name=friends member=10.9.0.2
	blocked_now red1
	spec "$A" group-new replace name=friends member=10.9.0.3
	passing_now red1
	acls red1 --acl none
	blocked_now red1
	acls red1 --acl many
	passing_now red1
	touch "$tmp/enough"
	wait "$sender"
}
check "of a flow that is known the next packet obeys what is changed" changed

apart() { # the same addresses, and rules that differ in the last one
	big other 0
	acls blue1 --acl other
	acls red1 --acl many
	passes red2 red1
	blocked blue2 blue1
	passes red2 red1
	blocked blue2 blue1
	# A port for the other tenant's rules and back.
	acls red1 --acl other
	blocked red2 red1
	acls red1 --acl many
	passes red2 red1
	acls blue1 --no-acl
	passes blue2 blue1
}
check "flows of two tenants with the same addresses and other rules" apart

ksft_end
