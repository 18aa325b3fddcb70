"""verdict.py LIST STREAM RESULTS: judges each listed test by a subunit stream.

Writes RESULTS (verdict, test, reason per line), prints what failed or was skipped and why, and exits 1 when something failed.
A listed test without a result failed: it was not found, or the run ended before it. A line "TEST  # needs: REASON" is a test
that was not run, because of something the cloud doesn't have.
"""

import collections
import re
import sys

import subunit
import testtools

VERDICTS = {"success": "passed", "xfail": "passed", "skip": "skipped", "fail": "failed", "uxsuccess": "failed"}
SET_UP = re.compile(r"setUpClass \((.+)\)")
LISTED = re.compile(r"(?P<test>tempest\.\S+)(?:\s+#\s*(?P<needs>needs: .+))?")


class Outcomes(testtools.StreamResult):
    """The last verdict of each test and of each class's set-up, with the last words it said."""

    def __init__(self):
        super().__init__()
        self.verdicts = {}
        self.words = collections.defaultdict(bytes)

    def status(self, test_id=None, test_status=None, file_name=None, file_bytes=None, **_):
        if test_id is None:
            return
        set_up = SET_UP.fullmatch(test_id)
        key = set_up[1] if set_up else test_id.split("[")[0]
        if file_bytes and file_name in ("reason", "traceback"):
            self.words[key] += bytes(file_bytes)
        if test_status in VERDICTS:
            self.verdicts[key] = VERDICTS[test_status]

    def judge(self, test):
        """A test's verdict, or its class's when that never let it start."""
        for key in (test, test.rpartition(".")[0]):
            if key in self.verdicts:
                lines = self.words[key].decode(errors="replace").strip().splitlines()
                return self.verdicts[key], lines[-1].strip() if lines else ""
        return "failed", "no result: is there such a test?"


def main(list_file, stream_file, results_file):
    with open(list_file) as file:
        tests = [(m["test"], m["needs"]) for line in file if (m := LISTED.fullmatch(line.strip()))]
    outcomes = Outcomes()
    outcomes.startTestRun()
    with open(stream_file, "rb") as stream:
        subunit.ByteStreamToStreamResult(stream, non_subunit_name="noise").run(outcomes)
    outcomes.stopTestRun()

    counts = collections.Counter()
    reasons = collections.defaultdict(list)
    with open(results_file, "w") as results:
        for test, needs in tests:
            verdict, reason = ("skipped", needs) if needs else outcomes.judge(test)
            counts[verdict] += 1
            if verdict != "passed":
                reasons[verdict, reason].append(test)
            print(verdict, test, "" if verdict == "passed" else reason, sep="\t", file=results)
    for (verdict, reason), of in sorted(reasons.items(), reverse=True):
        print(f"{verdict}: {reason}")
        for test in of:
            print(f"    {test}")
    print(f"{counts['passed']} passed, {counts['failed']} failed, {counts['skipped']} skipped")
    return 1 if counts["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
