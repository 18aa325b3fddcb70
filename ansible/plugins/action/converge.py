"""Brings one role's files, steps and services of a host to the wanted state; documented in plugins/modules/converge.py."""
from __future__ import annotations

import hashlib
import io
import os
import pathlib
import shlex
import tarfile
import tempfile

from ansible.module_utils.common.text.converters import to_bytes, to_text
from ansible.plugins.action import ActionBase

TEMPLATES = pathlib.Path(__file__).resolve().parents[2] / "templates"
READY_SECONDS = 60  # A first start under emulation on a busy machine; a service that needs longer has a problem.


class Failure(Exception):
    """A sentence for the operator."""


class ActionModule(ActionBase):
    TRANSFERS_FILES = True
    _supports_check_mode = True

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        try:
            result.update(self._converge(task_vars))
        except Failure as failure:
            result.update(failed=True, msg=str(failure))
        return result

    def _converge(self, task_vars) -> dict:
        arguments = self._task.args
        self.variables = task_vars
        self.manager = task_vars["meridian_service_manager"]
        services = arguments.get("services") or []
        folders = list(arguments.get("directories") or [])
        files = [self._read(entry) for entry in arguments.get("files") or []]
        for service in services:
            files += self._service_files(service)
        if task_vars.get("meridian_render"):
            return self._render_only(pathlib.Path(task_vars["meridian_render"]) / task_vars["inventory_hostname"], files)
        steps = {when: list(arguments.get(when) or []) for when in ("prepare", "finish")}

        found = self._probe(folders, files, arguments.get("exclusive") or [], services, steps)
        changed_files = [entry for entry in files if found["files"].get(entry["path"]) != entry["state"]]
        changed_folders = [entry for entry in folders if found["folders"].get(entry["path"]) != self._state_of(entry)]
        wanted = {entry["path"] for entry in files}
        strangers = [path for path in found["strangers"] if path not in wanted]
        due = {when: [step for step in steps[when] if step["name"] in found["due"]] for when in steps}
        restart = services if strangers or any(entry["restart"] for entry in changed_files) else []
        start = [service for service in services if service["name"] in found["stopped"] and service not in restart]
        fresh = [service for service in services if self._is_fresh(service, found)]

        changes = (
            [entry["path"] + "/" for entry in changed_folders]
            + [entry["path"] for entry in changed_files]
            + [f"{path} (removed)" for path in strangers]
            + [step["name"] for when in steps for step in due[when]]
            + [f"{service['name']} (started)" for service in restart + start]
        )
        result = {"changed": bool(changes), "changes": changes}
        if self._task.diff and changes:
            result["diff"] = [{"prepared": "".join(f"{change}\n" for change in changes)}]
        if changes and not self._task.check_mode:
            missing = [entry["path"] for entry in changed_files if entry["data"] is None]
            if missing:
                raise Failure("These files were not made yet: " + ", ".join(missing))
            self._apply(changed_folders, changed_files, fresh, strangers, due, restart, start)
        return result

    def _render_only(self, folder: pathlib.Path, files: list[dict]) -> dict:
        """Writes what the host would get below a folder of this side, and asks the host nothing."""
        for entry in files:
            if entry["data"] is not None:
                path = folder / entry["path"].lstrip("/")
                path.parent.mkdir(parents=True, exist_ok=True)
                path.touch(mode=0o600)
                path.write_bytes(entry["data"])
                path.chmod(int(entry["mode"], 8))
        return {"changed": False, "changes": []}

    # What is wanted

    def _read(self, entry: dict) -> dict:
        if "template" in entry:
            data = self._render(pathlib.Path(self._find_needle("templates", entry["template"])), entry.get("vars") or {})
        elif "source" in entry:
            data = self._digestible(entry["source"])
        elif "append" in entry:
            secret = self._digestible(entry["append"])
            data = secret and to_bytes(entry["content"]) + secret
        else:
            data = to_bytes(entry["content"])
        file = self._file(entry["path"], data, entry.get("mode", "0644"), entry.get("owner", "root:root"))
        return {**file, "restart": entry.get("restart", True)}

    def _digestible(self, path: str) -> bytes | None:
        """A file of this side; None if an earlier play would have made it and only checked."""
        file = pathlib.Path(path)
        return file.read_bytes() if file.exists() else None

    def _file(self, path: str, data: bytes | None, mode: str, owner: str = "root:root") -> dict:
        digest = hashlib.sha256(data).hexdigest() if data is not None else "missing"
        state = f"{digest} {int(mode, 8):o} {owner}"
        return {"path": path, "data": data, "mode": mode, "owner": owner, "restart": True, "state": state}

    def _render(self, path: pathlib.Path, extra: dict) -> bytes:
        with self._templar.set_temporary_context(available_variables={**self.variables, **extra}):
            text = path.read_text()
            return to_bytes(self._templar.do_template(text, preserve_trailing_newlines=True, escape_backslashes=False))

    def _state_of(self, entry: dict) -> str:
        return f"{int(entry.get('mode', '0755'), 8):o} {entry.get('owner', 'root:root')}"

    def _service_files(self, service: dict) -> list[dict]:
        name = service["name"]
        digest = self.variables["meridian_programs"].get(service.get("program"), "")
        extra = {"service": service, "program_digest": digest}
        if self.manager == "systemd":
            unit = f"/etc/systemd/system/meridian-{name}.service"
            return [self._file(unit, self._render(TEMPLATES / "systemd.service.j2", extra), "0644")]
        folder = self._service_folder(service)
        files = [
            self._file(f"{folder}/log/run", self._render(TEMPLATES / "runit-log.j2", extra), "0755"),
            self._file(f"{folder}/run", self._render(TEMPLATES / "runit-run.j2", extra), "0755"),
        ]
        if service.get("stop_signal"):
            stop = f"#!/bin/sh\nexec kill -{service['stop_signal']} \"$(cat supervise/pid)\"\n"
            files.insert(0, self._file(f"{folder}/control/t", to_bytes(stop), "0755"))
        return files

    def _service_folder(self, service: dict) -> str:
        """What runit supervises."""
        return f"{self.variables['meridian_service_folder']}/{service['name']}"

    def _staged(self, service: dict) -> str:
        """Where runit doesn't see a service yet: runsvdir passes over names with a dot in front."""
        return f"{self.variables['meridian_service_folder']}/.{service['name']}"

    # What there is

    def _probe(self, folders, files, exclusive, services, steps) -> dict:
        lines = ["export LC_ALL=C"]
        if files:
            paths = " ".join(shlex.quote(entry["path"]) for entry in files)
            lines += [
                f"for path in {paths}; do [ -f \"$path\" ] && set -- $(sha256sum <\"$path\") && "
                "echo \"file $1 $(stat -c '%a %U:%G %n' \"$path\")\"; done"
            ]
        for entry in folders:
            lines.append(f"[ -d {shlex.quote(entry['path'])} ] && stat -c 'folder %a %U:%G %n' {shlex.quote(entry['path'])}")
        for path in exclusive:
            lines.append(f"[ -d {shlex.quote(path)} ] && find {shlex.quote(path)} -type f -printf 'stranger %p\\n'")
        for service in services:
            lines.append(f"{self._is_running(service)} || echo stopped {service['name']}")
        for when in steps:
            for step in steps[when]:
                lines.append(f"( {self._is_done(step)} ) >/dev/null 2>&1 || echo 'due {step['name']}'")
        output = self._shell("\n".join(lines) + "\ntrue\n")
        found = {"files": {}, "folders": {}, "strangers": [], "stopped": set(), "due": set()}
        for line in output.splitlines():
            kind, _, rest = line.partition(" ")
            if kind == "file":
                digest, mode, owner, path = rest.split(" ", 3)
                found["files"][path] = f"{digest} {mode} {owner}"
            elif kind == "folder":
                mode, owner, path = rest.split(" ", 2)
                found["folders"][path] = f"{mode} {owner}"
            elif kind == "stranger":
                found["strangers"].append(rest)
            elif kind in ("stopped", "due"):
                found[kind].add(rest)
        return found

    def _is_done(self, step: dict) -> str:
        if "stamp" in step:
            return f"[ \"$(cat {self._stamp(step)})\" = {shlex.quote(self._stamp_text(step))} ]"
        return step["unless"]

    def _stamp_text(self, step: dict) -> str:
        """Short and without secrets, whatever it stands for."""
        text = to_bytes(str(step["stamp"]))
        if "stamp_file" in step:
            text += self._digestible(step["stamp_file"]) or b""
        return hashlib.sha256(text).hexdigest()

    def _stamp(self, step: dict) -> str:
        return shlex.quote(f"{self.variables['meridian_var']}/stamps/{step['name'].replace(' ', '-')}")

    def _is_running(self, service: dict) -> str:
        if self.manager == "systemd":
            return f"systemctl is-active --quiet meridian-{service['name']}"
        return f"[ \"$(cat {shlex.quote(self._service_folder(service))}/supervise/stat 2>/dev/null)\" = run ]"

    def _is_fresh(self, service: dict, found: dict) -> bool:
        return self.manager == "runit" and f"{self._service_folder(service)}/run" not in found["files"]

    # From one to the other

    def _apply(self, folders, files, fresh, strangers, due, restart, start) -> None:
        lines = ["set -e", "export LC_ALL=C", "umask 022"]
        for entry in folders:
            path, owner = shlex.quote(entry["path"]), entry.get("owner", "root:root")
            lines.append(f"mkdir -p {path} && chown {owner} {path} && chmod {entry.get('mode', '0755')} {path}")
        lines += [f"rm -rf {shlex.quote(self._staged(service))}" for service in fresh]
        files = [self._stage(entry, fresh) for entry in files]
        for entry in files:
            lines.append(f"mkdir -p {shlex.quote(os.path.dirname(entry['path']))}")
        if files:
            archive = self._send(files)
            lines.append(f"tar -C / -xpzf {shlex.quote(archive)}; rm -f {shlex.quote(archive)}")
        if strangers:
            lines.append("rm -f " + " ".join(shlex.quote(path) for path in strangers))
        lines += [self._step(step) for step in due["prepare"]]
        lines += [self._appear(service) for service in fresh]
        if self.manager == "systemd" and (restart or start):
            lines.append("systemctl daemon-reload")
        lines += [self._start(service, "restart") for service in restart] + [self._start(service, "start") for service in start]
        lines += [self._ready(service) for service in restart + start if service.get("ready")]
        lines += [self._step(step) for step in due["finish"]]
        self._shell("\n".join(lines) + "\n")

    def _stage(self, entry: dict, fresh: list[dict]) -> dict:
        """A new service's file is written where runit doesn't look."""
        for service in fresh:
            folder = self._service_folder(service) + "/"
            if entry["path"].startswith(folder):
                return {**entry, "path": f"{self._staged(service)}/{entry['path'].removeprefix(folder)}"}
        return entry

    def _appear(self, service: dict) -> str:
        """At once and whole: a runsv that sees a folder without its `log` would supervise the service without one for ever."""
        folder, staged = shlex.quote(self._service_folder(service)), shlex.quote(self._staged(service))
        return f"if [ -d {folder} ]; then cp -a {staged}/. {folder} && rm -rf {staged}; else mv {staged} {folder}; fi"

    def _send(self, files: list[dict]) -> str:
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
            for entry in files:
                member = tarfile.TarInfo(entry["path"].lstrip("/"))
                member.size, member.mode = len(entry["data"]), int(entry["mode"], 8)
                member.uname, member.gname = entry["owner"].split(":")
                archive.addfile(member, io.BytesIO(entry["data"]))
        with tempfile.NamedTemporaryFile(suffix=".tar.gz") as local:  # readable by root alone
            local.write(packed.getvalue())
            local.flush()
            remote = f"/tmp/.meridian-{hashlib.sha256(os.urandom(16)).hexdigest()[:16]}.tar.gz"
            self._connection.put_file(local.name, remote)
        return remote

    def _step(self, step: dict) -> str:
        lines = [f"echo 'step: {step['name']}'", f"( {step['command']}\n)"]
        if "stamp" in step:
            stamp = self._stamp(step)
            lines.append(f"mkdir -p $(dirname {stamp}) && printf %s {shlex.quote(self._stamp_text(step))} >{stamp}")
        return "\n".join(lines)

    def _start(self, service: dict, verb: str) -> str:
        name = service["name"]
        if self.manager == "systemd":
            return f"systemctl enable --quiet meridian-{name} && systemctl {verb} meridian-{name}"
        folder = shlex.quote(self._service_folder(service))
        # runsvdir notices a new folder within five seconds, and its runsv starts the service without being told. That there is a FIFO
        # to speak to runsv through doesn't say that runsv listens already; `sv status` does.
        return (
            f"if sv status {folder} >/dev/null 2>&1; then sv -w 30 {verb} {folder}; else "
            f"for _ in $(seq 200); do ! sv status {folder} >/dev/null 2>&1 || break; sleep 0.1; done; sv -w 30 start {folder}; fi"
        )

    def _ready(self, service: dict) -> str:
        """Waits until the service answers; says what it wrote last if it does not."""
        tries = int(service.get("ready_seconds", READY_SECONDS)) * 5
        if self.manager == "systemd":
            last_words = f"journalctl -n 20 -u meridian-{service['name']}"
        else:
            last_words = f"tail -n 20 {shlex.quote(self.variables['meridian_var'])}/log/{service['name']}/current"
        return (
            f"for try in $(seq {tries}); do ( {service['ready']} ) >/dev/null 2>&1 && break; sleep 0.2; "
            f"[ $try != {tries} ] || {{ echo '{service['name']} does not answer; it wrote:' >&2; {last_words} >&2; exit 1; }}; done"
        )

    def _shell(self, script: str) -> str:
        done = self._low_level_execute_command("/bin/sh", in_data=to_bytes(script), sudoable=True)
        if done["rc"] != 0:
            said = to_text(done.get("stderr") or "").strip() or to_text(done.get("stdout") or "").strip()
            raise Failure(f"{said} (exit status {done['rc']})")
        return to_text(done["stdout"])
