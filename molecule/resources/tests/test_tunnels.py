# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How packets are wrapped, for whom they are unwrapped, and that full-size ones fit: in every tunnel of the stack."""

from __future__ import annotations

import pathlib
import re
import shlex

import pytest
from ask import ask
from described import Described, Service
from test_service import evidence, fair
from tunnels import ANY, CLIENT, Tunnel, icmp_filtered, version

from lab.capture import Capture, Frame
from lab.cluster import Lab
from lab.machine import mac

pytestmark = pytest.mark.modes("tun")
FORGE = pathlib.Path(__file__).with_name("forge.py")
# The victim's ports, one for each real server.
FORGED = range(4444, 4447)


def wrapped_and_bare(frames: list[Frame], request: re.Pattern[str], reply: str, source: str) -> bool:
    """Whether a wrapped request is among the frames, and a reply in no packet but its own, from that hardware address."""
    replies = [frame for frame in frames if frame.text.startswith(reply)]
    return any(request.match(frame.text) for frame in frames) and any(frame.source == source for frame in replies)


def test_requests_come_wrapped_from_the_dip(lab: Lab, stack: Described) -> None:
    """Between router and real servers: requests from DIP to RIP with the client's packet inside, replies bare."""
    for tier in stack.fronts:
        for service in stack.services_of(tier):
            tunnel = Tunnel.of(tier, service.vip)
            dip = tunnel.end(stack.addresses("lb1"))
            with Capture(lab, "router.1", f"{ANY} or host {service.vip}") as capture:
                for server in {answer["server"] for answer in ask(lab, service, 8)}:
                    request = tunnel.request(dip, tunnel.end(stack.addresses(server)), service.port)
                    reply = f"{service.vip}.{service.port} > {tunnel.client}."
                    wanted = (request, reply, mac(lab.topology.host(server), 0))
                    frames = capture.until(lambda frames, wanted=wanted: wrapped_and_bare(frames, *wanted))
                    assert wrapped_and_bare(frames, *wanted), (tier["name"], service, server, frames[:6])


@pytest.mark.stage("second")
def test_tiers_beside_the_first_serve_as_it_does(lab: Lab, stack: Described) -> None:
    """Shares are weights, and the real servers see the client, whatever is wrapped in what."""
    weights = {host: stack.weight(host) for host in stack.real_servers}
    for tier in stack.fronts[1:]:
        for service in stack.services_of(tier):
            answers = ask(lab, service, 3 * sum(weights.values()))
            assert fair(answers, weights), evidence(lab, service, answers)
            seen = {(answer["client"], answer["local"]) for answer in answers}
            assert seen == {(CLIENT[version(service.vip)], service.vip)}, (tier["name"], service)


def test_uploads_arrive_where_icmp_does_not(lab: Lab, stack: Described) -> None:
    """200 kB through each TCP service from each real server that it uses: the announced segments fit by themselves."""
    total = sum(stack.weight(host) for host in stack.real_servers)
    with icmp_filtered(lab):
        for tier in stack.fronts:
            for service in stack.services_of(tier):
                if service.protocol == "tcp":
                    answers = ask(lab, service, total, post=200_000, timeout=30)
                    assert [answer["received"] for answer in answers] == [200_000] * total, (tier["name"], service)


def deceived(frames: list[Frame]) -> set[int]:
    """The victim's ports that a SYN-ACK came to."""
    found = (re.search(r"> \S+[.](\d+): Flags \[S[.]\]", frame.text) for frame in frames)
    return {int(match[1]) for match in found if match} & set(FORGED)


def test_packets_are_unwrapped_for_the_director_only(lab: Lab, stack: Described) -> None:
    """Somebody else wraps a request with a victim's address inside: the victim hears nothing, unless the tier wants it so."""
    for tier in stack.fronts:
        for vip in tier["vips"]:
            tunnel = Tunnel.of(tier, vip)
            rips = [tunnel.end(stack.addresses(server)) for server in stack.real_servers]
            sources = " or ".join(f"src host {address}" for address in (vip, *rips))
            with Capture(lab, "router.1", ANY) as sent, Capture(lab, "client.0", sources) as heard:
                argv = [FORGE, tunnel.forged, tunnel.client, FORGED.start, vip, *rips]
                lab.run("attacker", shlex.join(["python3", *map(str, argv)]))
                arrived = sent.until(lambda frames: len(frames) >= len(FORGED))
                assert len(arrived) >= len(FORGED), (tier["name"], "the forged packets did not even arrive", arrived)
                # Each has the last word: what it had to say about the forged packet, it has said before.
                for rip in rips:
                    ask(lab, Service("tcp", rip, 8080, "", 0))
                last = [f"{rip}.8080 > " for rip in rips]
                wanted = set(FORGED) if tunnel.from_anybody else set()
                frames = heard.until(
                    lambda frames, last=last, wanted=wanted: (
                        deceived(frames) >= wanted and all(any(word in frame.text for frame in frames) for word in last)
                    )
                )
            unheard = [word for word in last if not any(word in frame.text for frame in frames)]
            assert (deceived(frames), unheard) == (wanted, []), (tier["name"], vip, frames)
