# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was captured is read by tcpdump, which must be able to."""

from __future__ import annotations

import struct
import types
import typing as t

import pytest
from ansible_collections.mixed_lb.stack.lab import capture, cluster

HEAD = struct.pack("=IHHIIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
ARP = bytes.fromhex("ffffffffffff 020000000001 0806 0001080006040001 020000000001 c0000201 000000000000 c0000202")
RECORD = struct.pack("=IIII", 0, 0, len(ARP), len(ARP)) + ARP


@pytest.fixture
def read() -> t.Callable[[bytes], list[capture.Frame]]:
    """The frames of a file."""
    made = capture.Capture(t.cast("t.Any", types.SimpleNamespace(capture=lambda *_words: [])), "lan", "")

    def frames(content: bytes) -> list[capture.Frame]:
        made._file.write_bytes(content)
        return made.frames()

    return frames


def test_frames_are_read_up_to_the_one_that_is_being_written(read: t.Callable[[bytes], list[capture.Frame]]) -> None:
    (frame,) = read(HEAD + RECORD + RECORD[:20])
    assert (frame.source, frame.target) == ("02:00:00:00:00:01", "ff:ff:ff:ff:ff:ff")
    assert "who-has 192.0.2.2 tell 192.0.2.1" in frame.text


def test_a_file_that_tcpdump_cannot_read_is_not_taken_for_silence(
    read: t.Callable[[bytes], list[capture.Frame]],
) -> None:
    assert read(HEAD) == []
    with pytest.raises(cluster.LabError, match="unknown file format"):
        read(b"no frames at all")
