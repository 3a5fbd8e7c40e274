# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file of the collection that writes files (and values below /proc/sys) on a managed host."""

from __future__ import annotations

import contextlib
import grp
import os
import pwd
import shutil
import stat
import tempfile
import typing as t

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

# Folders that belong to the collection alone: they go when their last file goes.
OWN_NAME = "mixed_lb"  # as in /etc/mixed_lb and /etc/nginx/mixed_lb


class FileProblem(Exception):
    """A file could not be read, written or removed; the text names the file and the reason."""

    def __init__(self, doing: str, path: str, error: OSError) -> None:
        super().__init__(f"cannot {doing} {path}: {error.strerror or error}")
        self.path = path
        self.error = error


class Attributes(t.NamedTuple):
    """Permission bits of a file, and its owner and group by name (by number where they have none)."""

    mode: int
    owner: str
    group: str


class FileStore(t.Protocol):
    """Text files of a host, by absolute path. Every method raises ``FileProblem`` when the host refuses."""

    def read(self, path: str) -> str | None:
        """The file's text; ``None`` where there is no such file."""

    def attributes(self, path: str) -> Attributes | None:
        """Who may do what with the file; ``None`` where there is no such file."""

    def write(self, path: str, content: str, mode: int = 0o644, owner: str = "", group: str = "") -> None:
        """Replace the file in one step; missing folders are made with mode 0755. Nobody else ever sees a part of it."""

    def remove(self, path: str) -> None:
        """Delete the file if it is there, and folders of the collection that this leaves empty."""

    def names(self, folder: str) -> list[str]:
        """Sorted names in a folder; empty where there is no such folder."""

    def is_link(self, path: str) -> bool:
        """Whether the path is a symbolic link, dangling or not."""

    def copies(self, folders: t.Sequence[str]) -> contextlib.AbstractContextManager[dict[str, str]]:
        """Copies of whole folders that root alone can read, by folder; they go when the context ends."""


class Proc(t.Protocol):
    """Kernel values below /proc and /sys, by absolute path: read and written in place, one value a file."""

    def read(self, path: str) -> str | None:
        """The value without its trailing newline; ``None`` where the kernel has no such file."""

    def write(self, path: str, value: str) -> None:
        """Set the value; raises ``FileProblem`` with the kernel's reason."""

    def writable(self, path: str) -> bool:
        """Whether a write would be let through; false on a read-only /proc/sys, as in most containers."""

    def exists(self, path: str) -> bool:
        """Whether there is such a file or folder."""


class HostProc:
    """The real thing."""

    def read(self, path: str) -> str | None:
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                return file.read().rstrip("\n")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise FileProblem("read", path, error) from error

    def write(self, path: str, value: str) -> None:
        try:
            # Unbuffered: the kernel wants the whole value in one write, and the error must come from here.
            with open(path, "wb", buffering=0) as file:
                file.write(value.encode() + b"\n")
        except OSError as error:
            raise FileProblem(f"set {value} in", path, error) from error

    def writable(self, path: str) -> bool:
        return os.access(path, os.W_OK)

    def exists(self, path: str) -> bool:
        return os.path.exists(path)


