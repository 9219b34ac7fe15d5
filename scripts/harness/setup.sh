# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Tests of wrong usage and of set-up on a poor machine; no guest is booted.
# Sourced by scripts/test-harness.

# tmp, vm, run and says are test-harness's.
# shellcheck disable=SC2154

test_usage() {
	run 2 "$vm"
	says "no command given"
	run 2 "$vm" --nic e1000 -- true
	says "virtio, igb or none"
	run 2 "$vm" --queues 0 -- true
	says "--queues 0"
	run 2 "$vm" --share /no/such -- true
	says "no such folder"
	run 2 "$vm" --accel icount --cpus 2 -- true
	says "one CPU"
	run 2 "$vm" --mem
	says "needs a value"
	run 2 scripts/prepare-kdir nonsense
	says "is not a Debian kernel release"
	local script
	for script in vm prepare-kdir in-root check-config make-guest fetch-kernel \
		build-deb dkms-install test-dkms; do
		run 0 "scripts/$script" --help
		says "usage:"
	done
}

# fresh COMMAND...: with an empty build folder.
fresh() {
	mkdir -p "$tmp/build"
	LANES_BUILD=$tmp/build "$@"
}

test_no_space() {
	unshare -rm true 2>/dev/null || { echo "no user namespaces here"; return 4; }
	mkdir -p "$tmp/small"
	# shellcheck disable=SC2016
	run 1 unshare -rm sh -c 'mount -t tmpfs -o size=20m small "$1"
		LANES_BUILD=$1 exec scripts/make-root' sh "$tmp/small"
	says "no disk space"
}

test_no_network() {
	unshare -rn true 2>/dev/null || { echo "no user namespaces here"; return 4; }
	local flags=-rn
	((EUID != 0)) || flags=-n
	run 1 fresh unshare $flags scripts/make-root
	says "reachable"
	[[ ! -e $tmp/build/toolroot ]]
}

test_missing_tool() {
	((EUID == 0)) || { echo "needs root, to become a user"; return 4; }
	local dir file
	mkdir "$tmp/bin" "$tmp/user"
	for dir in /usr/sbin /usr/bin /sbin /bin; do
		for file in "$dir"/*; do
			[[ ${file##*/} == mmdebstrap ]] || ln -sf "$file" "$tmp/bin/"
		done
	done
	chmod 755 "$tmp/.." "$tmp" "$tmp/bin"
	chmod 777 "$tmp/user"
	run 1 setpriv --reuid=65534 --regid=65534 --clear-groups \
		env "PATH=$tmp/bin" "LANES_BUILD=$tmp/user" scripts/make-root
	says "sudo apt-get install mmdebstrap"
}

# A folder that looks like a build folder, as far as check-config looks.
fake_kdir() {
	local text
	text=$(rustc --version 2>/dev/null || echo none)
	rm -rf "$tmp/kdir"
	mkdir -p "$tmp/kdir/include/config" "$tmp/kdir/rust"
	echo 7.3.9-fake >"$tmp/kdir/include/config/kernel.release"
	touch "$tmp/kdir/Makefile"
	printf 'CONFIG_%s=y\n' RUST MODULES NET INET NETFILTER XPS BRIDGE TUN NET_IPGRE NET_UDP_TUNNEL \
		>"$tmp/kdir/.config"
	echo "CONFIG_RUSTC_VERSION_TEXT=\"${1:-$text}\"" >>"$tmp/kdir/.config"
}

test_check_config_good() {
	local kver
	kver=$(scripts/fetch-kernel "${KVER:-}")
	run 0 scripts/check-config "$BUILD/kdir/$kver/out"
	says "can be built"
}

test_check_config_no_rust() {
	fake_kdir
	sed -i /CONFIG_RUST=/d "$tmp/kdir/.config"
	run 1 scripts/check-config "$tmp/kdir"
	says "built without Rust"
	says "remedy:"
}

test_check_config_other_rustc() {
	fake_kdir "rustc 1.97.1 (of another day)"
	run 1 scripts/check-config "$tmp/kdir"
	if command -v rustc >/dev/null; then
		says "rustc 1.97.1 (of another day)"
	fi
	says "remedy:"
}

test_check_config_no_metadata() {
	fake_kdir
	run 1 scripts/check-config "$tmp/kdir"
	says "no Rust metadata"
	says "no Module.symvers"
	run 2 scripts/check-config "$tmp/nothing"
	says "no such folder"
	run 1 scripts/check-config "$tmp/kdir/rust"
	says "no configured kernel build folder"
}

# Whoever is killed while the kernel's packages come leaves no half of them.
test_killed_and_resumed() {
	local kver pid new
	kver=$(scripts/fetch-kernel "${KVER:-}")
	mkdir -p "$tmp/build"
	ln -s "$TOOLROOT" "$tmp/build/toolroot"
	fresh setsid scripts/fetch-kernel "$kver" >"$tmp/out" 2>&1 &
	pid=$!
	sleep 1.5
	kill -KILL -- "-$pid" 2>/dev/null || kill -KILL "$pid"
	wait "$pid" 2>/dev/null || true
	new=$tmp/build/kdir/$kver
	[[ ! -e $new/pkg ]] || { echo "it was done already"; return 4; }
	run 0 fresh scripts/fetch-kernel "$kver"
	[[ -f $new/pkg/.lanes-stamp && -f $new/pkg/vmlinuz ]]
	[[ -z $(find "$new" -maxdepth 1 -name '*.new.*') ]]
}

test_second_run_is_fast() {
	local began
	began=$(cut -d. -f1 /proc/uptime)
	run 0 scripts/prepare-kdir
	# The first one takes minutes.
	(($(cut -d. -f1 /proc/uptime) - began < 60)) || { echo "slower than a minute"; return 1; }
}
