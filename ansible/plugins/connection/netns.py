"""Runs commands in the network and mount namespace of a lab host: like `local`, entered through nsenter."""
from __future__ import annotations

DOCUMENTATION = """
name: netns
short_description: run in the namespaces of a lab host
description:
  - The host's machine is a supervised process; its network and mount namespaces are entered.
author: Meridian
options:
  machine:
    description: The runit service folder of the process that is the machine.
    required: true
    type: path
    vars:
      - name: meridian_machine
extends_documentation_fragment:
  - connection_pipelining
"""

import pathlib
import shlex

from ansible.errors import AnsibleConnectionFailure
from ansible.plugins.connection.local import Connection as LocalConnection


class Connection(LocalConnection):
    transport = "netns"
    has_pipelining = True

    def exec_command(self, cmd, in_data=None, sudoable=True):
        command = f"exec nsenter --target {self._pid()} --net --mount /bin/sh -c {shlex.quote(cmd)}"
        return super().exec_command(command, in_data=in_data, sudoable=sudoable)

    def _pid(self) -> int:
        try:
            return int((pathlib.Path(self.get_option("machine")) / "supervise" / "pid").read_text())
        except (OSError, ValueError) as error:
            raise AnsibleConnectionFailure("This lab host is not up; run lab/lab.sh up.") from error
