#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
#
# Tenants are apart, whatever a VM does: a million hostile frames from a port of
# red, of which nothing comes to blue, neither on the same host nor by the wire.
# See tenants_lib.sh for who is where. KSFT_SEED sets another seed, KSFT_ROUNDS
# (default 1) multiplies the number of frames.

. "$(dirname -- "$0")/lib.sh"
. "$here/tenants_lib.sh"

seed=${KSFT_SEED:-1}
count=$((1000000 * ${KSFT_ROUNDS:-1}))
note "KSFT_SEED=$seed"
two_hosts
all_vms
blue=(blue1 blue2 blue3)
red=(red1 red2 red3)

check "red works" works red
check "blue works, with the same addresses" works blue

# attack NAME COUNT SEED: hostile frames from that VM, aimed at whoever has an
# address that it knows, and at the hosts' tunnels.
attack() {
	local began=$SECONDS
	vm "$1" hostile --count $(($2 / vm_queues)) --seed "$3" \
		--to 10.9.0.2@02:00:00:00:00:02 --to fd00:9::2@02:00:00:00:00:02 \
		--to 10.9.0.3@02:00:00:00:00:03 --to fd00:9::3@02:00:00:00:00:03 \
		--to 10.9.0.1@02:00:00:00:00:01 --host "$addr_A" --host "$addr_B" \
		--key 7 --key 9 >"$tmp/attack"
	echo "$1: $(<"$tmp/attack")"
	echo $((SECONDS - began)) >"$tmp/seconds"
	jq -e --argjson count "$2" '.errors == 0 and (.sent | add) + .refused == $count and
		.refused * 4 < $count and ([.kinds[]] | all(. > 0))' "$tmp/attack" >/dev/null
}
# got_some NAME...: red's frames do arrive at red, so that blue's silence says
# something.
got_some() {
	local name
	for name; do reports "$name" '.tagged > 1000 and .foreign == 0'; done
}

million() {
	reset "${red[@]}" "${blue[@]}"
	start_wire
	attack red1 "$count" "$seed"
	sleep 1
	stop_wire
}
check "$count hostile frames from red1" million
note "they took $(<"$tmp/seconds") s; wire: $(jq -c '{frames, dropped,
	keys: (.keys | map_values(.packets))}' "$tmp/wire.json")"
check "... reach red, here and there" got_some red2 red3
check "... none reaches a port of blue" silence "${blue[@]}"
check "... the wire has red's key and no other" only_keys '["7"]'
check "... some of them were stopped for who they claim to be" \
	port_is red1 '.drop.src_mac > 1000 and .drop.src_ipv4 > 1000 and .drop.src_ipv6 > 1000'

other_way() {
	reset "${red[@]}" "${blue[@]}"
	start_wire
	attack blue2 100000 $((seed + 1))
	sleep 1
	stop_wire
	only_keys '["9"]'
	silence "${red[@]}"
	got_some blue1 blue3
}
check "blue2, on the other host, does as much to red" other_way

offloads() {
	new_vm red4 "$A" --vnet-hdr
	reset "${red[@]}" "${blue[@]}"
	start_wire
	attack red4 100000 $((seed + 2))
	jq -e .virtio "$tmp/attack" >/dev/null
	sleep 1
	stop_wire
	only_keys '["7"]'
	silence "${blue[@]}"
	got_some red2 red3
	halt_vm red4
}
check "offloads, true and false, make no difference" offloads

meanwhile() { # what blue's VMs say to each other is all that they hear
	reset "${red[@]}" "${blue[@]}"
	start_wire
	attack red1 200000 $((seed + 3)) &
	vm blue1 send --to "$(at blue2)" --count 2000 --rate 200 >/dev/null
	vm blue3 send --to "$(at blue1)" --count 500 --rate 200 >/dev/null
	wait $!
	sleep 1
	stop_wire
	only_keys '["7","9"]'
	reports blue2 '.foreign == 0 and .corrupt == 0 and .tagged > 0 and .tagged == .stamped'
	reports blue1 '.foreign == 0 and .corrupt == 0 and .tagged > 0 and .tagged == .stamped'
	silence blue3
	reports red2 '.foreign == 0'
	reports red3 '.foreign == 0'
}
check "blue hears blue alone while red attacks" meanwhile

check "afterwards red works" works red
check "afterwards blue works" works blue
check "afterwards nothing is lost between hosts" delivers blue1 blue2 100

ksft_end
