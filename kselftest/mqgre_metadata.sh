#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# One collect-metadata device ("external") serves many tunnels: addresses and
# key come with each packet, from tc or from the route, and go up with each.
#
#	A: v7 10.7.0.1 -veth- p7 \                      / g7 10.7.0.2 key 7 :B
#	   v8 10.8.0.1 -veth- p8 - mx - eth0 --- eth0 - g8 10.8.0.2 key 8, csum
#	   tc: p7 <-> key 7 <-> mx, p8 <-> key 8 <-> mx     (stock gretap)

. "$(dirname -- "$0")/lib.sh"

load_kind
modprobe ip_gre
new_ns A B V
veth_pair "$A" eth0 10.1.0.1 "$B" eth0 10.1.0.2
ends=(local 10.1.0.2 remote 10.1.0.1)
tunnel "$B" g7 gretap 10.7.0.2 "${ends[@]}" key 7
tunnel "$B" g8 gretap 10.8.0.2 "${ends[@]}" key 8 csum

ip -n "$A" link add mx type "$KIND" external
ip -n "$A" link set mx up
tca() { tc -n "$A" "$@"; }
tca qdisc add dev mx clsact
for key in 7 8; do
	ip link add v$key netns "$V" type veth peer name p$key netns "$A"
	ip -n "$V" addr add 10.$key.0.1/24 dev v$key
	# Room for the outer headers.
	ip -n "$V" link set v$key up mtu 1450
	ip -n "$A" link set p$key up
	tca qdisc add dev p$key clsact
	csum=nocsum
	[[ $key == 7 ]] || csum=csum
	tca filter add dev p$key ingress matchall \
		action tunnel_key set src_ip 10.1.0.1 dst_ip 10.1.0.2 id $key $csum \
		action mirred egress redirect dev mx
	tca filter add dev mx ingress protocol all pref $key flower \
		enc_key_id $key enc_src_ip 10.1.0.2 enc_dst_ip 10.1.0.1 \
		action tunnel_key unset \
		action mirred egress redirect dev p$key
done

check "key 7 by tc: ping out" pings "$V" 10.7.0.2
check "key 7 by tc: ping in" pings "$B" 10.7.0.1
check "key 7 by tc: 65000 bytes" pings "$V" 10.7.0.2 -s 65000
check "key 8 by tc, with checksum: ping out" pings "$V" 10.8.0.2
check "key 8 by tc, with checksum: ping in" pings "$B" 10.8.0.1

keys_apart() { # key 7's packets must not come up as key 8's
	local before
	before=$(stat "$A" p8 tx_packets)
	pings "$V" 10.7.0.2
	[[ $(stat "$A" p8 tx_packets) == "$before" ]]
}
check "keys stay apart" keys_apart

unknown_key() { # comes up with its key, and no filter wants it
	tunnel "$B" g9 gretap 10.10.0.2 "${ends[@]}" key 9
	local before after
	before=$(stat "$A" mx rx_packets)
	no_ping "$B" 10.10.0.1
	after=$(stat "$A" mx rx_packets)
	echo "rx_packets of mx: $before, then $after"
	((after > before))
}
check "it receives every key" unknown_key

tcp() {
	start "$B" iperf3 -s >/dev/null 2>&1
	until_true 20 listens "$B"
	iperf_json "$V" 10.7.0.2 -n 4M | jq -e '.end.sum_received.bytes > 3000000'
	iperf_json "$V" 10.8.0.2 -n 4M -R | jq -e '.end.sum_received.bytes > 3000000'
}
check "TCP both ways" tcp

no_metadata() { # a packet that nobody gave metadata
	local before after
	before=$(counter "$A" mx tx_no_metadata)
	ip -n "$A" addr add 10.99.0.1/24 dev mx
	no_ping "$A" 10.99.0.2
	after=$(counter "$A" mx tx_no_metadata)
	echo "tx_no_metadata: $before, then $after"
	((after > before))
	ip -n "$A" addr del 10.99.0.1/24 dev mx
}
check "a packet without metadata ends in a counter" no_metadata

by_route() { # the route gives it, and the answer's metadata leads back
	tunnel "$B" g11 gretap 10.11.0.2 "${ends[@]}" key 11
	ip -n "$A" addr add 10.11.0.1/32 dev mx
	ip -n "$A" route add 10.11.0.0/24 dev mx encap ip id 11 \
		src 10.1.0.1 dst 10.1.0.2 key
	pings "$A" 10.11.0.2
	pings "$A" 10.11.0.2 -s 20000
	ip -n "$B" link del g11
}
check "the route gives the metadata (lwtunnel)" by_route

