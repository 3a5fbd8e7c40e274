# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What nginx and HAProxy are configured with: by the roles' defaults, and by the distribution's own files.

Both balance the same servers. All paths lie below a folder of their own, and what needs users of the package is left out.
"""

from __future__ import annotations

import json
import pathlib
import re
import typing as t

import yaml
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.haproxy.files import haproxy_files, haproxy_main
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.nginx.files import nginx_files
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.derive import derive
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.hosts import Inventory
from ansible_collections.mixed_lb.stack.plugins.plugin_utils.stack.load import load

from . import labs, processes, tools

PORT, SERVER_PORT, STATUS = 18000, 18080, "127.0.0.1:18090"
SERVERS = {"web1": "127.0.0.21", "web2": "127.0.0.22"}
FOLDERS = ("etc/nginx", "etc/haproxy", "run/haproxy", "var/log/nginx", "var/lib/haproxy", "var/lib/nginx")
BACKEND = f"""\
worker_processes auto;
worker_rlimit_nofile 65536;
events {{ worker_connections 32768; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    server {{
        listen {SERVER_PORT} backlog=16384;
        return 200 "{"x" * 1000}";
    }}
}}
"""
NGINX_SITE = f"""\
upstream web {{
    server {SERVERS["web1"]}:{SERVER_PORT};
    server {SERVERS["web2"]}:{SERVER_PORT};
}}
server {{
    listen {PORT};
    location / {{
        include proxy_params;
        proxy_pass http://web;
    }}
}}
"""
HAPROXY_PROXIES = f"""
frontend edge
    bind :{PORT}
    default_backend web
backend web
    balance roundrobin
    server web1 {SERVERS["web1"]}:{SERVER_PORT} check
    server web2 {SERVERS["web2"]}:{SERVER_PORT} check
"""
Files = dict[str, str]


def backend() -> Files:
    """The servers behind: one nginx that answers 1,000 bytes at all of their addresses."""
    return {"/etc/nginx/nginx.conf": BACKEND}


def stock(daemon: str) -> Files:
    """The distribution's files with the least that makes a balancer of them."""
    etc = tools.root() / "etc"
    if daemon == "nginx":
        paths = ("nginx/nginx.conf", "nginx/mime.types", "nginx/proxy_params")
        return {f"/etc/{path}": (etc / path).read_text() for path in paths} | {
            "/etc/nginx/sites-enabled/edge": NGINX_SITE
        }
    errors = {f"/etc/haproxy/errors/{path.name}": path.read_text() for path in (etc / "haproxy/errors").iterdir()}
    return errors | {"/etc/haproxy/haproxy.cfg": (etc / "haproxy/haproxy.cfg").read_text() + HAPROXY_PROXIES}


def rendered(daemon: str) -> Files:
    """What the role lays down for a tier with its defaults."""
    role = {"nginx": "nginx_lb", "haproxy": "haproxy"}[daemon]
    options = _defaults(role) | part(daemon)
    if daemon == "nginx":
        files = nginx_files(options | {"status_listen": STATUS}, tools.version("nginx"))["files"]
        mime = (tools.root() / "etc/nginx/mime.types").read_text()
        return {file["path"]: file["content"] for file in files} | {"/etc/nginx/mime.types": mime}
    # what is no default, but worked out by the role
    options |= {"version": tools.version("haproxy"), "local_peer": "lb", "state_file": "/var/lib/haproxy/state"}
    scope = {file["path"]: file["content"] for file in haproxy_files(options)}
    return {"/etc/haproxy/haproxy.cfg": haproxy_main(options), "/var/lib/haproxy/state": "1\n", **scope}


def lay_down(folder: pathlib.Path, files: Files) -> None:
    """Write the files below ``folder``, and point all that they name there."""
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    for path, text in files.items():
        target = folder / path.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_moved(text, folder))


def _moved(text: str, folder: pathlib.Path) -> str:
    text = re.sub(r"(?m)^\s*(user|group|chroot|daemon)\b.*\n", "", text)
    text = re.sub(r"(stats socket \S+) .*", r"\1 level admin", text)
    text = re.sub(
        r"(?<![\w/])/(?=etc/nginx|etc/haproxy|var/log/nginx|var/lib/haproxy|run/|dev/log)", f"{folder}/", text
    )
    files = min(65536, processes.hard_limit())
    text = re.sub(r"(worker_rlimit_nofile) \d+", rf"\1 {files}", text)
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "".join(f"    {kind}_temp_path {folder}/var/lib/nginx/{kind};\n" for kind in kinds)
    return re.sub(r"(?m)^http \{\n", lambda found: found[0] + temporary, text)


def _defaults(role: str) -> dict[str, t.Any]:
    found = yaml.safe_load((labs.PROJECT / "roles" / role / "defaults" / "main.yml").read_text())
    return {key.removeprefix(f"{role}_"): value for key, value in found.items()}


def part(kind: str) -> dict[str, t.Any]:
    """What a stack of one balancer and these servers gives the role."""
    # a stack has no loopback addresses, so the plan is made with others
    addresses = {"lb": "192.0.2.10"} | {name: f"192.0.2.{number}" for number, name in enumerate(SERVERS, start=21)}
    inventory = Inventory(
        {"lb": ["lb"], "web": list(SERVERS)}, lambda host, _keys: {"lb_addresses": [f"{addresses[host]}/24"]}
    )
    edge = {"name": "edge", "kind": kind, "hosts": "lb", "port": PORT, "backend": "web"}
    web = {"name": "web", "kind": "servers", "hosts": "web", "port": SERVER_PORT}
    stack, _findings = load({"tiers": [edge, web]})
    (step,) = (step for step in derive(stack, inventory).steps if "lb" in step.parts)
    text = json.dumps(step.parts["lb"])
    for name, own in SERVERS.items():
        text = text.replace(addresses[name], own)
    part: dict[str, t.Any] = json.loads(text)
    return part