class _HostFiles:
    def __init__(self, module: AnsibleModule) -> None:
        self._module = module

    def read(self, path: str) -> str | None:
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                return file.read()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise FileProblem("read", path, error) from error

    def attributes(self, path: str) -> Attributes | None:
        try:
            found = os.stat(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise FileProblem("read", path, error) from error
        return Attributes(
            stat.S_IMODE(found.st_mode), _name(found.st_uid, pwd.getpwuid), _name(found.st_gid, grp.getgrgid)
        )

    def write(self, path: str, content: str, mode: int = 0o644, owner: str = "", group: str = "") -> None:
        folder, name = os.path.split(path)
        temporary = None
        try:
            _make_folders(folder)
            _clear(folder, name)
            # Beside the target: only a rename within one filesystem is atomic. The dot hides it from *.d readers.
            handle, temporary = tempfile.mkstemp(prefix=f".{name}.", suffix=".tmp", dir=folder)
            with open(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.chown(temporary, _number(owner, pwd.getpwnam), _number(group, grp.getgrnam))
            os.chmod(temporary, mode)
            os.rename(temporary, path)
            if self._module.selinux_enabled():
                self._module.set_default_selinux_context(path, False)
        except LookupError as error:  # says which user or group there is not
            raise FileProblem("write", path, OSError(0, str(error))) from error
        except OSError as error:
            raise FileProblem("write", path, error) from error
        finally:
            if temporary is not None and os.path.exists(temporary):
                os.unlink(temporary)

    def remove(self, path: str) -> None:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise FileProblem("remove", path, error) from error
        for folder in emptied_folders(path):
            try:
                os.rmdir(folder)
            except OSError:  # not empty, or gone already: both fine
                break

    def names(self, folder: str) -> list[str]:
        try:
            return sorted(os.listdir(folder))
        except (FileNotFoundError, NotADirectoryError):
            return []
        except OSError as error:
            raise FileProblem("list", folder, error) from error

    def is_link(self, path: str) -> bool:
        return os.path.islink(path)

    @contextlib.contextmanager
    def copies(self, folders: t.Sequence[str]) -> t.Iterator[dict[str, str]]:
        try:
            place = tempfile.TemporaryDirectory(prefix="mixed-lb-")
        except OSError as error:  # a full disk, as a rule
            raise FileProblem("copy", " ".join(folders), error) from error
        with place as parent:
            made = {}
            for number, folder in enumerate(folders):
                made[folder] = os.path.join(parent, str(number))
                try:
                    shutil.copytree(folder, made[folder], symlinks=True, ignore=_special_files)
                except (OSError, shutil.Error) as error:
                    raise FileProblem("copy", folder, OSError(0, str(error))) from error
            yield made


def on_host(module: AnsibleModule) -> FileStore:
    """The real thing."""
    return _HostFiles(module)


def emptied_folders(path: str) -> list[str]:
    """The folders that may go with the file, innermost first: our own, and systemd drop-in folders."""
    folders = []
    folder = os.path.dirname(path)
    if folder.startswith("/etc/systemd/") and folder.endswith(".d"):
        return [folder]
    while OWN_NAME in folder.split("/"):
        folders.append(folder)
        folder = os.path.dirname(folder)
    return folders


def _make_folders(folder: str) -> None:
    missing = []
    while not os.path.isdir(folder):
        missing.append(folder)
        folder = os.path.dirname(folder)
    for path in reversed(missing):
        try:
            os.mkdir(path)
        except FileExistsError:
            continue
        os.chmod(path, 0o755)  # mkdir obeys the umask, which a hardened host sets to 077


def _clear(folder: str, name: str) -> None:
    """Take away what a run that was killed, or whose host died, has left of this file."""
    for other in os.listdir(folder):
        if other.startswith(f".{name}.") and other.endswith(".tmp"):
            os.unlink(os.path.join(folder, other))


def _special_files(folder: str, names: list[str]) -> list[str]:
    """Sockets, pipes and devices: a copy would wait for them."""
    plain = (stat.S_ISREG, stat.S_ISDIR, stat.S_ISLNK)
    return [name for name in names if not any(kind(os.lstat(os.path.join(folder, name)).st_mode) for kind in plain)]


def _name(number: int, find: t.Callable[[int], t.Sequence[t.Any]]) -> str:
    try:
        return str(find(number)[0])
    except KeyError:
        return str(number)


def _number(name: str, find: t.Callable[[str], t.Sequence[t.Any]]) -> int:
    """The number of a user or group; -1, which changes nothing, where none is named."""
    if not name:
        return -1
    return int(name) if name.isdigit() else int(find(name)[2])
