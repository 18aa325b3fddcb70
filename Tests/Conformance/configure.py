"""configure.py OUTPUT NAME=VALUE...: fills tempest.conf.in in; an environment variable CONFORMANCE_NAME (upper case) wins."""

import os
import pathlib
import string
import sys

# What the cloud can't do yet is off, so that its tests are skipped with Tempest's own reason instead of failing.
# Turn one on to see how far it gets: CONFORMANCE_RESIZE=true make conformance LIST=...
SETTINGS = {
    "region": "meridian",
    # The highest whose every answer agrees with Tempest's schemas; also the oldest that has no networks ("none").
    "compute_max_microversion": "2.37",
    # Two or more turns on the tests of (anti-)affinity and migration.
    "compute_nodes": "2",
    # A boot under emulation takes up to a minute on two cores.
    "build_timeout_s": "180",
    "snapshot": "false",
    "resize": "false",
    "cold_migration": "false",
    "pause": "false",
    "suspend": "false",
    "shelve": "false",
    "rescue": "false",
    "config_drive": "false",
}

settings = SETTINGS | dict(argument.split("=", 1) for argument in sys.argv[2:])
for name in settings:
    settings[name] = os.environ.get("CONFORMANCE_" + name.upper(), settings[name])
template = string.Template((pathlib.Path(__file__).parent / "tempest.conf.in").read_text())
output = pathlib.Path(sys.argv[1])
output.parent.mkdir(parents=True, exist_ok=True)
output.touch(mode=0o600)  # it holds the admin's password
output.write_text(template.substitute(settings))
