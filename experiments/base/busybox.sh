#!/bin/sh
# Makes busybox.tar beside itself: a root file system of one static program
# and its links, the smallest with a shell.
#
# Needs a static busybox (apt-get install busybox-static). Names, times and
# order in the archive are fixed, so the same program gives the same bytes.
set -eu
cd "$(dirname "$0")"
fail() { echo "busybox.sh: $*" >&2; exit 1; }

busybox=$(command -v busybox) || fail "no busybox: apt-get install busybox-static"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
mkdir -p "$work/root/bin" "$work/root/etc" "$work/root/tmp"
cp "$busybox" "$work/root/bin/busybox"
# One with libraries would not find them in the container.
if ldd "$busybox" >/dev/null 2>&1; then
	fail "$busybox is not static: apt-get install busybox-static"
fi
for name in $("$work/root/bin/busybox" --list); do
	[ "$name" = busybox ] || ln -s busybox "$work/root/bin/$name"
done
echo 'root:x:0:0:root:/:/bin/sh' >"$work/root/etc/passwd"
echo 'root:x:0:' >"$work/root/etc/group"
chmod -R u=rwX,go=rX "$work/root"
chmod 1777 "$work/root/tmp"
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner --format=gnu -C "$work/root" -cf "$work/busybox.tar" .
mv "$work/busybox.tar" busybox.tar
echo "busybox.tar: $(wc -c <busybox.tar) bytes, sha256:$(sha256sum busybox.tar | cut -d ' ' -f 1)"
