# Copyright (c) 2026 The mixed_lb.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes a small database of places, in the format of those that are sold: ``python3 places.py FILE``."""

from __future__ import annotations

import sys

from mmdb_writer import MMDBWriter
from netaddr import IPSet

# Network: country, continent, latitude, longitude.
PLACES = {
    "198.51.100.0/26": ("DE", "EU", 52.5, 13.4),
    "198.51.100.64/26": ("US", "NA", 37.8, -122.4),
    "198.51.100.128/26": ("JP", "AS", 35.7, 139.7),
    "203.0.113.0/25": ("BR", "SA", -23.6, -46.6),
    "2001:db8:de::/48": ("DE", "EU", 48.1, 11.6),
}


def main(path: str) -> None:
    writer = MMDBWriter(6, "GeoLite2-City", languages=["en"], description="places of a test", ipv4_compatible=True)
    for network, (country, continent, latitude, longitude) in PLACES.items():
        place = {
            "country": {"iso_code": country, "names": {"en": country}},
            "continent": {"code": continent, "names": {"en": continent}},
            "location": {"latitude": latitude, "longitude": longitude, "accuracy_radius": 10},
        }
        writer.insert_network(IPSet([network]), place)
    writer.to_db_file(path)


if __name__ == "__main__":
    main(sys.argv[1])
