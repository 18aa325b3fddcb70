"""What `converge` has a host do to start a service under runit, done here by a runit of the test's own."""
import pathlib
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "plugins" / "action"))
sys.dont_write_bytecode = True
from converge import ActionModule  # noqa: E402

SERVICE = {"name": "sleeper"}


class StartOfAService(unittest.TestCase):
    def setUp(self):
        self.scratch = tempfile.TemporaryDirectory()
        self.addCleanup(self.scratch.cleanup)
        self.services = pathlib.Path(self.scratch.name)
        self.folder = self.services / "sleeper"
        self.converge = ActionModule.__new__(ActionModule)
        self.converge.variables = {"meridian_service_folder": self.scratch.name}
        self.converge.manager = "runit"

    def shell(self, command: str) -> None:
        done = subprocess.run(["/bin/sh", "-ec", command], capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def write(self, folder: pathlib.Path) -> None:
        (folder / "log").mkdir(parents=True)
        for name, line in (("run", "exec sleep 600"), ("log/run", "exec cat")):
            (folder / name).write_text(f"#!/bin/sh\n{line}\n")
            (folder / name).chmod(0o755)

    def supervise(self) -> None:
        runsv = subprocess.Popen(["runsv", self.folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.addCleanup(runsv.wait, 10)
        self.addCleanup(subprocess.run, ["sv", "-w", "5", "exit", self.folder], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def test_waits_for_a_supervisor_that_does_not_listen_yet(self):
        self.write(self.folder)
        self.shell(f"mkdir {self.folder}/supervise && mkfifo {self.folder}/supervise/ok")
        late = threading.Timer(0.5, self.supervise)
        late.start()
        self.addCleanup(late.join)
        self.shell(self.converge._start(SERVICE, "restart"))
        self.assertEqual((self.folder / "supervise" / "stat").read_text().strip(), "run")

    def test_restarts_what_runs(self):
        self.write(self.folder)
        self.supervise()
        self.shell(self.converge._start(SERVICE, "start"))
        first = (self.folder / "supervise" / "pid").read_text()
        self.shell(self.converge._start(SERVICE, "restart"))
        # sv counts in seconds: of a service that started in this one it says at once that it was restarted.
        pid = self.folder / "supervise" / "pid"
        self.shell(f"for _ in $(seq 50); do [ \"$(cat {pid})\" = {first.strip()} ] || exit 0; sleep 0.1; done; exit 1")

    def test_shows_a_new_service_whole(self):
        staged = self.converge._stage({"path": f"{self.folder}/log/run", "mode": "0755"}, [SERVICE])
        self.assertEqual(staged, {"path": f"{self.services}/.sleeper/log/run", "mode": "0755"})
        self.write(self.services / ".sleeper")
        self.shell(self.converge._appear(SERVICE))
        self.assertEqual(sorted(path.name for path in self.services.rglob("*")), ["log", "run", "run", "sleeper"])

    def test_completes_a_folder_that_lost_its_script(self):
        self.write(self.services / ".sleeper")
        (self.folder / "supervise").mkdir(parents=True)
        self.shell(self.converge._appear(SERVICE))
        self.assertEqual(sorted(path.name for path in self.services.iterdir()), ["sleeper"])
        self.assertTrue((self.folder / "run").exists() and (self.folder / "supervise").exists())

    def test_leaves_other_files_where_they_are(self):
        entry = {"path": f"{self.services}/sleeper.conf"}
        self.assertEqual(self.converge._stage(entry, [SERVICE]), entry)


if __name__ == "__main__":
    unittest.main()
