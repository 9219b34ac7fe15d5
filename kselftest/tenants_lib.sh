# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What the tests of vpc_hook share: two hosts, and VMs of two tenants that have
# the same addresses. Sourced after lib.sh.
#
#	A: red1 --+                                              +-- red2 :B
#	   blue1 -+- br0 - mgre0 - eth0 ~~~ eth0 - mgre0 - br0 -+- blue2
#	   red3 --+          10.1.0.1       10.1.0.2
#	   blue3 -+
#
# VM number N of either tenant has 02:00:00:00:00:0N, 10.9.0.N and fd00:9::N. Red
# is VPC 7, blue is VPC 9.

. "$here/standin_lib.sh"

declare -A vpc_id=([red]=7 [blue]=9)
vm_queues=2
# shellcheck disable=SC2034 # for the tests
addr_A=10.1.0.1 addr_B=10.1.0.2

# Of a VM by its name, such as red1, or redA1 where there is another of that number.
tenant() { echo "${1%%[A-Z0-9]*}"; }
number() { echo "${1: -1}"; }
at() { printf '10.9.0.%s@02:00:00:00:00:0%s' "$(number "$1")" "$(number "$1")"; }
ip6_of() { echo "fd00:9::$(number "$1")"; }
ip4_of() { local both; both=$(at "$1"); echo "${both%@*}"; }

load_vpc_hook() {
	[[ -f $LANES_MODULES/vpc_hook.ko ]] || ksft_skip_all "no vpc_hook"
	# What `modprobe vpc_hook` would load first.
	modprobe -a bridge udp_tunnel ip6_udp_tunnel nf_conntrack
	[[ -d /sys/module/vpc_hook ]] || insmod "$LANES_MODULES/vpc_hook.ko"
}
unload_vpc_hook() {
	# A namespace takes a moment to end, and its ports with it.
	[[ ! -d /sys/module/vpc_hook ]] || until_true 20 rmmod vpc_hook
}

cleanup() {
	local name
	kill_vms
	if declare -F cleanup_more >/dev/null; then
		cleanup_more
	fi
	for name in "${ksft_ns[@]}"; do
		ip netns pids "$name" | xargs -r kill -9
		ip netns del "$name"
	done
	unload_vpc_hook
}

# two_hosts: A and B with the wire between them, their bridges and tunnels, and
# both tenants, of which they know nothing but each other.
two_hosts() {
	[[ -x $programs/standin && -x $programs/wirecheck && -x $programs/vpcctl ]] ||
		ksft_skip_all "no standin, wirecheck or vpcctl: make programs"
	load_kind
	load_vpc_hook
	modprobe tun
	new_ns A B
	# A busy CPU must not be what keeps frames from somebody.
	sysctl -qw net.core.netdev_max_backlog=100000
	join_hosts
	make_bridge "$A"
	make_bridge "$B"
	host "$A" $addr_B
	host "$B" $addr_A
}
# join_hosts: the wire between them. A test may have another one.
join_hosts() {
	veth_pair "$A" eth0 $addr_A "$B" eth0 $addr_B
	ip -n "$A" link set eth0 mtu 1600
	ip -n "$B" link set eth0 mtu 1600
}
# make_bridge NS: the bridge of a host, and its tunnel.
make_bridge() {
	ip -n "$1" link add br0 type bridge forward_delay 0 mcast_snooping 0
	ip -n "$1" link set br0 up
	# Not gre0, which ip_gre makes in each namespace.
	ip -n "$1" link add mgre0 type mqgre external
	ip -n "$1" link set mgre0 master br0 mtu 1500 up
}
# host NS OTHER: tells the module of the tenants, and of the other host.
host() {
	local ns=$1 other=$2 tenant
	ctl "$ns" config set --tunnel mgre0
	for tenant in red blue; do
		ctl "$ns" vpc add "${vpc_id[$tenant]}" --name $tenant
		ctl "$ns" remote add $tenant "$other" --flood
	done
}
# ctl NS WORD...: vpcctl there; spec likewise, see vpc.py.
ctl() { in_ns "$1" "$programs/vpcctl" "${@:2}"; }
spec() { in_ns "$1" "$here/vpc.py" "${@:2}"; }

