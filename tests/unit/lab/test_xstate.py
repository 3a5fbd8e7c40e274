# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands before ptrace() in the older kernel: the host has whole states from it, whatever that kernel kept."""

from __future__ import annotations

import json
import pathlib
import subprocess
import sys

import pytest
from ansible_collections.mixed_lb.stack.lab import kernels

HOST = pathlib.Path(__file__).with_name("host_with_amx.c")
KEPT = 2696
# Puts back two states as user-mode Linux does, then something else; prints what the host had and said.
CALLER = """
import ctypes, json, sys
SETREGSET, XSTATE, PRSTATUS = 0x4205, 0x202, 1
class iovec(ctypes.Structure):
    _fields_ = [("base", ctypes.c_char_p), ("length", ctypes.c_size_t)]
ptrace, host = ctypes.CDLL(None).ptrace, ctypes.CDLL(sys.argv[1])
state = (ctypes.c_char * int(sys.argv[2])).in_dll(host, "state")
state.raw = b"?" * len(state)
def put(kind, byte):
    words = iovec(byte * int(sys.argv[3]), int(sys.argv[3]))
    return ptrace(SETREGSET, ctypes.c_int(1), ctypes.c_void_p(kind), ctypes.byref(words))
seen = [[put(XSTATE, byte), state.raw.rstrip(b"\\0").decode()] for byte in (b"a", b"b")]
count = lambda name: ctypes.c_int.in_dll(host, name).value
print(json.dumps({"seen": seen, "prstatus": put(PRSTATUS, b"c"), "other": count("other"), "refused": count("refused")}))
"""


@pytest.mark.parametrize(
    ("size", "refused", "kept"),
    [
        pytest.param(11008, 1, KEPT, id="a processor with AMX"),
        pytest.param(KEPT, 0, KEPT, id="one without"),
    ],
)
def test_a_state_is_put_back_whole(tmp_path: pathlib.Path, size: int, refused: int, kept: int) -> None:
    library, host = tmp_path / "xstate.so", tmp_path / "host.so"
    kernels.build_xstate(library)
    subprocess.run(["gcc", "-shared", "-fPIC", f"-DSIZE={size}", "-o", host, HOST], check=True)
    argv = [sys.executable, "-c", CALLER, str(host), str(size), str(kept)]
    environment = {"LD_PRELOAD": f"{library}:{host}"}
    said = json.loads(subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout)
    assert said["seen"] == [[0, "a" * kept], [0, "b" * kept]]
    assert (said["prstatus"], said["other"]) == (7, 1)
    assert said["refused"] == refused, "the host is asked in vain once, not each time"


def test_what_a_host_refuses_for_another_reason_stays_refused(tmp_path: pathlib.Path) -> None:
    library, host = tmp_path / "xstate.so", tmp_path / "host.so"
    kernels.build_xstate(library)
    subprocess.run(["gcc", "-shared", "-fPIC", "-DSIZE=1048576", "-o", host, HOST], check=True)
    argv = [sys.executable, "-c", CALLER, str(host), "1048576", str(1 << 16)]
    environment = {"LD_PRELOAD": f"{library}:{host}"}
    said = json.loads(subprocess.run(argv, env=environment, check=True, capture_output=True, text=True).stdout)
    assert [result for result, _state in said["seen"]] == [-1, -1]
