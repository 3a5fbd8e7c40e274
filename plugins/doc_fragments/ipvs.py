# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options that the IPVS modules share; ``module_utils/ipvs/spec.py`` holds their argument specifications."""

from __future__ import annotations


class ModuleDocFragment:
    """C(mixed_lb.stack.ipvs.key), C(.service), C(.change), C(.ownership) and C(.requirements)."""

    REQUIREMENTS = r"""
options: {}
requirements:
  - ipvsadm 1.31 or later on the managed host (the package C(ipvsadm)).
  - A kernel with the module C(ip_vs).
  - Root on the managed host.
"""

    KEY = r"""
options:
  protocol:
    description: Protocol of a service that is known by its address. Not with O(fwmark).
    type: str
    choices: [tcp, udp, sctp]
  address:
    description: The virtual IP address, IPv4 or IPv6. Not with O(fwmark).
    type: str
  port:
    description: The port; V(0) for all ports, which needs O(persistent). Not with O(fwmark).
    type: int
  fwmark:
    description: A firewall mark, V(1) to V(4294967295), that stands for the service instead of protocol, address and
      port.
    type: int
  family:
    description: Address family of a O(fwmark) service, V(ipv4) unless given. Other services have that of their address.
    type: str
    choices: [ipv4, ipv6]
"""

    SERVICE = r"""
options:
  scheduler:
    description:
      - How a destination is chosen for a new connection. V(none) lets no new connection through.
      - V(twos) is missing in some kernels, Debian 12's among them.
    type: str
    default: wlc
    choices: [rr, wrr, lc, wlc, lblc, lblcr, dh, sh, sed, nq, fo, ovf, mh, twos, none]
  scheduler_flags:
    description:
      - V(sh-fallback) and V(sh-port) for scheduler V(sh), V(mh-fallback) and V(mh-port) for V(mh); V(flag-1),
        V(flag-2) and V(flag-3) for the others.
      - Without V(sh-fallback) or V(mh-fallback) clients that are hashed to a destination of weight 0 are refused.
    type: list
    elements: str
    default: []
  persistent:
    description: Seconds for which a client stays with its destination, up to V(2678400). V(0) is off.
    type: int
    default: 0
  persistence_mask:
    description: Prefix length of the networks whose clients stay together. Each client by itself unless given.
    type: int
  persistence_engine:
    description: Keep together by what is in the packets instead of by address; V(sip) by SIP's Call-ID.
    type: str
    choices: [sip]
  one_packet:
    description: Schedule every packet by itself. For UDP and O(fwmark) services only.
    type: bool
    default: false
  destinations:
    description: The real servers.
    type: list
    elements: dict
    suboptions:
      address:
        description: The real server's address. Only with V(tun) may it be of another family than the service.
        type: str
        required: true
      port:
        description: The real server's port, the service's unless given. Only V(nat) can map ports.
        type: int
      forward:
        description:
          - How packets get there, V(dr) unless given. V(dr) rewrites the MAC address, V(nat) addresses and ports,
            V(tun) wraps them.
        type: str
        choices: [dr, nat, tun]
      weight:
        description: Share of the connections, V(1) unless given; V(0) for no new ones. Up to V(2147483647).
        type: int
      upper_threshold:
        description: Connections from which on the destination gets no new ones. V(0), the default, for no limit.
        type: int
      lower_threshold:
        description: Connections below which it gets some again. V(0), the default, for three quarters of the upper one.
        type: int
      tunnel:
        description: How V(tun) wraps packets. The real server has to unwrap them the same way.
        type: dict
        suboptions:
          type:
            description: V(gue) needs a kernel of 5.2 or later, V(gre) of 5.3 or later.
            type: str
            default: ipip
            choices: [ipip, gue, gre]
          port:
            description: UDP port on which the real server unwraps V(gue); required there, refused elsewhere.
            type: int
          checksum:
            description: Checksum in the outer header. V(gre) can do V(none) and V(csum), V(ipip) only V(none).
            type: str
            default: none
            choices: [none, csum, remcsum]
"""

    CHANGE = r"""
options:
  keep_weights:
    description: Leave the weights of destinations that are there already as they are, so that drained servers stay
      drained.
    type: bool
    default: false
  rollback:
    description: Put the table back as it was read when a command is refused.
    type: bool
    default: true
  drain_timeout:
    description:
      - Seconds for which destinations that are to go stay with weight 0, until their active connections are gone.
        V(0) deletes at once. Those of UDP services always go at once, as UDP has no end to wait for.
      - Whatever is left then is cut off, how depends on the sysctl C(net.ipv4.vs.expire_nodest_conn).
    type: float
    default: 0.0
"""

    OWNERSHIP = r"""
options:
  ignore_keepalived:
    description:
      - Go on although keepalived runs on the host with this in its configuration.
      - IPVS has one writer a host. Set this only where the two never meet in one service.
    type: bool
    default: false
"""
