#!/usr/bin/python3
"""reaper.py PIDFILE COMMAND...: runs the command as its child and is the parent of every orphan below it.

So that daemons which detach themselves (QEMU) stay below one process and are reaped at once, and so that TERM ends all of them:
first politely, after five seconds with KILL. The lab's `down` is this signal.
"""
import ctypes
import os
import pathlib
import signal
import sys
import time

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>
GRACE_S = 5  # PostgreSQL and the programs were stopped before; this is for guests and whatever is stuck.


def descendants() -> list[int]:
    """Every process below this one, from the parents that /proc names."""
    children: dict[int, list[int]] = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            if fields[0] != "Z":
                children.setdefault(int(fields[1]), []).append(int(entry.name))
    found, next_ones = [], [os.getpid()]
    while next_ones:
        below = children.get(next_ones.pop(), [])
        found += below
        next_ones += below
    return found


def signal_all(number: int) -> bool:
    """Whether there was anybody to signal."""
    below = descendants()
    for pid in below:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
    return bool(below)


def reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def end_all() -> None:
    deadline = time.monotonic() + GRACE_S
    signal_all(signal.SIGTERM)
    while descendants():
        reap()
        if time.monotonic() > deadline:
            signal_all(signal.SIGKILL)
        time.sleep(0.05)


def main(pidfile: pathlib.Path, command: list[str]) -> None:
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    wanted = {signal.SIGTERM, signal.SIGINT, signal.SIGCHLD}
    signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    child = os.fork()
    if child == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, wanted)
        os.setsid()
        os.execvp(command[0], command)
    pidfile.write_text(f"{os.getpid()}\n")
    while signal.sigwait(wanted) == signal.SIGCHLD:
        reap()
    end_all()
    pidfile.unlink(missing_ok=True)


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), sys.argv[2:])
