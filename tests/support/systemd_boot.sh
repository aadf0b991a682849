#!/bin/bash
# Boots a real systemd as process 1 of namespaces of its own, on a copy-on-write view of this machine's root.
# systemd_boot.sh FOLDER CGROUP [SOURCE TARGET]...: FOLDER is an empty folder; each SOURCE appears at TARGET.
# Everything that it writes is in memory and gone with it.
set -euo pipefail

if [ "${TAPEWATCH_INSIDE:-}" != yes ]; then
    folder=$1 group=$2
    # A group of our own in each hierarchy, so that it does not take the machine's own groups for its own.
    if [ -e /sys/fs/cgroup/cgroup.procs ]; then hierarchies=(/sys/fs/cgroup); else hierarchies=(/sys/fs/cgroup/*); fi
    for hierarchy in "${hierarchies[@]}"; do
        # In the first version a group of processors cannot be entered before it has some.
        if [ -L "$hierarchy" ] || [ ! -w "$hierarchy/cgroup.procs" ] || [ -e "$hierarchy/cpuset.mems" ]; then continue; fi
        mkdir -p "$hierarchy/$group"
        echo $$ >"$hierarchy/$group/cgroup.procs"
    done
    TAPEWATCH_INSIDE=yes exec unshare --mount --pid --fork --kill-child --ipc --uts --net --cgroup "$0" "$@"
fi

folder=$1
shift 2
root=$folder/root
mount -t tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
while [ $# -gt 0 ]; do
    mkdir -p "$(dirname "$root$2")"
    if [ -d "$1" ]; then cp -a "$1/." "$root$2"; else touch "$root$2" && mount --bind "$1" "$root$2"; fi
    shift 2
done
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
if [ -e /sys/fs/cgroup/cgroup.procs ]; then
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
else
    mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
    for one in cpu cpuacct memory pids devices blkio freezer; do
        [ -e "/sys/fs/cgroup/$one/cgroup.procs" ] || continue
        mkdir "$root/sys/fs/cgroup/$one"
        mount -t cgroup -o "$one" cgroup "$root/sys/fs/cgroup/$one"
    done
    mkdir "$root/sys/fs/cgroup/systemd" "$root/sys/fs/cgroup/unified"
    mount -t cgroup -o none,name=systemd cgroup "$root/sys/fs/cgroup/systemd"
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup/unified"
fi
mount -t tmpfs run "$root/run"
mount -t tmpfs tmp "$root/tmp"
mount -t tmpfs dev "$root/dev"
for one in null zero full random urandom tty; do
    touch "$root/dev/$one"
    mount --bind "/dev/$one" "$root/dev/$one"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs shm "$root/dev/shm"
ip link set lo up
mkdir -p "$root/before"
cd "$root"
pivot_root . before
umount -l /before
# As on a host; without it a unit's credentials do not show in the unit.
mount --make-rshared /
exec env -i container=tapewatch PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --system --log-target=journal --unit=basic.target
