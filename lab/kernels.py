# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The user-mode Linux kernels that lab hosts run, fetched from Debian once.

``fast``: the newest that Debian has; from 6.16 on it knows ``seccomp=on``, which halves the time of everything. ``filter``: Debian
12's, because later packages come without iptables and nftables; hosts that mark, masquerade or filter run it. Kernels before
6.10 need help where the processor has AMX (``xstate.c``).
"""

from __future__ import annotations

import dataclasses
import hashlib
import os
import pathlib
import shutil
import subprocess

from . import cache, report

SUITES = {"fast": "sid", "filter": "bookworm"}
SECCOMP_SINCE = (6, 16)
XSTATE = pathlib.Path(__file__).with_name("xstate.c")
PRELOAD = "xstate.so"
ARCHIVE = "http://deb.debian.org/debian"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclasses.dataclass(frozen=True)
class Kernel:
    """A kernel in the cache: the folder holds linux.uml and modules/VERSION."""

    folder: pathlib.Path

    @property
    def program(self) -> pathlib.Path:
        return self.folder / "linux.uml"

    @property
    def modules(self) -> pathlib.Path:
        return next((self.folder / "modules").iterdir())

    @property
    def version(self) -> str:
        return self.modules.name

    @property
    def preload(self) -> str:
        """The library that it starts with, if any."""
        path = self.folder / PRELOAD
        return str(path) if path.exists() else ""

    @property
    def options(self) -> list[str]:
        """What this kernel wants on its command line beside the host's own words."""
        numbers = tuple(int(part) for part in self.version.split(".")[:2])
        return ["seccomp=on"] if numbers >= SECCOMP_SINCE else []


class Apt:
    """A package source of the lab's own beside the machine's: its lists and downloads, the machine's untouched."""

    def __init__(self, suite: str, work: pathlib.Path) -> None:
        self.suite, self.work = suite, work
        for name in ("lists/partial", "archives/partial", "debs"):
            (work / name).mkdir(parents=True)
        (work / "sources.list").write_text(f"deb [signed-by={KEYRING}] {ARCHIVE} {suite} main\n")
        self._options = [
            f"-oDir::Etc::SourceList={work}/sources.list",
            "-oDir::Etc::SourceParts=/dev/null",
            f"-oDir::State::Lists={work}/lists",
            f"-oDir::Cache={work}",
            "-oAPT::Sandbox::User=",
            "-qq",
        ]
        subprocess.run(["apt-get", *self._options, "update"], check=True, stdin=subprocess.DEVNULL)

    def unpack(self, *packages: str) -> pathlib.Path:
        """Downloads the packages and returns the folder that they were unpacked into."""
        debs, root = self.work / "debs", self.work / "root"
        subprocess.run(
            ["apt-get", *self._options, "download", *packages], check=True, cwd=debs, stdin=subprocess.DEVNULL
        )
        for deb in debs.glob("*.deb"):
            subprocess.run(["dpkg-deb", "-x", str(deb), str(root)], check=True)
        return root


def get(name: str) -> Kernel:
    """The kernel of that name (a key of ``SUITES``), fetched when it is not in the cache."""
    made_by = hashlib.sha256(XSTATE.read_bytes()).hexdigest()[:12]
    path = cache.folder() / "kernels" / f"{name}-{made_by}"
    with cache.locked(f"kernel-{name}"):
        if not path.exists():
            with report.step(f"kernel {name}: fetch user-mode Linux of Debian {SUITES[name]}"):
                _fetch(name, path)
    return Kernel(path)


def _fetch(name: str, path: pathlib.Path) -> None:
    suite = SUITES[name]
    with cache.entry(path) as aside:
        work = aside / "work"
        root = Apt(suite, work).unpack("user-mode-linux", *(["libc6"] if suite == "sid" else []))
        shutil.copytree(root / "usr/lib/uml/modules", aside / "modules", symlinks=True)
        shutil.copy2(root / "usr/bin/linux.uml", aside / "linux.uml")
        if suite == "sid":
            _own_libc(root, aside, path)
        else:
            build_xstate(aside / PRELOAD)
        shutil.rmtree(work)
        if not _runs(aside / "linux.uml", path, aside):
            if name == "filter":
                raise OSError(f"user-mode Linux of Debian {suite} does not run here")
            report.say(
                f"kernel {name}: the one of Debian {suite} does not run here; taking Debian 12's: tests will be slow"
            )
            shutil.rmtree(aside / "modules")
            filter_kernel = get("filter")
            shutil.copytree(filter_kernel.folder, aside, symlinks=True, dirs_exist_ok=True)


def _own_libc(root: pathlib.Path, aside: pathlib.Path, final: pathlib.Path) -> None:
    # The package is built against a newer C library than this machine's: give the program that library of its own.
    libraries = aside / "lib"
    libraries.mkdir()
    for library in (root / "usr/lib/x86_64-linux-gnu").glob("*.so*"):
        shutil.copy2(library, libraries / library.name, follow_symlinks=True)
    loader = final / "lib" / "ld-linux-x86-64.so.2"
    argv = ["patchelf", "--set-interpreter", str(loader), "--set-rpath", str(final / "lib"), str(aside / "linux.uml")]
    subprocess.run(argv, check=True)


def build_xstate(out: pathlib.Path) -> None:
    """Compile ``xstate.c`` to the library ``out``."""
    argv = ["gcc", "-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(out), str(XSTATE)]
    subprocess.run(argv, check=True)


def _runs(program: pathlib.Path, final: pathlib.Path, aside: pathlib.Path) -> bool:
    # The interpreter's path is the final one, so look from there for the length of one call.
    if final.exists():
        return True
    os.symlink(aside, final)
    try:
        return subprocess.run([str(program), "--version"], capture_output=True, check=False).returncode == 0
    except OSError:
        return False
    finally:
        os.unlink(final)
