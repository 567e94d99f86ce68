#!/usr/bin/env bash
# init.sh ROOT COMMAND...: process 1 of the namespaces that systems.sh makes: gives the root its /proc, /sys and /dev, brings the loopback
# up, runs the command there and ends with its exit code. bash waits for any child, so orphans are reaped.
set -euo pipefail
where=$1
shift
mount --make-rprivate /
mount --bind "$where" "$where"
mount -t proc proc "$where/proc"
mount -t sysfs sysfs "$where/sys"
mount -t tmpfs -o mode=755 devices "$where/dev"
for name in null zero full random urandom tty; do
    : >"$where/dev/$name"
    mount --bind "/dev/$name" "$where/dev/$name"
done
mkdir "$where/dev/pts" "$where/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 terminals "$where/dev/pts"
mount -t tmpfs -o mode=1777 shared "$where/dev/shm"
ln -s pts/ptmx "$where/dev/ptmx"
ln -s /proc/self/fd "$where/dev/fd"
ln -s /proc/self/fd/0 "$where/dev/stdin"
ln -s /proc/self/fd/1 "$where/dev/stdout"
ln -s /proc/self/fd/2 "$where/dev/stderr"
ip link set lo up
# How the machine finds and trusts its mirror.
for name in resolv.conf hosts; do
    rm -f "$where/etc/$name"
    cp "/etc/$name" "$where/etc/$name"
done
apt-config dump | grep -E '^Acquire::(Check-|.*[Pp]roxy)' >"$where/etc/apt/apt.conf.d/99machine" || true
# pivot_root, not chroot: the kernel lets no chrooted process make user namespaces, of which the sandbox is made.
mkdir -p "$where/.machine"
cd "$where"
pivot_root . .machine
cd /
# shellcheck disable=SC2016 # for the shell inside
exec env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=dumb LANG=C.UTF-8 bash -c '
    umount -l /.machine
    rmdir /.machine
    code=0
    "$@" || code=$?
    exit "$code"' init "$@"
