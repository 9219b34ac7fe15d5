#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# How a device ends, and who may make one: namespaces, unloading, privileges.
#
#	C: m0 (moved)
#	A: m0 - eth0 10.1.0.1 ---- veth ---- eth0 10.1.0.2 - t0 10.2.0.2 :B
#	   m0 is mqgre, t0 stock gretap

. "$(dirname -- "$0")/lib.sh"

load_kind
modprobe ip_gre
new_ns A B C
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
tunnel "$B" t0 gretap 10.2.0.2 local 10.1.0.2 remote 10.1.0.1 key 7

make_m0() {
	ip -n "$A" link add m0 type "$KIND" local 10.1.0.1 remote 10.1.0.2 key 7
}
gone() { ! ip -n "$1" link show "$2"; }
unload() { rmmod mq_gre; }
unloaded() { [[ ! -d /sys/module/mq_gre ]]; }

moved() {
	make_m0
	ip -n "$A" link set m0 netns "$C"
	ip -n "$C" addr add 10.2.0.1/24 dev m0
	ip -n "$C" link set m0 up
	pings "$C" 10.2.0.2
	ip -n "$C" link del m0
}
check "moved to another namespace it goes on to use the underlay of its own" moved

link_netns() {
	local id
	# The kernel may have given it an id already.
	ip netns exec "$C" ip netns set "$A" auto || true
	id=$(ip netns exec "$C" ip netns list-id |
		awk -v n="name: $A)" 'index($0, n) { print $2 }')
	ip -n "$C" link add m0 link-netnsid "$id" type "$KIND" \
		local 10.1.0.1 remote 10.1.0.2 key 7
	ip -n "$C" addr add 10.2.0.1/24 dev m0
	ip -n "$C" link set m0 up
	pings "$C" 10.2.0.2
	ip -n "$C" link del m0
}
check "made in one namespace with the underlay of another" link_netns

same_in_two() {
	local a=(local 10.1.0.1 remote 10.1.0.2 key 7)
	make_m0
	ip -n "$A" link set m0 netns "$C"
	# It has left its name in A, not its tunnel.
	fails ip -n "$A" link add m1 type "$KIND" "${a[@]}" 2>&1
	# Another namespace is another underlay.
	ip -n "$B" link add m1 type "$KIND" "${a[@]}"
	ip -n "$B" link del m1
	ip -n "$C" link del m0
	ip -n "$A" link add m1 type "$KIND" "${a[@]}"
	ip -n "$A" link del m1
}
check "a tunnel belongs to the namespace of its underlay" same_in_two

ns_exit() { # ns_exit NS: with a device inside, under traffic
	local one=$1 inside=$2
	new_ns X Y
	veth_pair "$X" eth0 10.1.0.1 "$Y" eth0 10.1.0.2
	ip -n "$X" link add m0 type "$KIND" local 10.1.0.1 remote 10.1.0.2
	tunnel "$Y" m0 "$KIND" 10.2.0.2 local 10.1.0.2 remote 10.1.0.1
	ip -n "$X" link set m0 netns "${!inside}"
	ip -n "${!inside}" addr add 10.2.0.1/24 dev m0
	ip -n "${!inside}" link set m0 up
	pings "${!inside}" 10.2.0.2
	ip netns exec "$Y" ping -q -f -w 20 10.2.0.1 >/dev/null &
	sleep 0.5
	if [[ $one == "$inside" ]]; then
		ip netns pids "${!one}" | xargs -r kill
	fi
	ip netns del "${!one}"
	[[ $inside != C ]] || until_true 10 gone "$C" m0
	ip netns pids "$Y" | xargs -r kill
	ip netns del "$Y"
	[[ $one == X ]] || ip netns del "$X"
}
check "a namespace ends with a device inside, under traffic" ns_exit X X
check "the underlay's namespace ends: the device goes, wherever it is" ns_exit X C

lower_gone() {
	new_ns X Y
	veth_pair "$X" eth0 10.1.0.1 "$Y" eth0 10.1.0.2
	tunnel "$X" m0 "$KIND" 10.2.0.1 local 10.1.0.1 remote 10.1.0.2 dev eth0
	tunnel "$Y" m0 "$KIND" 10.2.0.2 local 10.1.0.2 remote 10.1.0.1
	pings "$X" 10.2.0.2
	# The cached route must let go of the device.
	timeout 100 ip -n "$X" link del eth0
	no_ping "$X" 10.2.0.2
	ip netns del "$X"
	ip netns del "$Y"
}
check "the device below goes first" lower_gone

