#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tunnels that lead into themselves or through many others: such packets end
# in a drop counter, in no hang and no overrun of the kernel's stack.
#
#	A: m0 over m0 | m0 over m1 over m0 | m1 over ... over mN over eth0
#	   eth0 10.1.0.1 ---- veth ---- eth0 10.1.0.2 :B, which has the same m1..mN

. "$(dirname -- "$0")/lib.sh"

load_kind
new_ns A B
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
remote_mac=02:00:00:00:00:99

# dropped_in NS DEV COMMAND...: it ends soon, tx_recursion of DEV goes up.
dropped_in() {
	local ns=$1 dev=$2 before after
	shift 2
	before=$(counter "$ns" "$dev" tx_recursion)
	"$@" || true
	after=$(counter "$ns" "$dev" tx_recursion)
	echo "tx_recursion of $dev: $before, then $after"
	((after > before))
}

# works NAME FUNCTION: check, with no device left over from the one before.
works() {
	local dev
	for dev in br0 m0 m1 m2 m3; do
		ip -n "$A" link del $dev 2>/dev/null || true
		ip -n "$B" link del $dev 2>/dev/null || true
	done
	check "$@"
}

send() { timeout 20 ip netns exec "$A" ping -q -c 5 -i 0.05 -W 0.2 "$@"; }

itself() {
	ip -n "$A" link add m0 type "$KIND" local 10.1.0.1 remote 10.9.0.2
	ip -n "$A" addr add 10.9.0.1/24 dev m0
	# The answer of the remote, so that packets and not ARP go round.
	ip -n "$A" neigh add 10.9.0.2 dev m0 lladdr $remote_mac nud permanent
	ip -n "$A" link set m0 up
	dropped_in "$A" m0 send 10.9.0.2
	ip -n "$A" neigh del 10.9.0.2 dev m0
	# And with ARP.
	dropped_in "$A" m0 send 10.9.0.2
	ip -n "$A" link del m0
}
works "the remote lies behind the device itself" itself

circle() {
	ip -n "$A" link add m0 type "$KIND" local 10.1.0.1 remote 10.21.0.2
	ip -n "$A" link add m1 type "$KIND" local 10.1.0.1 remote 10.20.0.2
	local n
	for n in 0 1; do
		ip -n "$A" addr add 10.2$n.0.1/24 dev m$n
		ip -n "$A" neigh add 10.2$n.0.2 dev m$n lladdr $remote_mac nud permanent
		ip -n "$A" link set m$n up
	done
	local before after
	before=$(($(counter "$A" m0 tx_recursion) + $(counter "$A" m1 tx_recursion)))
	send 10.20.0.2 || true
	after=$(($(counter "$A" m0 tx_recursion) + $(counter "$A" m1 tx_recursion)))
	echo "tx_recursion: $before, then $after"
	((after > before))
	ip -n "$A" link del m0
	ip -n "$A" link del m1
}
works "two devices, each behind the other" circle

flood() { # as above, fast, and from all CPUs
	ip -n "$A" link add m0 type "$KIND" local 10.1.0.1 remote 10.9.0.2
	ip -n "$A" addr add 10.9.0.1/24 dev m0
	ip -n "$A" neigh add 10.9.0.2 dev m0 lladdr $remote_mac nud permanent
	ip -n "$A" link set m0 up
	local i pids=()
	for ((i = 0; i < $(nproc); i++)); do
		in_ns "$A" timeout 60 ping -q -f -c 200 -W 0.1 10.9.0.2 >/dev/null &
		pids+=($!)
	done
	wait "${pids[@]}" || true
	(($(counter "$A" m0 tx_recursion) > 100))
	ip -n "$A" link del m0
}
works "the same as a flood from all CPUs" flood

bridged() { # a bridge whose port is a tunnel through that bridge
	ip -n "$A" link add br0 type bridge
	ip -n "$A" addr add 10.9.0.1/24 dev br0
	ip -n "$A" link add m0 type "$KIND" local 10.9.0.1 remote 10.9.0.2
	ip -n "$A" link set m0 master br0 up
	ip -n "$A" link set br0 up
	ip -n "$A" neigh replace 10.9.0.2 dev br0 lladdr $remote_mac nud permanent
	dropped_in "$A" m0 send -b 10.9.0.2
	ip -n "$A" link del m0
	ip -n "$A" link del br0
}
works "a bridge's port leads back to the bridge" bridged

# stack NS OWN OTHER DEPTH: m1 over eth0, m2 over m1, and so on.
stack() {
	local ns=$1 own=$2 other=$3 n
	for ((n = 1; n <= $4; n++)); do
		local below=10.$((29 + n)).0
		((n > 1)) || below=10.1.0
		tunnel "$ns" m$n "$KIND" 10.$((30 + n)).0."$own" \
			local $below."$own" remote $below."$other" key $n
	done
}

three() {
	stack "$A" 1 2 3
	stack "$B" 2 1 3
	pings "$A" 10.33.0.2
	pings "$A" 10.33.0.2 -s 4000
	pings "$B" 10.33.0.1
}
works "three tunnels, one in the other, do work" three

many() {
	local n total=0
	for n in 1 2 3; do
		ip -n "$A" link del m$n
		ip -n "$B" link del m$n
	done
	stack "$A" 1 2 16
	stack "$B" 2 1 16
	no_ping "$A" 10.46.0.2
	# What reaches the limit is dropped somewhere on the way down.
	for ((n = 1; n <= 16; n++)); do
		total=$((total + $(counter "$A" m$n tx_recursion)))
	done
	echo "tx_recursion of all 16: $total"
	((total > 0))
	pings "$A" 10.32.0.2
	for ((n = 16; n > 0; n--)); do
		ip -n "$A" link del m$n
		ip -n "$B" link del m$n
	done
}
check "sixteen end in a counter" many

alive() {
	tunnel "$A" m0 "$KIND" 10.2.0.1 local 10.1.0.1 remote 10.1.0.2
	tunnel "$B" m0 "$KIND" 10.2.0.2 local 10.1.0.2 remote 10.1.0.1
	pings "$A" 10.2.0.2
}
works "and after all that a plain tunnel works" alive

ksft_end
