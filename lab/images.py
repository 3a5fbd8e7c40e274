# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The disks that lab hosts boot from: for each Debian release a bare and a ready one, made once.

The cache entry's name carries a hash of all that goes in: the guest's files, the kernels' versions and the login key.
"""

from __future__ import annotations

import concurrent.futures
import hashlib
import os
import pathlib
import subprocess
import typing as t

from . import cache, kernels, report

GUEST = pathlib.Path(__file__).with_name("guest")
BASE_PACKAGES = "systemd,systemd-sysv,dbus,udev,iproute2,python3,python3-apt,openssh-server,kmod,procps,iputils-ping,ifupdown,iptables"


def get(release: str, variant: str) -> pathlib.Path:
    """The disk image of that release and variant (``bare`` or ``ready``), built when it is not in the cache."""
    guests = [kernels.get(name) for name in kernels.SUITES]
    key = cache.ssh_key().with_suffix(".pub")
    path = cache.folder() / "images" / f"{release}-{_digest(release, guests, key)}"
    with cache.locked(f"image-{release}"):
        if not path.exists():
            with report.step(f"image {release}: build"), cache.entry(path) as aside:
                _build(release, guests, key, aside)
    return path / f"{variant}.img"


def prepare(releases: t.Iterable[str]) -> None:
    """Builds what is missing for these releases, side by side."""
    for name in kernels.SUITES:
        kernels.get(name)
    cache.ssh_key()
    with concurrent.futures.ThreadPoolExecutor() as pool:
        list(pool.map(lambda release: get(release, "ready"), sorted(set(releases))))


def _digest(release: str, guests: list[kernels.Kernel], key: pathlib.Path) -> str:
    digest = hashlib.sha256(f"{release} {BASE_PACKAGES}".encode())
    for kernel in guests:
        digest.update(kernel.version.encode())
    for file in [key, *sorted(path for path in GUEST.rglob("*") if path.is_file())]:
        digest.update(f"{file.name} {file.stat().st_mode}".encode() + file.read_bytes())
    return digest.hexdigest()[:16]


def _build(release: str, guests: list[kernels.Kernel], key: pathlib.Path, out: pathlib.Path) -> None:
    environment = {
        **os.environ,
        "LAB_GUEST": str(GUEST),
        "LAB_KEY": str(key),
        "LAB_MODULES": " ".join(sorted({str(kernel.modules) for kernel in guests})),
        "LAB_OUT": str(out),
        "LAB_RELEASE": release,
    }
    wrap, skip = [], []
    if os.geteuid() != 0:
        # mmdebstrap's own way without root would have other owners than this user, who may neither read nor write here.
        wrap = [
            "unshare",
            "--map-root-user",
            "--map-auto",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "--mount-proc",
        ]
        # Only with a network of their own could these namespaces mount it, and nothing in the image looks at it.
        skip = ["--skip=chroot/mount/sys"]
    argv = [
        *wrap,
        "mmdebstrap",
        *skip,
        "--quiet",
        "--mode=root",
        "--variant=minbase",
        "--format=null",
        f"--include={BASE_PACKAGES}",
        f'--customize-hook={GUEST}/build.sh "$1"',
        release,
        "/dev/null",
        kernels.ARCHIVE,
    ]
    subprocess.run(argv, check=True, env=environment, stdin=subprocess.DEVNULL)
