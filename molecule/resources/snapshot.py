# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All that a role may change on the hosts of an inventory, as JSON: taken before and after, two hosts' states can be compared.

``python3 snapshot.py INVENTORY`` prints it; ``python3 snapshot.py INVENTORY BEFORE`` compares with one that was printed before, prints what
differs, and ends with 1 where anything does.
"""

from __future__ import annotations

import concurrent.futures
import json
import shlex
import subprocess
import sys
import typing as t

import yaml

# More hosts at once take no less time on two cores, and take it from whatever else runs there: another lab, whose clients wait.
AT_ONCE = 4
# Names of what is looked at, with the command that shows it. Counters and lifetimes are left out.
LOOKS = {
    "sysctls": "sysctl -a --pattern '^net[.]ipv[46][.](conf|vs|ip_forward)' 2>/dev/null | grep -v -E 'stable_secret|mc_forwarding' | sort",
    "addresses": "ip -brief address | sort",
    "routes": "ip route show table all | sort; ip -6 route show table all | sed -E 's/ expires [^ ]*//; s/ pref [^ ]*//' | sort",
    "rules": "ip rule; ip -6 rule",
    "links": "ip -brief link | sort",
    "modules": "lsmod | grep -E '^(ip_vs|ipip|fou|gre|ip_gre|ip6_gre|sit|ip6_tunnel|tunnel4|ip_tunnel)' | cut -d' ' -f1 | sort",
    "table": "test ! -e /proc/net/ip_vs || grep -v -E '^(IP Virtual|Prot|  ->)' /proc/net/ip_vs || true",
    "files": "find /etc /usr/local /var/lib -name '*mixed[-_]lb*' 2>/dev/null | sort",
    "units": "find /etc/systemd -name '*mixed-lb*' -o -name 'srv-*' | sort",
    "mounts": "findmnt --raw --noheadings --output=TARGET,FSTYPE --types=autofs,nfs4 | sort",
    "daemons": "systemctl show -p Id,ActiveState,UnitFileState keepalived nginx haproxy pdns nfs-server"
    " | sed 's/=disabled$/=/' | awk -v RS= '{$1 = $1; print}'",
    # Files of packages that are not as their package has them; a package that stays is no difference.
    "conffiles": "dpkg-query -W -f '${Conffiles}\\n' keepalived nginx-common haproxy pdns-server 2>/dev/null"
    " | awk 'NF == 2 {print $2 \"  \" $1}' | md5sum --check --quiet 2>/dev/null | sort",
    # Helpers that the NFS server's package starts beside it are the package's, as its files are, and stay.
    "listeners": "ss -Hltunp | grep -v -e rpcbind -e rpc.statd | awk '{print $1, $5}' | sort -u",
    "filter": "command -v iptables-save >/dev/null && iptables-save 2>/dev/null | grep MIXED || true",
}


def look(variables: dict[str, t.Any], looks: t.Mapping[str, str] | None = None) -> dict[str, list[str]]:
    """Every look at one host, in one ssh call."""
    # Until everything is started, addresses and modules still come.
    script = "systemctl is-system-running --wait >/dev/null; " + "; ".join(
        f"echo '== {name}'; {command}" for name, command in (looks or LOOKS).items()
    )
    argv = ["ssh", "-i", variables["ansible_ssh_private_key_file"], *shlex.split(variables["ansible_ssh_common_args"])]
    done = subprocess.run(
        [*argv, f"root@{variables['ansible_host']}", script], capture_output=True, text=True, check=True
    )
    found: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        if line.startswith("== "):
            found[name := line[3:]] = []
        else:
            found[name].append(" ".join(line.split()))
    return found


def differences(before: dict[str, t.Any], after: dict[str, t.Any]) -> list[str]:
    """One line for each thing that came or went."""
    return [
        f"{host}: {name}: {sign} {line}"
        for host, looks in after.items()
        for name, lines in looks.items()
        for sign, some, others in (("+", lines, before[host][name]), ("-", before[host][name], lines))
        for line in some
        if line not in others
    ]


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        hosts = yaml.safe_load(file)["all"]["hosts"]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(hosts, pool.map(look, hosts.values()), strict=True))
    if len(sys.argv) == 2:
        print(json.dumps(found, indent=1, sort_keys=True))
        return
    with open(sys.argv[2], encoding="utf-8") as file:
        changed = differences(json.load(file), found)
    if changed:
        sys.exit("\n".join(["the hosts are not what they were before:", *changed]))


if __name__ == "__main__":
    main()
