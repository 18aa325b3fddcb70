"""What both inventories share: hosts, groups and variables, read from the region files that the programs read too.

There is no list of regions anywhere else: a folder with a region.yml in it is a region.
"""
import json
import os
import pathlib
import subprocess
import sys

import yaml

PROJECT = pathlib.Path(__file__).resolve().parents[2]
REGIONS = pathlib.Path(os.environ.get("MERIDIAN_REGIONS", PROJECT / "regions"))


def check_files() -> None:
    """The programs' own reader names file, line and key; without it (nothing built yet) only YAML's mistakes are found here."""
    program = PROJECT / "bin" / "meridian-manage"
    if program.exists():
        done = subprocess.run([program, "regions", "check", REGIONS], capture_output=True, text=True, check=False)
        if done.returncode not in (0, 64):  # 64: an older build that does not know this verb
            sys.exit(done.stderr.strip() or done.stdout.strip())


def load(file: pathlib.Path) -> dict:
    try:
        return yaml.safe_load(file.read_text())
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else "?"
        sys.exit(f"{file}:{line}: This is not YAML: {error.problem}.")


def binary_digest() -> dict:
    """Size and time of each program: a new build restarts what runs the old one, and costs no reading of 100 MB to notice."""
    found = {}
    for program in sorted((PROJECT / "bin").glob("meridian*")):
        state = program.stat()
        found[program.name] = f"{state.st_size}-{state.st_mtime_ns}"
    return found


def describe(host_variables, all_variables: dict) -> dict:
    """The inventory. `host_variables(name, address, ssh)` says how to reach a host and where its folders are."""
    check_files()
    federation = load(REGIONS / "federation.yml")
    api = "api"
    hosts = {}
    groups = {"api_cell": [api], "child_cell": [], "compute_host": [], "postgresql": [api]}
    # Of the regions' gateways: what each is called, and by which address hosts reach it.
    certificates = []
    keys = [f"hub_{federation['federation']['name']}", f"api_{api}"]
    hosts[api] = {
        "meridian_address": federation["api_cell"]["address"],
        "meridian_postgresql_port": federation["api_cell"]["ports"]["postgresql"],
        "meridian_enrolled": [f"api_{api}"],
        **host_variables(api, federation["api_cell"]["address"], federation["api_cell"].get("ssh")),
    }
    region_names = []
    for file in sorted(REGIONS.glob("*/region.yml")):
        region = load(file)
        name = region["region"]["name"]
        cell = region["child_cell"]
        members = region["compute_host"]["hosts"]
        region_names.append(name)
        common = {"meridian_region": name, "meridian_region_file": str(file), "meridian_cell": cell}
        control = f"{name}-control"
        hosts[control] = {
            **common,
            "meridian_address": cell["address"],
            "meridian_postgresql_port": cell["ports"]["postgresql"],
            "meridian_enrolled": [f"host_{member['name']}.{name}" for member in members] + [f"scheduler_{name}"],
            **host_variables(control, cell["address"], cell.get("ssh")),
        }
        groups["child_cell"].append(control)
        groups["postgresql"].append(control)
        groups[f"region_{name.replace('-', '_')}"] = [control]
        # A cell's own key is made on its control host, where it stays (role child_cell).
        keys.append(f"scheduler_{name}")
        if "gateway" in cell:
            certificates.append(f"control_{name}=IP:{cell['address']}")
        for member in members:
            host = f"{name}-{member['name']}"
            hosts[host] = {
                **common,
                "meridian_address": member["address"],
                "meridian_host": member["name"],
                "meridian_host_key": f"host_{member['name']}.{name}",
                "meridian_health_port": region["compute_host"]["ports"]["health"],
                "meridian_hypervisor": region["compute_host"]["hypervisor"],
                **host_variables(host, member["address"], member.get("ssh")),
            }
            groups["compute_host"].append(host)
            groups[f"region_{name.replace('-', '_')}"].append(host)
            keys.append(f"host_{member['name']}.{name}")
    everyone = {
        "meridian_project": str(PROJECT),
        "meridian_regions_folder": str(REGIONS),
        "meridian_federation": federation["federation"]["name"],
        "meridian_api": federation["api_cell"],
        "meridian_regions": region_names,
        # Rules of the operator's own, a file for each service that has some.
        "meridian_policies": sorted(file.name for file in REGIONS.glob("policy/*.yaml")),
        "meridian_keys": keys,
        "meridian_certificates": certificates,
        "meridian_programs": binary_digest(),
        **all_variables,
    }
    return {
        "_meta": {"hostvars": hosts},
        "all": {"children": sorted(groups), "vars": everyone},
        **{group: {"hosts": members} for group, members in groups.items()},
    }


def main(host_variables, all_variables: dict) -> None:
    json.dump(describe(host_variables, all_variables), sys.stdout, indent=1)
