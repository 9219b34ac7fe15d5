# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# Tests of what `make deb` and packaging/dkms make. Sourced by
# scripts/test-harness.

# tmp, vm, run and says are test-harness's.
# shellcheck disable=SC2154

# dkms_root SCRIPT: in the root, where the folders that a kernel's packages
# and DKMS write to are empty and go with it. For the script, kver is the
# kernel's release, pkg its unpacked packages, out its build folder.
dkms_root() {
	local kver
	kver=$(scripts/fetch-kernel "${KVER:-}")
	# shellcheck disable=SC2016
	scripts/in-root -- bash -euc '
		mkdir /tmp/src
		busybox mount -o bind /usr/src /tmp/src
		for dir in /usr/src /usr/lib/modules /var/lib/dkms; do
			mkdir -p "$dir"
			busybox mount -t tmpfs -o mode=755 none "$dir"
		done
		ln -s /tmp/src/rustc-* /usr/src/
		mkdir -p /var/lib/lanes
		busybox mount -t tmpfs -o mode=755 none /var/lib/lanes
		mkdir "/usr/lib/modules/$1"
		cp "$2/lib/modules/$1"/modules.* "/usr/lib/modules/$1/"
		cp -rs "$2/usr/src/linux-headers-$1" /usr/src/
		ln -s "/usr/src/linux-headers-$1" "/usr/lib/modules/$1/build"
		depmod "$1"
		script=$4 kver=$1 pkg=$2 out=$3
		eval "$script"
	' dkms_root "$kver" "$BUILD/kdir/$kver/pkg" "$BUILD/kdir/$kver/out" "$1"
}

# The packages in a guest: installed, used, upgraded, removed.
test_deb_in_guest() {
	local deb kver
	kver=$(scripts/fetch-kernel "${KVER:-}")
	run 0 scripts/build-deb "$kver"
	mkdir "$tmp/debs"
	for deb in "$BUILD/deb/lanes-modules-$kver"_*.deb "$BUILD"/deb/lanes-tools_*.deb; do
		cp "$deb" "$tmp/debs/"
		# The next version, which is the same but for its number.
		scripts/in-root --bind "$tmp" -- bash -euc '
			dpkg-deb -R "$1" /tmp/next
			sed -i "s/^Version: .*/&+next/" /tmp/next/DEBIAN/control
			dpkg-deb --root-owner-group -Znone -b /tmp/next "${1%.deb}+next.deb"' sh \
			"$tmp/debs/${deb##*/}" >/dev/null
	done
	run 0 "$vm" --no-modules --kernel "$kver" --share "$tmp/debs" -- \
		/lanes/scripts/harness/packages_guest /share/debs
	says "all is well"
}

# Headers that have their metadata: the build itself, in seconds.
test_dkms_install() {
	# shellcheck disable=SC2016
	run 0 dkms_root '
		ln -sfn "$out" "/usr/lib/modules/$kver/build"
		# DKMS drops it in any case, and it takes its time.
		export KRUSTFLAGS=-Cdebuginfo=0
		scripts/dkms-install "$kver"
		dkms status
		name=lanes/$(cat VERSION)
		for module in mq_gre tun_mq vpc_hook; do
			modinfo -k "$kver" -F version "$module" | grep -qx "$(cat VERSION)"
			modinfo -k "$kver" -n "$module" | grep -q updates/dkms
		done
		busybox umount /var/lib/lanes
		scripts/dkms-install --remove
		[ -z "$(dkms status lanes)" ]
		[ ! -e /usr/src/${name/\//-} ]
		[ -z "$(find /usr/lib/modules/ /var/lib/lanes /var/lib/dkms -name "*mq*")" ]'
	says "installed"
}

# Each refusal names what is missing and the remedy, and changes nothing.
test_dkms_refusals() {
	# shellcheck disable=SC2016
	run 1 dkms_root 'exec scripts/dkms-install 7.3.99-none'
	says "there are no headers of linux 7.3.99-none: apt-get install linux-headers-7.3.99-none"
	# shellcheck disable=SC2016
	run 1 dkms_root 'exec scripts/dkms-install "$kver"'
	says "the source to make it from is not installed: apt-get install linux-source-"
	# shellcheck disable=SC2016
	run 1 dkms_root '
		printf "#!/bin/sh\necho rustc 1.99.0\n" >/tmp/rustc
		chmod +x /tmp/rustc
		RUSTC=/tmp/rustc exec scripts/dkms-install "$kver"'
	says "this is 'rustc 1.99.0'"
	says "remedy:"
	# A kernel that cannot have the modules is skipped by DKMS, and said by us.
	# shellcheck disable=SC2016
	local old='
		mv "/usr/lib/modules/$kver" /usr/lib/modules/6.12.1-old
		cd "/usr/src/linux-headers-$kver"
		rm include/config/kernel.release
		echo 6.12.1-old >include/config/kernel.release
		cd "$OLDPWD"
		'
	# shellcheck disable=SC2016
	run 1 dkms_root "$old"'exec scripts/dkms-install 6.12.1-old'
	says "linux 6.12.1-old is older than 7.2"
	says "apt-get install -t trixie-backports linux-image-amd64"
	# shellcheck disable=SC2016
	run 77 dkms_root "$old"'
		packaging/dkms/stage "/usr/src/lanes-$(cat VERSION)"
		dkms add "lanes/$(cat VERSION)"
		exec dkms build -k 6.12.1-old "lanes/$(cat VERSION)"'
	says "BUILD_EXCLUSIVE"
	# shellcheck disable=SC2016
	run 1 dkms_root 'PATH=/usr/bin exec scripts/dkms-install "$kver"'
	says "dkms is missing: apt-get install dkms"
}
