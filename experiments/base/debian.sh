#!/bin/sh
# Makes debian.tar beside itself: the root file system of this machine's own
# release of Debian, without documentation, translations and package lists, as
# the published slim images are. Takes about half a minute.
#
# Needs root and debootstrap (apt-get install debootstrap). The packages come
# from where apt is configured to get them. Names, times and order in the
# archive are fixed, so the same packages give the same bytes.
set -eu
cd "$(dirname "$0")"
fail() { echo "debian.sh: $*" >&2; exit 1; }

command -v debootstrap >/dev/null || fail "no debootstrap: apt-get install debootstrap"
[ "$(id -u)" = 0 ] || fail "debootstrap needs root: sudo $0"
suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-stable}")
mirror=$(apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null |
	sed -n "s/^$suite //p" | head -n 1)

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
# Without a mirror, debootstrap takes its own.
debootstrap --variant=minbase "$suite" "$work/root" ${mirror:+"$mirror"} >"$work/log" 2>&1 ||
	{ tail -n 20 "$work/log" >&2; fail "debootstrap failed"; }

cd "$work/root"
rm -rf dev/* proc/* sys/* run/* tmp/* var/tmp/* var/cache/* var/log/* var/lib/apt/lists/* \
	usr/share/doc/* usr/share/man/* usr/share/info/* usr/share/locale/* usr/share/lintian/* \
	etc/machine-id etc/hostname etc/resolv.conf etc/apt/sources.list debootstrap
cd - >/dev/null
tar --sort=name --mtime=@0 --numeric-owner --format=gnu -C "$work/root" -cf "$work/debian.tar" .
mv "$work/debian.tar" debian.tar
echo "debian.tar: $suite, $(wc -c <debian.tar) bytes, sha256:$(sha256sum debian.tar | cut -d ' ' -f 1)"
