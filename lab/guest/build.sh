#!/bin/sh
# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# The last step of mmdebstrap: turns the fresh system in $1 into the lab's two images in $LAB_OUT.
# LAB_GUEST: this folder; LAB_MODULES: folders of kernel modules; LAB_KEY: the public key that may log in.
set -eu
root=$1
say() { echo "lab: $LAB_RELEASE: $*" >&2; }
# A plain bind mount shows the system without the /proc, /sys and /dev that are mounted in it for the hooks.
disk() {
    mkdir -p "$LAB_OUT/view"
    # shellcheck disable=SC2016  # the inner shell expands them
    unshare --mount sh -euc 'mount --bind "$0" "$1/view" && mke2fs -q -F -t ext4 -J size=8 -d "$1/view" "$1/$2.img" 1500M' \
        "$root" "$LAB_OUT" "$1"
    rmdir "$LAB_OUT/view"
}

cp -r "$LAB_GUEST/root/." "$root/"
for modules in $LAB_MODULES; do
    version=${modules##*/}
    mkdir -p "$root/usr/lib/modules"
    cp -r "$modules" "$root/usr/lib/modules/"
    for useless in gpu media staging iio usb input; do rm -rf "$root/usr/lib/modules/$version/kernel/drivers/$useless"; done
    rm -rf "$root/usr/lib/modules/$version/kernel/sound"
    chroot "$root" depmod "$version"
done

install -d -m 700 "$root/root/.ssh"
install -m 600 "$LAB_KEY" "$root/root/.ssh/authorized_keys"
# Without these each login waits for name look-ups and session services that the lab has not.
printf 'UseDNS no\nUsePAM no\n' >"$root/etc/ssh/sshd_config.d/lab.conf"
: >"$root/etc/motd"
# A machine id (each host gets its own on the kernel's command line) and these stamps: else each boot is a first boot.
echo 0123456789abcdef0123456789abcdef >"$root/etc/machine-id"
touch "$root/etc/.updated" "$root/var/.updated"
# The kernel that filters here has iptables' old interface only.
for iptables in iptables ip6tables; do chroot "$root" update-alternatives --quiet --set $iptables /usr/sbin/$iptables-legacy; done
# What a storage host has before it exports anything.
install -d "$root/srv/files"
chroot "$root" systemctl --quiet enable lab-boot.service lab-app.service systemd-networkd.service ssh.service
chroot "$root" systemctl --quiet mask getty@.service serial-getty@.service console-getty.service apt-daily.timer apt-daily-upgrade.timer \
    e2scrub_all.timer e2scrub_reap.service fstrim.timer dpkg-db-backup.timer systemd-timesyncd.service systemd-logind.service \
    systemd-update-utmp.service systemd-pstore.service systemd-random-seed.service ifupdown-pre.service dev-hugepages.mount \
    dev-mqueue.mount sys-kernel-debug.mount sys-kernel-tracing.mount systemd-tmpfiles-clean.timer

say "packages for an offline repository"
pool=$root/srv/repo
mkdir -p "$pool"
packages=$(grep -v '^#' "$LAB_GUEST/packages.txt")
# shellcheck disable=SC2086  # a list
chroot "$root" apt-get -qq -y --no-install-recommends --download-only -o Dir::Cache::archives=/srv/repo install $packages
rm -rf "$pool/partial" "$pool/lock"
(cd "$pool" && apt-ftparchive packages . >Packages)
rm -rf "$root/etc/resolv.conf" "$root"/etc/apt/sources.list.d/* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
echo 'deb [trusted=yes] file:/srv/repo ./' >"$root/etc/apt/sources.list"
chroot "$root" apt-get -qq update

say "the bare image"
disk bare

say "the ready image"
printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
chmod 755 "$root/usr/sbin/policy-rc.d"
# shellcheck disable=SC2086  # a list
DEBIAN_FRONTEND=noninteractive chroot "$root" apt-get -qq -y --no-install-recommends install $packages >/dev/null
rm "$root/usr/sbin/policy-rc.d"
chroot "$root" systemctl --quiet disable keepalived.service nginx.service haproxy.service pdns.service \
    nfs-server.service nfs-client.target rpcbind.service rpcbind.socket
disk ready
