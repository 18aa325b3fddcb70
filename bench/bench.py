#!/usr/bin/env python3
"""Measures a federation of three regions: a boot storm through the HTTP API, and what the API's other calls cost."""
import argparse
import asyncio
import json
import os
import platform
import signal
import subprocess
import sys
import time

import scenarios
from cloud import Cloud
from federation import Federation

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
# Reached at least, plain HTTP (TLS: the upload).
TARGETS = {"boots": "≥ 100/s, ≤ 10 ms CPU", "list": "≤ 15 ms CPU", "validation": "≤ 0.2 ms CPU", "upload": "≥ 400 MiB/s",
           "upload tls": "≥ 200 MiB/s", "memory": "< 400 MiB"}


async def measure(federation, options):
    found = {}

    async def note(name, figures):
        found[name] = figures
        print(f"bench:   {name}", flush=True)
    async with Cloud(federation, "admin", "admin") as admin, Cloud(federation, "demo", "demo") as cloud:
        await admin.call("PUT", "compute", f"/v2.1/os-quota-sets/{cloud.project_id}",
                         json={"quota_set": {"instances": -1, "cores": -1, "ram": -1}})
        await note("idle", await scenarios.idle(cloud))
        await note("token issue", await scenarios.token_issue(cloud))
        await note("token validation", await scenarios.token_validation(cloud))
        image = await cloud.image()
        await scenarios.boot_storm(cloud, image, 50)
        await scenarios.delete_storm(cloud)
        await note("boot storm", await scenarios.boot_storm(cloud, image, options.boots))
        await note("server list", await scenarios.server_list(cloud))
        await note("delete storm", await scenarios.delete_storm(cloud))
        await note("boots at 100/s", await scenarios.boot_storm(cloud, image, options.boots, rate=100))
        await scenarios.delete_storm(cloud)
        await note("image", await scenarios.image_transfer(cloud, options.mib))
        found["failures"] = {**admin.failures, **cloud.failures}
    return found


def table(found, tls):
    """Lines of a Markdown table."""
    ms = lambda each: "/".join(f"{each[p]:g}" for p in ("p50", "p95", "p99")) if each else ""
    lines = ["| scenario | rate | p50/p95/p99 ms | CPU per operation | of it above idle | wanted |", "|---|---|---|---|---|---|"]
    cpu = lambda each: (f"{each['cpu_ms']:.2f} ms", f"{each['cpu_ms_above_idle']:.2f} ms")
    row = lambda *cells: lines.append("| " + " | ".join(map(str, cells)) + " |")
    for name, target in (("token issue", ""), ("token validation", TARGETS["validation"]), ("server list", TARGETS["list"])):
        each = found[name]
        label = f"{name}, {each['servers']} servers" if "servers" in each else name
        row(label, f"{each['per_s']}/s", ms(each["ms"]), *cpu(each), target)
    for name in ("boot storm", "boots at 100/s"):
        each = found[name]
        row(f"{name}, {each['active']} active, {each['error']} error: POST", f"{each['posts_per_s']}/s", ms(each["post_ms"]), "", "", "")
        rate = f"{each['kept_per_s']}/s kept" if name == "boots at 100/s" else f"{each['boots_per_s']}/s"
        row(f"{name}: POST to ACTIVE", rate, ms(each["post_to_active_ms"]), *cpu(each), TARGETS["boots"])
    row("delete storm", f"{found['delete storm']['per_s']}/s", ms(found["delete storm"]["ms"]), *cpu(found["delete storm"]), "")
    for verb in ("upload", "download"):
        each = found["image"][verb]
        row(f"image {verb}, {found['image']['mib']} MiB", f"{each['mib_per_s']} MiB/s", "", f"{each['cpu_ms_per_mib']:.2f} ms/MiB", "",
            TARGETS["upload tls" if tls else "upload"] if verb == "upload" else "")
    each = found["image"]["uploads at once"]
    row(f"image upload, {each['clients']} clients", f"{each['mib_per_s']} MiB/s", "", f"{each['cpu_ms_per_mib']:.2f} ms/MiB", "", "")
    row("the disk itself: write and fsync", f"{found['image']['disk_mib_per_s']} MiB/s", "", "", "", "")
    idle = found["idle"]
    row("idle: memory of our processes (with PostgreSQL)", f"{idle['pss_mib']} ({idle['pss_with_postgresql_mib']}) MiB", "", "", "", TARGETS["memory"])
    row("idle: processors (with PostgreSQL)", f"{idle['cores']} ({idle['cores_with_postgresql']})", "", "", "", "")
    return lines


def shares(found, name):
    each = found[name]
    lines = [f"CPU of one boot in {name}, by process:"]
    for process, seconds in list(each["cpu_by_process_s"].items())[:14]:
        lines.append(f"  {process:24} {1000 * seconds / max(each['operations'], 1):6.2f} ms")
    return lines + [f"  others on this machine kept {each['other_cores']} cores busy, this client used {each['client_cpu_s']} s"]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--boots", type=int, default=1000)
    parser.add_argument("--mib", type=int, default=256, help="size of the image")
    parser.add_argument("--tls", choices=["off", "on", "both"], default="both")
    parser.add_argument("--programs", default=f"{ROOT}/bin")
    parser.add_argument("--shared-link", action="store_true", help="one key and one link for all hosts of a region")
    parser.add_argument("--keep", action="store_true", help="keep the federation's folder with its logs")
    options = parser.parse_args()
    # Told to stop, take the federation down first.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    report = {"commit": commit, "at": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()), "machine": platform.platform(),
              "processors": os.cpu_count(), "hosts": options.hosts, "shared_link": options.shared_link}
    for tls in {"off": [False], "on": [True], "both": [False, True]}[options.tls]:
        print(f"bench: {'TLS' if tls else 'plain HTTP'}: starting three regions with {options.hosts} hosts", flush=True)
        with Federation(ROOT, options.programs, options.hosts, tls, options.keep, options.shared_link) as federation:
            found = asyncio.run(measure(federation, options))
        report["tls" if tls else "plain"] = found
        print(f"\n{'TLS' if tls else 'Plain HTTP'}\n")
        print("\n".join(table(found, tls)) + "\n")
        print("\n".join(shares(found, "boot storm")) + "\n")
        if found["failures"]:
            print(f"failures: {json.dumps(found['failures'], indent=1)}\n")
    os.makedirs(f"{ROOT}/var/bench", exist_ok=True)
    path = f"{ROOT}/var/bench/{time.strftime('%Y%m%d-%H%M%S')}.json"
    with open(path, "w") as file:
        json.dump(report, file, indent=1)
    print(f"bench: all figures are in {os.path.relpath(path, ROOT)}")


if __name__ == "__main__":
    main()
