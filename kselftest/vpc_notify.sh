#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# What listeners are told: each change once, nothing of what was refused or given
# up, misses and logs no oftener than they should be, all of it in the own namespace
# only; and vpcctl watch. vpc_notify.py has the cases.
#
#	A: tapv, tapw (red) - br0 - mgre0 - eth0 --- eth0 :B

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

two_hosts
results "told" in_ns "$A" "$here/vpc_notify.py" "$A" "$B"

# watch NS FILE OPTION...: vpcctl watch there, when it listens.
watch() {
	local before
	before=$(listeners "$1")
	start "$1" "$programs/vpcctl" watch "${@:3}" >"$tmp/$2" 2>"$tmp/$2.err"
	until_true 10 more_listeners "$1" "$before"
}
listeners() { in_ns "$1" awk '$2 == 16 && $4 != "00000000"' /proc/net/netlink | wc -l; }
more_listeners() { (($(listeners "$1") > $2)); }
watch "$A" json --json
watch "$A" text
watch "$A" misses --only miss --json
watch "$B" elsewhere

generation() { spec "$A" config-get | head -n 1 | jq .generation; }
boot_vm red1 $vm_queues "$A"
join red1
before=$(generation)
make_port red1
ctl "$A" acl add front
ctl "$A" acl rule add front 10 drop egress --protocol udp --port 9 --log
ctl "$A" acl rule add front 20 allow egress
spec "$A" - >/dev/null <<-END
	begin copy=flag:
	vpc-new id=80
	vpc-new id=81
	commit
	vpc-del id=80
	vpc-del id=82
END
after=$(generation)

changes() { # a port, an ACL, two rules, a commit, and a VPC that goes
	((after == before + 6))
	until_true 5 grep -q "configuration $after" "$tmp/text"
	diff "$tmp/text" <(seq -f 'configuration %g' $((before + 1)) "$after")
	until_true 5 grep -q "\"generation\":$after}" "$tmp/json"
	diff "$tmp/json" <(seq -f '{"event":"config","generation":%g}' $((before + 1)) "$after")
}
check "vpcctl watch prints each change" changes
packets() {
	vm red1 send --to 10.9.0.77@02:00:00:00:00:77 --queue 0 --count 1 >/dev/null
	until_true 5 grep -q '^miss: port tapred1 of VPC 7: .* 10.9.0.77 (02:.*:77)$' "$tmp/text"
	until_true 5 jq -e 'select(.event == "miss") | .ifname == "tapred1" and .vpc == 7 and
		.address == "10.9.0.77" and .mac == "02:00:00:00:00:77" and .missed == 0' "$tmp/json"
	ctl "$A" port set tapred1 --acl front
	vm red1 send --to 10.9.0.77@02:00:00:00:00:77 --queue 0 --count 1 >/dev/null
	until_true 5 grep -q '^log: drop egress by rule 10 of ACL front at port tapred1: ' "$tmp/text"
	until_true 5 jq -e 'select(.event == "log") | .ifname == "tapred1" and .acl == "front" and
		.priority == 10 and .direction == "egress" and .action == "drop"' "$tmp/json"
}
check "... misses, and what is logged" packets
apart() {
	until_true 5 jq -e 'select(.event == "miss")' "$tmp/misses"
	fails jq -e 'select(.event != "miss")' "$tmp/misses"
	[[ ! -s $tmp/elsewhere ]]
	ctl "$B" vpc add 99
	until_true 5 grep -q configuration "$tmp/elsewhere"
	sleep 0.2
	[[ $(grep -c configuration "$tmp/text") == "$(($(generation) - before))" ]]
}
check "... only what is asked for, and in its own namespace" apart

unloaded() { # says so, and ends
	halt_vm red1
	ctl "$A" config set --no-tunnel
	ctl "$B" config set --no-tunnel
	rmmod vpc_hook
	until_true 5 grep -q 'there is no VPC any more' "$tmp/text"
	until_true 5 grep -q '"event":"gone"' "$tmp/json"
	until_true 5 grep -q 'vpc_hook was unloaded' "$tmp/text.err"
	load_vpc_hook
}
check "... and that the module goes" unloaded

ksft_end
