# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# VMs that standin plays, each on a tap of its own. Sourced after lib.sh.
#
# What is known of a VM is kept in files, since a check is a subshell.

programs=$here/../build/bin

# at NAME: IP@MAC of a VM. NAME is a letter, which gives them.
at() {
	local n=$(($(printf %d "'$1") & 31))
	printf '10.9.0.%d@02:00:00:00:00:%02x' "$n" "$n"
}
mac_of() { local both; both=$(at "$1"); echo "${both#*@}"; }
pid_of() { cat "$tmp/$1.pid"; }
ns_of() { cat "$tmp/$1.ns"; }
# The tap may be called something else later.
tap_of() { cat "$tmp/$1.tap"; }

# boot_vm NAME QUEUES [NS [OPTION...]]: a VM on tapNAME, which is up and nothing
# else yet; in namespace A if none is named. OPTION is one of standin.
boot_vm() {
	local name=$1 queues=$2 ns=${3:-$A} where
	where=$(at "$name")
	ip netns exec "$ns" "$programs/standin" --tap "tap$name" --queues "$queues" \
		--mac "${where#*@}" --ip "${where%@*}/24" "${@:4}" \
		--up --control "$tmp/$name.sock" </dev/null >/dev/null 2>"$tmp/$name.log" &
	echo $! >"$tmp/$name.pid"
	# Its end is no news.
	disown
	echo "$ns" >"$tmp/$name.ns"
	echo "tap$name" >"$tmp/$name.tap"
	until_true 20 vm "$name" stats
	# A reader that has to wait for a CPU must not be what loses frames.
	ip -n "$ns" link set "tap$name" txqueuelen 10000
}
# join NAME: into the bridge, until that forwards.
join() {
	ip -n "$(ns_of "$1")" link set "$(tap_of "$1")" master br0 up
	until_true 20 forwards "$1"
}
forwards() {
	in_ns "$(ns_of "$1")" grep -qx 3 "/sys/class/net/$(tap_of "$1")/brport/state"
}
halt_vm() {
	vm "$1" quit >/dev/null
	gone_vm "$1"
}
# kill_vm NAME: whatever it is doing.
kill_vm() {
	kill -9 "$(pid_of "$1")"
	gone_vm "$1"
}
# gone_vm NAME: waits for its end.
gone_vm() {
	until_true 20 ended "$(pid_of "$1")"
	rm "$tmp/$1.pid"
}
# The last thread closes what all had: gone, or waited for by nobody and alone.
# (Where a file is not there any more, "$(<FILE)" would end this shell.)
ended() {
	[[ ! -d /proc/$1 ]] ||
		[[ $(echo /proc/"$1"/task/*) == "/proc/$1/task/$1" && $(cat "/proc/$1/stat") == *") Z "* ]]
}
# kill_vms: all that run, for a cleanup.
kill_vms() {
	local file pid
	for file in "$tmp"/*.pid; do
		[[ -f $file ]] || continue
		pid=$(<"$file")
		kill -9 "$pid"
		until_true 20 ended "$pid"
	done
}
# vm NAME COMMAND...
vm() { "$programs/standin" ctl "$tmp/$1.sock" "${@:2}"; }
