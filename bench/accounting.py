"""What processes cost: CPU seconds and memory, read from /proc, children included."""
import glob
import os

TICK = os.sysconf("SC_CLK_TCK")


def tree(pid):
    """A process and all its descendants."""
    found = [pid]
    for path in glob.glob(f"/proc/{pid}/task/*/children"):
        try:
            with open(path) as children:
                found += [each for child in children.read().split() for each in tree(int(child))]
        except OSError:
            pass
    return found


def cpu(pids):
    """{name: CPU seconds} of {name: pid}, those of children that have ended included."""
    used = {}
    for name, pid in pids.items():
        ticks = 0
        for each in tree(pid):
            try:
                with open(f"/proc/{each}/stat") as stat:
                    ticks += sum(map(int, stat.read().rsplit(")", 1)[1].split()[11:15]))
            except OSError:
                pass
        used[name] = ticks / TICK
    return used


def memory(pids):
    """{name: proportional set size in MiB}: shared pages are split between those that share them."""
    sizes = {}
    for name, pid in pids.items():
        kib = 0
        for each in tree(pid):
            try:
                with open(f"/proc/{each}/smaps_rollup") as rollup:
                    kib += sum(int(line.split()[1]) for line in rollup if line.startswith("Pss:"))
            except OSError:
                pass
        sizes[name] = kib / 1024
    return sizes


def machine():
    """CPU seconds that this machine has spent on anything."""
    with open("/proc/stat") as stat:
        fields = list(map(int, stat.readline().split()[1:9]))
    return (sum(fields) - fields[3] - fields[4]) / TICK


class Meter:
    """The CPU seconds of processes between its making and `read`; and how many cores everything else kept busy meanwhile."""

    def __init__(self, pids, clock, idle_cores=0.0):
        """idle_cores: how many cores the processes keep busy while nothing is asked of them."""
        self.pids, self.clock, self.idle_cores = pids, clock, idle_cores
        self.began, self.start, self.all = clock(), cpu(pids), machine()
        self.own = os.times()

    def read(self):
        used = {name: seconds - self.start.get(name, 0) for name, seconds in cpu(self.pids).items()}
        now = os.times()
        own = now.user + now.system - self.own.user - self.own.system
        wall = self.clock() - self.began
        others = max(0.0, machine() - self.all - own - sum(used.values())) / max(wall, 0.01)
        return {"cpu_s": round(sum(used.values()), 3), "cpu_idle_s": round(self.idle_cores * wall, 3), "client_cpu_s": round(own, 3), "other_cores": round(others, 2),
                "cpu_by_process_s": {name: round(s, 3) for name, s in sorted(used.items(), key=lambda each: -each[1]) if s >= 0.01}}
