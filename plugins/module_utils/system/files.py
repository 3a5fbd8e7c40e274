# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The only file of the collection that writes files (and values below /proc/sys) on a managed host."""

from __future__ import annotations

import os
import tempfile
import typing as t

if t.TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

# Folders that belong to the collection alone: they go when their last file goes.
OWN_FOLDERS = ("/etc/mixed_lb", "/var/lib/mixed_lb")


class FileProblem(Exception):
    """A file could not be read, written or removed; the text names the file and the reason."""

    def __init__(self, doing: str, path: str, error: OSError) -> None:
        super().__init__(f"cannot {doing} {path}: {error.strerror or error}")
        self.path = path
        self.error = error


class FileStore(t.Protocol):
    """Text files of a host, by absolute path. Every method raises ``FileProblem`` when the host refuses."""

    def read(self, path: str) -> str | None:
        """The file's text; ``None`` where there is no such file."""

    def write(self, path: str, content: str, mode: int = 0o644) -> None:
        """Replace the file in one step; missing folders are made with mode 0755."""

    def remove(self, path: str) -> None:
        """Delete the file if it is there, and folders of the collection that this leaves empty."""

    def names(self, folder: str) -> list[str]:
        """Sorted names in a folder; empty where there is no such folder."""

    def is_link(self, path: str) -> bool:
        """Whether the path is a symbolic link, dangling or not."""


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

    def write(self, path: str, content: str, mode: int = 0o644) -> None:
        folder, name = os.path.split(path)
        temporary = None
        try:
            _make_folders(folder)
            # Beside the target: only a rename within one filesystem is atomic. The dot hides it from *.d readers.
            handle, temporary = tempfile.mkstemp(prefix=f".{name}.", suffix=".tmp", dir=folder)
            with open(handle, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            self._module.atomic_move(temporary, path)
            os.chmod(path, mode)
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


def on_host(module: AnsibleModule) -> FileStore:
    """The real thing."""
    return _HostFiles(module)


def emptied_folders(path: str) -> list[str]:
    """The folders that may go with the file, innermost first: our own, and systemd drop-in folders."""
    folders = []
    folder = os.path.dirname(path)
    if folder.startswith("/etc/systemd/") and folder.endswith(".d"):
        return [folder]
    while any(folder == own or folder.startswith(own + "/") for own in OWN_FOLDERS):
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