many() { # in turn: each with its own key
	local n
	ip -n "$A" addr add 10.50.1.1/32 dev mx
	for ((n = 1; n <= 200; n++)); do
		echo "neigh replace 10.50.0.$n dev mx lladdr 02:00:00:00:50:01 nud permanent"
		echo "route add 10.50.0.$n/32 dev mx encap ip id $((1000 + n))" \
			"src 10.1.0.1 dst 10.1.0.2 key"
	done >"$tmp/batch"
	ip -n "$A" -batch "$tmp/batch"
	start "$A" tcpdump -U -B 8192 -nn -i eth0 -w "$tmp/many" 'ip proto 47' 2>"$tmp/tcpdump"
	until_true 10 grep -q 'listening on' "$tmp/tcpdump"
	# shellcheck disable=SC2016
	in_ns "$A" bash -c 'for round in 1 2; do
			for ((n = 1; n <= 200; n++)); do echo x >/dev/udp/10.50.0.$n/9; done
		done'
	for ((n = 1; n <= 200; n++)); do
		printf '2 0x%x 10.50.0.%d\n' $((1000 + n)) "$n"
	done | sort >"$tmp/want"
	until_true 30 all_seen || true
	diff "$tmp/want" "$tmp/seen"
}
all_seen() {
	tcpdump -nn -r "$tmp/many" 2>/dev/null |
		sed -n 's/.*key=\(0x[0-9a-f]*\),.* > \(10\.50\.0\.[0-9]*\)\.9: UDP.*/\1 \2/p' |
		sort | uniq -c | sed 's/^ *//' | sort >"$tmp/seen"
	cmp -s "$tmp/want" "$tmp/seen"
}
check "two hundred destinations in turn, each with its key" many

many_in() { # in turn: each goes up with its own key and TTL
	local n
	ip -n "$B" link add gx type gretap external
	ip -n "$B" link set gx up
	ip -n "$B" addr add 10.60.1.1/32 dev gx
	for ((n = 1; n <= 200; n++)); do
		echo "neigh replace 10.60.0.$n dev gx lladdr 02:00:00:00:60:01 nud permanent"
		echo "route add 10.60.0.$n/32 dev gx encap ip id $((2000 + n))" \
			"src 10.1.0.2 dst 10.1.0.1 ttl $((10 + n % 50)) key"
	done >"$tmp/batch"
	ip -n "$B" -batch "$tmp/batch"
	for ((n = 1; n <= 200; n++)); do
		echo "filter add dev mx ingress protocol ip pref 60 handle $n flower" \
			"enc_key_id $((2000 + n)) enc_ttl $((10 + n % 50)) action drop"
	done >"$tmp/batch"
	tca -batch "$tmp/batch"
	# shellcheck disable=SC2016
	in_ns "$B" bash -c 'for round in 1 2 3; do
			for ((n = 1; n <= 200; n++)); do echo x >/dev/udp/10.60.0.$n/9; done
		done'
	until_true 20 all_in
	tca filter del dev mx ingress pref 60
	ip -n "$B" link del gx
}
all_in() {
	tca -s -j filter show dev mx ingress pref 60 | jq -e '
		[.[].options | select(.actions) | .actions[0].stats.packets] as $seen
		| ($seen | length) == 200 and ($seen | all(. == 3))'
}
check "two hundred tunnels in turn, each frame with its metadata" many_in

beside_p2p() { # a device made for one tunnel goes before it
	local before after
	ip -n "$A" link add m7 type "$KIND" local 10.1.0.1 remote 10.1.0.2 key 9
	ip -n "$A" addr add 10.10.0.1/24 dev m7
	ip -n "$A" link set m7 up
	before=$(stat "$A" mx rx_packets)
	pings "$B" 10.10.0.1
	after=$(stat "$A" mx rx_packets)
	[[ $before == "$after" ]]
	ip -n "$A" link del m7
	no_ping "$B" 10.10.0.1
	(($(stat "$A" mx rx_packets) > after))
}
check "a device for one tunnel goes before it" beside_p2p

steer_p7() { # steer_p7 SRC DST: p7's packets now go there
	tca filter del dev p7 ingress
	tca filter add dev p7 ingress matchall \
		action tunnel_key set src_ip "$1" dst_ip "$2" id 7 \
		action mirred egress redirect dev mx
}

bad_remote() { # metadata that leads nowhere
	local before after
	steer_p7 10.1.0.1 192.0.2.1
	before=$(counter "$A" mx tx_no_route)
	no_ping "$V" 10.7.0.2
	after=$(counter "$A" mx tx_no_route)
	echo "tx_no_route: $before, then $after"
	((after > before))
}
check "metadata that leads nowhere ends in a counter" bad_remote

bad_remote6() { # the same over IPv6, which has no route here
	local before after
	steer_p7 fd00::1 fd00::2
	before=$(counter "$A" mx tx_no_route)
	no_ping "$V" 10.7.0.2
	after=$(counter "$A" mx tx_no_route)
	echo "tx_no_route: $before, then $after"
	((after > before))
}
check "IPv6 metadata that leads nowhere ends in a counter" bad_remote6

ksft_end
