"""A federation on 127.0.0.1 to be measured: release programs, PostgreSQL as in production, simulated hosts."""
import ctypes
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request

POSTGRES = "/usr/lib/postgresql/15/bin"
REGIONS = ("amsterdam", "london", "tunis")
KERNEL = ctypes.CDLL(None)
# As the role postgresql configures it; what isn't here is PostgreSQL's own default, fsync and synchronous_commit among them.
SETTINGS = ("listen_addresses=", "shared_buffers=64MB", "max_wal_size=512MB", "jit=off", "autovacuum_naptime=10s", "max_connections=100", "timezone=UTC")


def free_ports(count, taken=[21_000 + os.getpid() % 300 * 20]):
    """Ports below those of outgoing connections."""
    found = []
    while len(found) < count:
        taken[0] += 1
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", taken[0]))
                found.append(taken[0])
            except OSError:
                pass
    return found


def follow_parent():
    """In a child: a session of its own, and killed when the benchmark ends, however it ends (prctl(2), PR_SET_PDEATHSIG)."""
    os.setsid()
    KERNEL.prctl(1, signal.SIGKILL)


class Federation:
    def __init__(self, root, programs, hosts, tls, keep=False, shared_link=False):
        self.root, self.programs, self.hosts, self.tls, self.keep = root, os.path.abspath(programs), hosts, tls, keep
        self.shared_link = shared_link
        # Not /tmp: that may be memory, where fsync costs nothing.
        self.folder = tempfile.mkdtemp(prefix="meridian-bench-", dir=os.environ.get("MERIDIAN_BENCH_DIR", "/var/tmp"))
        os.chmod(self.folder, 0o755)
        self.processes, self.ours, self.databases, self.idle_cores = {}, {}, {}, 0.0
        names = ("identity", "compute", "image", "hub_control", "hub_bulk", "api_health", "super_scheduler_health", "postgresql")
        self.ports = dict(zip(names, free_ports(len(names))))
        self.scheme = "https" if tls else "http"
        self.authority = f"{self.folder}/secrets/tls/ca.pem" if tls else None

    def __enter__(self):
        try:
            self.prepare()
            self.start_all()
            return self
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_):
        for process in reversed(list(self.processes.values())):
            process.send_signal(signal.SIGINT)
        for process in self.processes.values():
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if self.keep:
            print(f"bench: logs are kept in {self.folder}")
        else:
            shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def pids(self):
        return {name: process.pid for name, process in self.processes.items()}

    @property
    def own_pids(self):
        """Of our programs, without PostgreSQL."""
        return {name: process.pid for name, process in self.ours.items()}

    # -- files

    def write(self, path, text, mode=0o644):
        path = f"{self.folder}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode), "w") as file:
            file.write(text)

    def copy(self, secret, path):
        path = f"{self.folder}/{path}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        shutil.copy(f"{self.folder}/secrets/{secret}", path)

    def prepare(self):
        secrets = f"{self.folder}/secrets"
        keys = ["hub_meridian", "api_api"] + [f"{role}_{region}" for region in REGIONS for role in ("cell", "scheduler")]
        keys += [f"control_{region}=IP:127.0.0.1" for region in REGIONS]
        subprocess.run([f"{self.root}/ansible/roles/certificates/files/authority.sh", secrets, self.programs,
                        "IP:127.0.0.1,DNS:localhost", *keys], check=True, stdout=subprocess.DEVNULL)
        federation = json.dumps({
            "federation": {"name": "meridian", "timing": "production"},
            "api_cell": {"address": "127.0.0.1", "public_host": "127.0.0.1", "ports": self.ports, "tls": self.tls}})
        self.write("api/etc/federation.yml", federation)
        self.copy("keys/hub_meridian.secret", "api/etc/keys/hub_meridian.secret")
        self.copy("keys/hub_meridian.key", "api/etc/keys/hub.pub")
        self.copy("keys/api_api.secret", "api/etc/keys/api_api.secret")
        for file in ("ca.pem", "server.pem", "server.key"):
            self.copy(f"tls/{file}", f"api/etc/tls/{file}")
        for user in ("admin", "demo"):
            self.write(f"{user}.password", "bench-of-" + user, 0o600)
        self.copy("keys/api_api.key", "api/etc/enrolled/api_api.key")
        for region in REGIONS:
            names = ("agents_control", "agents_bulk", "conductor_health", "scheduler_health", "postgresql")
            text = json.dumps({
                "region": {"name": region, "weight": 1.0},
                "child_cell": {
                    "address": "127.0.0.1", "ports": dict(zip(names, free_ports(len(names)))),
                    "gateway": {**dict(zip(("port", "health"), free_ports(2))), "cache_gib": 1},
                    "scheduling": {"policy": "filter", "seed": 1, "weighers": ["spread"], "filters": [
                        "enabled", "availability_zone", "cpu", "memory", "disk", "traits", "affinity", "anti_affinity"]},
                    "allocation_ratios": {"vcpus": 16.0, "memory": 1.0, "disk": 1.0}},
                "compute_host": {"hypervisor": "simulated", "ports": {"health": 7795}, "hosts": []}})
            self.write(f"{region}/etc/region.yml", text)
            self.write(f"{region}/etc/federation.yml", federation)
            self.copy("keys/hub_meridian.key", f"{region}/etc/keys/hub.pub")
            self.copy("tls/ca.pem", f"{region}/etc/tls/ca.pem")
            for half in ("pem", "key"):
                self.copy(f"tls/control_{region}.{half}", f"{region}/etc/tls/server.{half}")
            self.copy(f"keys/cell_{region}.secret", f"{region}/etc/keys/cell_{region}.secret")
            self.copy(f"keys/cell_{region}.key", f"{region}/etc/keys/cell.pub")
            self.copy(f"keys/scheduler_{region}.secret", f"{region}/etc/keys/scheduler_{region}.secret")
            self.copy(f"keys/scheduler_{region}.key", f"{region}/etc/enrolled/scheduler_{region}.key")

    # -- processes

    def start(self, name, command, user=None):
        with open(f"{self.folder}/{name.replace(' ', '-')}.output", "a") as output:
            self.processes[name] = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, preexec_fn=follow_parent, user=user, group=user,
                extra_groups=[] if user else None, cwd="/")

    def start_database(self, name, etc):
        """A cluster of its own, as each cell has one."""
        user = "postgres" if os.getuid() == 0 else None
        home = f"{self.folder}/{name}-postgresql"
        os.makedirs(home)
        if user:
            shutil.chown(home, user, user)
        as_user = {"user": user, "group": user, "extra_groups": []} if user else {}
        owner = user or pwd.getpwuid(os.getuid()).pw_name
        subprocess.run([f"{POSTGRES}/initdb", "-D", f"{home}/data", "-U", owner, "--auth=trust", "--locale=C.UTF-8", "--no-sync"],
                       check=True, stdout=subprocess.DEVNULL, cwd="/", **as_user)
        self.start(f"postgresql {name}", [f"{POSTGRES}/postgres", "-D", f"{home}/data", "-k", home]
                   + [word for setting in SETTINGS for word in ("-c", setting)], user)
        conninfo = f"host={home} user={owner} dbname="
        wait_for(f"PostgreSQL of {name}", lambda: subprocess.run(
            [f"{POSTGRES}/psql", "-qX", conninfo + "postgres", "-c", "CREATE DATABASE meridian"],
            stderr=subprocess.DEVNULL).returncode == 0)
        self.databases[name] = conninfo + "meridian"
        self.write(f"{etc}/database.conninfo", self.databases[name], 0o600)

    def sql(self, name, statement):
        return subprocess.run([f"{POSTGRES}/psql", "-qXAt", self.databases[name], "-c", statement], check=True,
                              capture_output=True, text=True).stdout.strip()

    def manage(self, *arguments):
        subprocess.run([f"{self.programs}/meridian-manage", *arguments], check=True, stdout=subprocess.DEVNULL)

    def daemon(self, name, program, *arguments, place):
        self.start(name, [f"{self.programs}/{program}", *arguments, "--etc", f"{self.folder}/{place}/etc",
                          "--var", f"{self.folder}/{place}/var"])
        self.ours[name] = self.processes[name]

    def start_all(self):
        etc = f"{self.folder}/api/etc"
        self.start_database("api", "api/etc")
        self.manage("keys", "fernet-init", "--out", f"{etc}/fernet")
        self.manage("keys", "grants", "--out", f"{etc}/grants")
        self.manage("migrate", "api", "--etc", etc)
        self.manage("bootstrap", "--etc", etc, "--admin-password-file", f"{self.folder}/admin.password",
                    "--demo-password-file", f"{self.folder}/demo.password")
        for region in REGIONS:
            self.manage("enrolment", "admit", "--etc", etc, "--cell", region, "--key-file",
                        f"{self.folder}/{region}/etc/keys/cell.pub")
            self.start_database(region, f"{region}/etc")
            self.manage("migrate", "cell", "--etc", f"{self.folder}/{region}/etc")
        self.daemon("super-scheduler", "meridian-api", "super-scheduler", place="api")
        self.daemon("api", "meridian-api", "api", place="api")
        for index, region in enumerate(REGIONS):
            share = self.hosts // len(REGIONS) + (index < self.hosts % len(REGIONS))
            self.daemon(f"conductor {region}", "meridian-cell", "conductor", place=region)
            self.daemon(f"scheduler {region}", "meridian-cell", "scheduler", place=region)
            self.daemon(f"gateway {region}", "meridian-cell", "gateway", place=region)
            self.daemon(f"hosts {region}", "meridian-sim", "--hosts", str(share), "--enrol",
                        *(["--shared-link"] if self.shared_link else []), place=region)
        health = f"http://127.0.0.1:{self.ports['api_health']}/healthz"
        wait_for("the API", lambda: urllib.request.urlopen(health, timeout=2).status == 200)
        wait_for(f"{self.hosts} hosts", lambda: int(self.sql("api", "SELECT count(*) FROM compute.hosts")) == self.hosts, 120)


def wait_for(what, condition, seconds=60):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.2)
    raise SystemExit(f"bench: waited {seconds} s for {what}")
