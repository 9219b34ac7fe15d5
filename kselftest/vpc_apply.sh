#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# vpcctl apply: the configuration is what the file says, whole or not at all. The
# same file once more changes nothing; one that is wrong, or a vpcctl that dies
# half way, leaves the old configuration; traffic goes on meanwhile.
#
#	A: red1, red3, blue1 - br0 - mgre0

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

two_hosts
# two_hosts has told them something already.
for vpc in red blue; do
	ctl "$A" remote del $vpc $addr_B
	ctl "$A" vpc del $vpc
done
for name in red1 red3 blue1; do
	boot_vm $name $vm_queues "$A" --ip "$(ip6_of $name)/64" --tenant "${vpc_id[$(tenant $name)]}"
	join $name
done

# port NAME [LINE]: that VM's part of a file.
port() {
	printf '[port.tap%s]\nvpc = "%s"\nmac = "%s"\naddresses = ["%s", "%s"]\n%s\n' \
		"$1" "$(tenant "$1")" "$(mac_of "$1")" "$(ip4_of "$1")" "$(ip6_of "$1")" "${2:-}"
}
# routes VPC FIRST COUNT: so many VMs of the other host.
routes() {
	local n
	for ((n = $2; n < $2 + $3; n++)); do
		printf '[[route]]\nvpc = "%s"\nmac = "02:00:00:01:%02x:%02x"\nvia = "%s"\n' \
			"$1" $((n >> 8)) $((n & 255)) $addr_B
		printf 'addresses = ["10.10.%d.%d"]\n' $((n >> 8)) $((n & 255))
	done
}
head_of() { # head_of [VPC ID]...: the tunnel, and VPCs
	echo 'tunnel = "mgre0"'
	while (($#)); do
		printf '[vpc.%s]\nid = %d\nremotes = [{ address = "%s", flood = true }]\n' "$1" "$2" $addr_B
		shift 2
	done
}
{
	head_of red 7 blue 9
	port red1 'acls = ["front"]'
	port red3
	port blue1
	routes red 0 20
	cat <<-END
		[group.web]
		members = ["10.9.0.0/24", "fd00:9::/64"]
		[[acl.front.rule]]
		priority = 10
		action = "allow"
		direction = "ingress"
		protocol = "tcp"
		from-group = "web"
		port = 80
		[[acl.front.rule]]
		priority = 20
		action = "allow"
		direction = "ingress"
		[[acl.front.rule]]
		priority = 30
		action = "allow"
		direction = "egress"
	END
} >"$tmp/one.toml"
{
	head_of red 7 green 11
	port red1
	port red3
	routes red 10 20
	routes green 0 5
} >"$tmp/two.toml"

apply() { ctl "$A" apply -f "$tmp/$1.toml"; }
everything() { spec "$A" everything | head -n 1 | jq -S .; }
generation() { spec "$A" config-get | head -n 1 | jq .generation; }

first() {
	apply one
	everything >"$tmp/one.json"
	jq -e '(.vpc | map(.name) | sort) == ["blue", "red"] and (.port | length) == 3 and
		(.rule | length) == 3 and (.group | length) == 1 and
		([.entry[] | select(.remote)] | length) == 20' "$tmp/one.json"
	reaches red1 red3
}
check "what the file says is there, and works" first
again() {
	local before
	before=$(generation)
	apply one >"$tmp/said"
	grep -q 'nothing to do' "$tmp/said"
	[[ $(generation) == "$before" ]]
	everything | diff "$tmp/one.json" -
}
check "the same file once more changes nothing" again
dry() {
	ctl "$A" apply --dry-run -f "$tmp/two.toml"
	everything | diff "$tmp/one.json" -
}
check "a dry run changes nothing" dry
second() {
	apply two
	everything >"$tmp/two.json"
	fails cmp -s "$tmp/one.json" "$tmp/two.json"
	jq -e '(.vpc | map(.name) | sort) == ["green", "red"] and (.port | length) == 2 and
		.acl == [] and .rule == [] and .group == []' "$tmp/two.json"
	apply one
	everything | diff "$tmp/one.json" -
}
check "another file, and back" second

wrong() { # wrong LINE...: a file with these at its end is refused, and changes nothing
	{ cat "$tmp/two.toml"; printf '%s\n' "$@"; } >"$tmp/wrong.toml"
	fails apply wrong >"$tmp/said" 2>&1
	cat "$tmp/said"
	grep -q '^vpcctl: ' "$tmp/said"
	everything | diff "$tmp/one.json" -
}
check "no TOML" wrong '[['
check "a word that is none" wrong '[vpc.x]' 'id = 50' 'colour = "red"'
check "a VPC that is none" wrong '[[route]]' 'vpc = "x"' 'mac = "02:00:00:00:00:77"' 'via = "10.1.0.2"'
check "a remote that is none" wrong '[[route]]' 'vpc = "red"' 'mac = "02:00:00:00:00:77"' \
	'via = "10.1.0.3"'
check "a tap that is not there" wrong '[port.nosuch]' 'vpc = "red"' 'mac = "02:00:00:00:00:77"'
check "a MAC that another port has" wrong '[port.tapblue1]' 'vpc = "red"' 'mac = "02:00:00:00:00:01"'
check "a remote that is this host" wrong '[vpc.x]' 'id = 50' 'remotes = [{ address = "10.1.0.1" }]'

{
	head_of red 7 blue 9
	port red1
	port red3
	port blue1
	routes red 0 20000
} >"$tmp/large.toml"
killed() { # at any time: what is there is the old or the new, whole
	local n pid old=0
	apply large >/dev/null
	everything >"$tmp/large.json"
	for ((n = 0; n < 12; n++)); do
		apply one >/dev/null
		everything | cmp - "$tmp/one.json"
		ip netns exec "$A" "$programs/vpcctl" apply -f "$tmp/large.toml" >"$tmp/said" 2>&1 &
		pid=$!
		sleep "$(awk -v n=$n 'BEGIN { print 0.1 + n * 0.15 }')"
		kill -9 $pid 2>/dev/null || true
		wait $pid || true
		everything >"$tmp/after.json"
		if cmp -s "$tmp/after.json" "$tmp/one.json"; then
			old=$((old + 1))
		else
			cmp "$tmp/after.json" "$tmp/large.json"
		fi
	done
	echo "the old one was there $old times of $n"
	((old > 0))
}
check "killed half way, the old configuration stands" killed

meanwhile() { # what is in both files is not disturbed
	local pid
	apply one
	vm red3 reset >/dev/null
	vm red1 send --to "$(at red3)" --count 1500 --rate 200 >/dev/null &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		apply two >/dev/null
		apply one >/dev/null
	done
	wait $pid
	vm red3 wait --frames $((1500 * vm_queues)) >/dev/null
	reports red3 '.lost == 0 and .corrupt == 0 and .duplicate == 0'
}
check "traffic goes on while files are applied" meanwhile
two_at_once() { # one after the other, in some order
	local pid n
	for n in 1 2 3; do
		apply one >/dev/null
		apply two >"$tmp/first" 2>&1 &
		pid=$!
		apply large >"$tmp/second" 2>&1
		wait $pid
		everything >"$tmp/after.json"
		cmp -s "$tmp/after.json" "$tmp/two.json" || cmp "$tmp/after.json" "$tmp/large.json"
	done
}
check "two at once end in one of the two" two_at_once

ksft_end