user_ns() { # root of a user namespace may do so there, and there alone
	setpriv --reuid 65534 --regid 65534 --clear-groups \
		unshare --user --map-root-user --net sh -ec "
		export IP_LIB_DIR=$IP_LIB_DIR
		ip link set lo up
		ip link add m0 type $KIND local 127.0.0.1 remote 127.0.0.1 key 3
		ip link set m0 up
		ip link del m0"
}
if [[ $(sysctl -n kernel.unprivileged_userns_clone 2>/dev/null || echo 1) == 1 ]]; then
	check "root of a user namespace may make one in a namespace of its own" user_ns
else
	skip "root of a user namespace may make one" "unprivileged ones are off"
fi
check_refused "a user without the capability may not" "not permitted" \
	ip netns exec "$A" setpriv --reuid 65534 --regid 65534 --clear-groups \
	--bounding-set -all --inh-caps -all \
	ip link add m9 type "$KIND" local 10.1.0.1 remote 10.1.0.2
check "and nothing came of it" gone "$A" m9

# Root of a user namespace reaches for the underlay of someone else's.
foreign_ns() {
	fails ip netns exec "$A" setpriv --reuid 65534 --regid 65534 --clear-groups \
		unshare --user --map-root-user sh -c "
		ip link add m9 type $KIND local 10.1.0.1 remote 10.1.0.2"
	gone "$A" m9
}
check "nor may it in the namespace of its parents" foreign_ns

if [[ $KIND != mqgre ]]; then
	note "the rest is about mq_gre.ko"
	ksft_end
fi

unload_used() {
	make_m0
	ip -n "$A" addr add 10.2.0.1/24 dev m0
	ip -n "$A" link set m0 up
	pings "$A" 10.2.0.2
	ip netns exec "$A" ping -q -f -w 20 10.2.0.2 >/dev/null &
	ip netns exec "$B" ping -q -f -w 20 10.2.0.1 >/dev/null &
	sleep 0.5
	timeout 100 rmmod mq_gre
	gone "$A" m0
	ip netns pids "$A" | xargs -r kill
	ip netns pids "$B" | xargs -r kill
	wait || true
	load_kind
}
check "rmmod under traffic takes the devices along" unload_used

any_order() {
	local first second
	for first in mq_gre ip_gre; do
		for second in mq_gre ip_gre; do
			rmmod mq_gre 2>/dev/null || true
			ip -n "$B" link del t0 2>/dev/null || true
			rmmod ip_gre 2>/dev/null || true
			if [[ $first == mq_gre ]]; then
				load_kind
				modprobe ip_gre
			else
				modprobe ip_gre
				load_kind
			fi
			tunnel "$B" t0 gretap 10.2.0.2 \
				local 10.1.0.2 remote 10.1.0.1 key 7
			make_m0
			ip -n "$A" addr add 10.2.0.1/24 dev m0
			ip -n "$A" link set m0 up
			pings "$A" 10.2.0.2
			echo "loaded $first first, unload $second first"
			timeout 100 rmmod "$second"
			[[ $second == mq_gre ]] || timeout 100 rmmod mq_gre
		done
	done
	unloaded
	modprobe ip_gre
	load_kind
}
check "loading and unloading beside ip_gre, in any order" any_order

many_namespaces() {
	local i name
	for i in 1 2 3 4 5; do
		name=ksft-n$i-$$
		ip netns add "$name"
		ip -n "$name" link set lo up
		ip -n "$name" link add m0 type "$KIND"
		ip -n "$name" link add m1 type "$KIND" local 127.0.0.1 \
			remote 127.0.0.2 key "$i"
	done
	timeout 100 rmmod mq_gre
	unloaded
	for i in 1 2 3 4 5; do
		name=ksft-n$i-$$
		gone "$name" m0
		gone "$name" m1
		ip netns del "$name"
	done
	load_kind
}
check "rmmod with devices in many namespaces" many_namespaces

ksft_end
