# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# What all scripts share: where things are, messages, locks, small helpers.
# Sourced, never run.
#
# Constants stand here for those who source this file:
# shellcheck disable=SC2034

LANES_ROOT=$(cd -P -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd)
BUILD=${LANES_BUILD:-$LANES_ROOT/build}
TOOLROOT=$BUILD/toolroot
# LANES_TOOLS=host: the machine is the root, as it is for DKMS and packages.
[[ ${LANES_TOOLS:-} != host ]] || TOOLROOT=
LANES_SUITE=trixie
# The series that is taken when nobody names a kernel.
LANES_SERIES=7.3

LANES_NAME=${0##*/}

# say TEXT: one line for the user; standard output stays free for results.
say() {
	printf '%s: %s\n' "$LANES_NAME" "$*" >&2
}

# die STATUS TEXT
die() {
	local status=$1
	shift
	say "$*"
	exit "$status"
}

# print_help FILE: the first comment block of a script after the SPDX line.
print_help() {
	awk 'NR <= 2 { next } /^#/ { sub(/^# ?/, ""); print; next } { exit }' "$1"
}

# step NAME: the start of a step, with the time since the script began.
step() {
	printf '%s: [%4ds] %s\n' "$LANES_NAME" "$SECONDS" "$*" >&2
}

# lock NAME: wait until nobody else works on NAME. The lock goes with the
# process. Close the descriptor in children that may outlive us: "$@" 8>&-.
lock() {
	mkdir -p "$BUILD/locks"
	exec 8>"$BUILD/locks/$1"
	if ! flock -n 8; then
		say "waiting for another run that works on $1"
		flock 8
	fi
}

unlock() {
	exec 8>&-
}

# replace NEW OLD: put the finished folder or file NEW in the place of OLD.
replace() {
	if [[ -e $2 ]]; then
		mv -T -- "$2" "$2.old.$$"
		mv -T -- "$1" "$2"
		rm -rf -- "$2.old.$$"
	else
		mv -T -- "$1" "$2"
	fi
}

# stamp_ok FILE KEY: was FILE written for exactly these inputs?
stamp_ok() {
	[[ -f $1 && $(<"$1") == "$2" ]]
}

# digest FILE...: one short word for the contents of the files.
digest() {
	cat -- "$@" | sha256sum | cut -c1-16
}

# need_space MEGABYTES WHAT: stop before a step that would fill the disk.
need_space() {
	local free
	mkdir -p "$BUILD"
	free=$(df -Pm -- "$BUILD" | awk 'NR == 2 { print $4 }')
	if ((free < $1)); then
		die 1 "no disk space: $2 needs $1 MB below $BUILD, $free MB are free"
	fi
}

# need COMMAND PACKAGE: install what is missing when that is possible,
# else name the one command that does it.
need() {
	command -v "$1" >/dev/null && return
	if ((EUID == 0)) && command -v apt-get >/dev/null; then
		step "installing $2 on this machine"
		apt-get install -y --no-install-recommends "$2" >&2 ||
			{ apt-get update >&2 &&
				apt-get install -y --no-install-recommends "$2" >&2; } ||
			die 1 "cannot install $2; without it nothing can be set up"
	else
		die 1 "$1 is missing; install it: sudo apt-get install $2"
	fi
}

# mirror: the archive that this machine itself uses, never one of our choice.
mirror() {
	local uri
	if [[ -n ${LANES_MIRROR:-} ]]; then
		printf '%s\n' "$LANES_MIRROR"
		return
	fi
	# shellcheck disable=SC2016
	uri=$(apt-get indextargets --no-release-info \
		--format '$(REPO_URI) $(COMPONENT)' 'Created-By: Packages' 2>/dev/null |
		awk '$2 == "main" && $1 !~ /security/ && $1 ~ /debian\/?$/ { print $1; exit }')
	[[ -n $uri ]] ||
		die 1 "this machine's apt knows no Debian archive; name one: LANES_MIRROR=URL"
	printf '%s\n' "$uri"
}

# progress LOG: standard input goes to LOG; the user sees that work goes on,
# as one changing line on a terminal, else as a line every 15 s.
progress() {
	local line n=0 last=$SECONDS tty=
	[[ ! -t 2 ]] || tty=1
	while IFS= read -r line; do
		printf '%s\n' "$line" >&9
		n=$((n + 1))
		if [[ -n $tty ]]; then
			printf '\r\033[K%.78s' "$line" >&2
		elif ((SECONDS - last >= 15)); then
			last=$SECONDS
			step "... line $n of the log: ${line:0:50}"
		fi
	done 9>"$1"
	[[ -z $tty ]] || printf '\r\033[K' >&2
}

# package_version NAME: of a package in the root.
package_version() {
	awk -v name="$1" '$1 == "Package:" { hit = $2 == name }
		hit && $1 == "Version:" { print $2; exit }' "$TOOLROOT/var/lib/dpkg/status"
}