# new_vm NAME NS [OPTION...]: a VM that is a port; OPTION is one of standin.
new_vm() {
	local name=$1 ns=$2 id
	id=${vpc_id[$(tenant "$name")]}
	boot_vm "$name" $vm_queues "$ns" --ip "$(ip6_of "$name")/64" --tenant "$id" \
		--id $((10 * id + $(number "$name"))) "${@:3}"
	join "$name"
	make_port "$name"
}
# make_port NAME [WORD...]: makes the VM's tap a port, with these options of vpcctl.
make_port() {
	ctl "$(ns_of "$1")" port add "tap$1" --vpc "$(tenant "$1")" --mac "$(mac_of "$1")" \
		--ip "$(ip4_of "$1")" --ip "$(ip6_of "$1")" "${@:2}"
}
# route NS NAME REMOTE [WORD...]: the host knows where that VM is.
route() {
	ctl "$1" route add "$(tenant "$2")" "$(mac_of "$2")" --via "$3" \
		--ip "$(ip4_of "$2")" --ip "$(ip6_of "$2")" "${@:4}"
}
# all_vms: those of the drawing.
all_vms() {
	local tenant
	for tenant in red blue; do
		new_vm ${tenant}1 "$A"
		new_vm ${tenant}3 "$A"
		new_vm ${tenant}2 "$B"
		route "$A" ${tenant}2 $addr_B
		route "$B" ${tenant}1 $addr_A
		route "$B" ${tenant}3 $addr_A
	done
}

# reaches FROM TO: over both families.
reaches() {
	vm "$1" ping --to "$(ip4_of "$2")"
	vm "$1" ping --to "$(ip6_of "$2")"
}
# works TENANT: every VM of it reaches the others, and what it gets is its own.
works() {
	local from to
	for from in 1 2 3; do
		for to in 1 2 3; do
			((from == to)) || reaches "$1$from" "$1$to"
		done
	done
	for from in 1 2 3; do no_foreign "$1$from"; done
}
# reports NAME FILTER: what jq makes of a VM's report is true.
reports() {
	vm "$1" stats >"$tmp/report"
	jq -e "$2" "$tmp/report" >/dev/null || {
		echo "$1: not $2: $(jq -c 'del(.series)' "$tmp/report")"
		return 1
	}
}
no_foreign() { reports "$1" '.foreign == 0'; }
# silence NAME...: nothing at all has come to them since their last reset.
silence() {
	local name
	for name; do
		reports "$name" '[.queues[].rx_frames] | add == 0'
	done
}
reset() {
	local name
	for name; do
		vm "$name" reset >/dev/null
	done
}
# delivers FROM TO COUNT: as many from each queue, none lost, all whole. No faster
# than an emulated CPU can follow.
delivers() {
	vm "$2" reset >/dev/null
	vm "$1" send --to "$(at "$2")" --count "$3" --rate 400 >/dev/null
	vm "$2" wait --frames $((vm_queues * $3)) >/dev/null
	reports "$2" ".lost == 0 and .corrupt == 0 and .foreign == 0 and .tagged == .stamped"
}

# start_wire: judges what passes A's eth0.
start_wire() {
	# Not by start: its process is waited for.
	ip netns exec "$A" "$programs/wirecheck" --dev eth0 --host $addr_A --host $addr_B \
		--json "$tmp/wire.json" 2>"$tmp/wire.log" &
	wire_pid=$!
	ksft_pids+=("$wire_pid")
	until_true 10 grep -q ready "$tmp/wire.log"
}
# stop_wire: the verdict is in $tmp/wire.json, and it is one only if nothing was missed.
stop_wire() {
	kill -TERM "$wire_pid"
	wait "$wire_pid"
}
# wire FILTER: what jq makes of the verdict is true.
wire() {
	jq -e '.dropped == 0 and .truncated == 0' "$tmp/wire.json" >/dev/null ||
		{ echo "the capture has missed something: $(<"$tmp/wire.json")"; return 1; }
	jq -e "$1" "$tmp/wire.json" >/dev/null || { echo "not $1: $(<"$tmp/wire.json")"; return 1; }
}
# only_keys JSON: GRE packets have had these keys and no others, each those of its
# tenant, between the hosts.
only_keys() {
	wire ".keys | keys == $1"
	wire '.mismatches == 0 and .bare == 0 and .other_hosts == 0 and .orphans == 0'
}

# port_is NAME FILTER: what is counted of a VM's port is so.
port_is() {
	local seen
	seen=$(spec "$(ns_of "$1")" port-get ifname="tap$1" | head -n 1)
	jq -e "$2" <<<"$seen" >/dev/null || { echo "$1: not $2: $seen"; return 1; }
}
