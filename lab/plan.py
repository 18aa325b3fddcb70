#!/usr/bin/python3
"""plan.py REGIONS: what the lab consists of, one fact a line, read from the region files.

    api ADDRESS IDENTITY IMAGE COMPUTE          the API host and its three public ports
    region NAME NETWORK GATEWAY LINK            a region's underlay, and the name of its WAN link
    host NAME REGION ADDRESS PORT               a host of a region, and the name of its port on the underlay

Mistakes in the files are reported in full by the programs themselves; here a missing key merely stops the lab.
"""
import hashlib
import ipaddress
import pathlib
import sys

import yaml


def link_name(name: str) -> str:
    """Interface names have at most 15 characters; a longer one is cut and made unique by its digest."""
    return name if len(name) <= 15 else name[:8] + "-" + hashlib.sha256(name.encode()).hexdigest()[:6]


def main(folder: pathlib.Path) -> None:
    cell = yaml.safe_load((folder / "federation.yml").read_text())["api_cell"]
    ports = cell["ports"]
    print("api", cell["address"], ports["identity"], ports["image"], ports["compute"])
    for file in sorted(folder.glob("*/region.yml")):
        region = yaml.safe_load(file.read_text())
        name = region["region"]["name"]
        control = region["child_cell"]["address"]
        network = ipaddress.ip_network(control + "/24", strict=False)
        print("region", name, network, network[1], link_name(name))
        hosts = [("control", control)] + [(host["name"], host["address"]) for host in region["compute_host"]["hosts"]]
        for host, address in hosts:
            if ipaddress.ip_address(address) not in network:
                sys.exit(f"{file}: {host}: {address} is not in the region's network {network}.")
            print("host", f"{name}-{host}", name, address, link_name(host))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
