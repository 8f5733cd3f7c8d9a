#!/bin/sh
# tools/pristine.sh [COMMAND] — try the README's commands in a fresh Debian 12 (needs root).
#
# Makes a minimal system with debootstrap (git, make, gcc and apt, nothing else), clones this
# repository's HEAD into it and runs COMMAND there, default "make demo && make test". The system is
# kept in build/pristine.tar.gz for the next time; MIRROR names another source of packages. Exit
# code: that of the command.
set -eu
cd "$(dirname "$0")/.."
command=${1:-make demo && make test}
[ "$(id -u)" -eq 0 ] || { echo "pristine: needs root for debootstrap and chroot" >&2; exit 2; }
command -v debootstrap >/dev/null || apt-get install -y -q debootstrap

mkdir -p build
image=$PWD/build/pristine.tar.gz
root=$(mktemp -d "$PWD/build/pristine.XXXXXX")

leave() {
    for place in dev/pts dev proc sys; do
        umount "$root/$place" 2>/dev/null || true
    done
    rm -rf --one-file-system "$root"
}
trap leave EXIT INT TERM

if [ -e "$image" ]; then
    tar -C "$root" -xzf "$image"
else
    # shellcheck disable=SC2086 # no mirror: debootstrap's own default
    debootstrap --variant=minbase --include=git,make,gcc,ca-certificates bookworm "$root" \
        ${MIRROR:-}
    tar -C "$root" -czf "$image" .
fi

mount -t proc proc "$root/proc"
mount -t sysfs sys "$root/sys"
mount --bind /dev "$root/dev"
mount --bind /dev/pts "$root/dev/pts"
cp /etc/resolv.conf "$root/etc/resolv.conf"
# What this machine needs to reach the network: proxies, certificates, package settings.
for file in /etc/ssl/certs/ca-certificates.crt /etc/pip.conf; do
    [ ! -e "$file" ] || install -D "$file" "$root$file"
done
cp -r /etc/apt/apt.conf.d/. "$root/etc/apt/apt.conf.d/"
git clone -q --no-local . "$root/weir"
chroot "$root" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin TERM="${TERM:-dumb}" \
    $(env | grep -i -E '^(https?_proxy|no_proxy|PIP_[A-Z_]*)=' | grep -v ' ' || true) \
    sh -c "cd /weir && $command"
