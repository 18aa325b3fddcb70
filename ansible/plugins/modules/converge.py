"""The documentation of the action plugin `converge`, which does the work on the controller's side."""

DOCUMENTATION = """
module: converge
short_description: bring one role's files, steps and services of a host to the wanted state
description:
  - One probe and, only if something differs, one archive and one script a host and role. Ansible's own modules would start a
    Python process on the host for each file; here a run that changes nothing costs one shell.
  - "The order is: directories and files, C(prepare), C(services), C(finish)."
  - With the variable C(meridian_render), a folder of the controller, all files of all hosts are written there instead, and no host is
    asked anything.
author: Meridian
options:
  directories:
    description: Folders with C(path), C(mode) and C(owner).
    type: list
    elements: dict
  files:
    description: >-
      Files with C(path), one of C(template), C(source) and C(content) (to which C(append) adds a file), C(mode) and C(owner).
      A change restarts the services, unless C(restart) is false (what programs read again by themselves).
    type: list
    elements: dict
  exclusive:
    description: Folders in which no other files than the above may be.
    type: list
    elements: str
  prepare:
    description: >-
      Steps before the services start, each a C(name), a shell C(command), and one of C(unless) (a shell condition) and C(stamp)
      (run again when this text, with the contents of C(stamp_file), differs from that of the last run).
    type: list
    elements: dict
  services:
    description: >-
      What is supervised - C(name), C(command), C(program) (its file name, restarted when that changes), C(stop_signal), C(ready)
      (a shell condition), C(ready_seconds), C(unit) (more lines for systemd).
    type: list
    elements: dict
  finish:
    description: Steps after the services are ready, as in C(prepare).
    type: list
    elements: dict
"""
