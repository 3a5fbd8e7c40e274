# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`ipvs_table` with 10,000 destinations against bare ipvsadm, and 200 changes by either module."""

from __future__ import annotations

import json
import pathlib
import tempfile
import typing as t

import yaml

from . import labs
from .figures import Row, markdown, median

SHAPES = {"100x100": (100, 100), "10x1000": (10, 1000)}
CHANGES = 200
FOLDER = "/root/bench"
Service = dict[str, t.Any]
TEXT = """\
The time is that of a process on the host itself, taken there: for the module the file that Ansible sends (code and
options in one), run by Python from its start to its end, so with unpacking, imports, checking 10,000 destinations,
all its calls of `ipvsadm` and the reading back; without ssh and the controller. `ipvsadm -R` gets the same lines from a
file. Both begin with a fresh `ip_vs`, in turns. Memory is the peak of the module's process or of the largest of
its children. The 200 changes are whole runs of `ansible-playbook` from the controller instead.

"""


def services(count: int, size: int) -> list[Service]:
    """`count` services with `size` destinations each."""
    return [
        {
            "protocol": "tcp",
            "address": f"203.0.113.{place + 1}",
            "port": 80,
            "scheduler": "wrr",
            "destinations": [
                {"address": f"10.{place}.{n // 250}.{n % 250 + 1}", "weight": n % 7 + 1} for n in range(size)
            ],
        }
        for place in range(count)
    ]


def rules(found: list[Service]) -> str:
    """The same for `ipvsadm -R`."""
    lines = []
    for service in found:
        name = f"-t {service['address']}:80"
        lines.append(f"-A {name} -s wrr")
        lines += [f"-a {name} -r {one['address']}:80 -g -w {one['weight']}" for one in service["destinations"]]
    return "\n".join(lines) + "\n"


def other_weights(found: list[Service], count: int) -> list[Service]:
    """The same services with the weights of the first `count` destinations changed."""
    copied = json.loads(json.dumps(found))
    places = [one for service in copied for one in service["destinations"]]
    for one in places[:count]:
        one["weight"] = 9
    return t.cast("list[Service]", copied)


def measure(rounds: int) -> str:
    with labs.lab(labs.TOPOLOGIES / "host.yml") as lab, tempfile.TemporaryDirectory() as folder:
        for shape, (count, size) in SHAPES.items():
            made = services(count, size)
            labs.put(lab, "lb1", f"{FOLDER}/{shape}.rules", rules(made).encode())
            _payload(lab, pathlib.Path(folder), f"{FOLDER}/{shape}.py", made)
            _payload(lab, pathlib.Path(folder), f"{FOLDER}/{shape}-one.py", other_weights(made, 1))
        labs.put(lab, "lb1", f"{FOLDER}/guest.py", pathlib.Path(__file__).with_name("guest.py").read_bytes())
        found = json.loads(lab.run("lb1", f"python3 {FOLDER}/guest.py {rounds}"))
        rows = [row for shape in SHAPES for row in _judged(shape, found[shape])]
        return TEXT + markdown(rows + _changes(lab, pathlib.Path(folder)))


def _play(path: pathlib.Path, *tasks: dict[str, t.Any]) -> pathlib.Path:
    path.write_text(yaml.safe_dump([{"hosts": "lb1", "gather_facts": False, "tasks": list(tasks)}]))
    return path


def _table(made: list[Service]) -> dict[str, t.Any]:
    return {"name": "Write the table", "mixed_lb.stack.ipvs_table": {"services": made}}


def _payload(lab: t.Any, folder: pathlib.Path, path: str, made: list[Service]) -> None:
    """Leave the module on the host as Ansible sends it: one file with code and options, which runs by itself."""
    # the lab's own host: nothing of what an earlier shape left there
    lab.run("lb1", "ipvsadm -C; rm -rf ~/.ansible/tmp")
    play = _play(folder / "payload.yml", _table(made))
    labs.playbook(play, labs.way_in(lab), ANSIBLE_PIPELINING="false", ANSIBLE_KEEP_REMOTE_FILES="true")
    lab.run("lb1", f"mv ~/.ansible/tmp/*/AnsiballZ_ipvs_table.py {path}")


def _judged(shape: str, found: dict[str, list[dict[str, float]]]) -> list[Row]:
    seconds = {name: median(one["seconds"] for one in values) for name, values in found.items()}
    memory = max(one["megabytes"] for name, values in found.items() if name.startswith("module") for one in values)
    commands = max(one["commands"] for one in found["module, one weight"])
    restore, listing = seconds["bare -R"], seconds["bare -Sn"]
    title = f"{shape.replace('x', ' services x ')} destinations"
    return [
        Row(f"{title}: `ipvsadm -R`, empty table", restore),
        Row(
            f"{title}: `ipvs_table`, empty table", seconds["module, empty table"], 1.5 * restore + 1, "1.5 x `-R` + 1 s"
        ),
        Row(f"{title}: `ipvsadm -Sn`", listing),
        Row(f"{title}: `ipvs_table`, no change", seconds["module, no change"], 3 * listing + 1, "3 x `-Sn` + 1 s"),
        Row(f"{title}: `ipvs_table`, one weight of all", seconds["module, one weight"]),
        Row(f"{title}: commands for that weight", commands, 1, "1", ""),
        Row(f"{title}: peak memory of the module", memory, 150, "150 MB", "MB"),
    ]


def _changes(lab: t.Any, folder: pathlib.Path) -> list[Row]:
    """200 weights by one task for each, and by one task for all, as whole runs of ansible-playbook, once each."""
    made = services(2, CHANGES // 2)
    changed = other_weights(made, CHANGES)
    loop = {
        "name": "Change one weight after the other",
        "mixed_lb.stack.ipvs_destination": {
            "service": "{{ item.service }}",
            "address": "{{ item.address }}",
            "weight": 9,
        },
        "loop": [
            {"service": {name: service[name] for name in ("protocol", "address", "port")}, "address": one["address"]}
            for service in made
            for one in service["destinations"]
        ],
    }
    found = {}
    for name, task in (("loop", loop), ("table", _table(changed))):
        labs.playbook(_play(folder / "begin.yml", _table(made)), labs.way_in(lab))
        found[name] = labs.playbook(_play(folder / "change.yml", task), labs.way_in(lab))[0]
    return [
        Row(f"{CHANGES} weights: a loop of `ipvs_destination`, whole playbook, once", found["loop"]),
        Row(f"{CHANGES} weights: one `ipvs_table`, whole playbook, once", found["table"]),
    ]
