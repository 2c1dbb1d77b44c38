#!/usr/bin/python3
"""Runs every test of a build, fast suites first, and counts test cases.

  run-suites.py [--build-dir DIR] [--only SUITE]... [--jobs N]

Suites: unit (Catch2 executables), lit (text tests), nodes (ONNX's own node
tests on secret data), e2e (the tools, from outside), runtime (runtime/ builds alone, without LLVM, ONNX and protobuf).
What is run comes from ctest's list, so a test registered with CMake is never
forgotten here.  The output of an executable is shown where it fails.  The
last line is "N passed, N failed, N skipped"; exit 0 if none failed.
"""
import argparse
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SUITES = ["unit", "lit", "nodes", "e2e", "runtime"]
LIMIT_S = 900  # of one executable; none should come near


class Counts:
    """Passed, failed and skipped test cases."""

    def __init__(self, passed=0, failed=0, skipped=0):
        self.passed, self.failed, self.skipped = passed, failed, skipped

    def __iadd__(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped
        return self

    def __str__(self):
        return (f"{self.passed} passed, {self.failed} failed, "
                f"{self.skipped} skipped")


def run(command, cwd=None, env=None, errors=subprocess.STDOUT):
    """(exit status, stdout and, unless errors says else, stderr, seconds)"""
    start = time.monotonic()
    try:
        done = subprocess.run(command, cwd=cwd, env=env, timeout=LIMIT_S,
                              stdout=subprocess.PIPE, stderr=errors)
        status, output = done.returncode, done.stdout
    except subprocess.TimeoutExpired as late:
        status = 124
        output = (late.stdout or b"") + b"\nno end after %d s\n" % LIMIT_S
    except OSError as problem:
        status, output = 127, str(problem).encode()
    return (status, output.decode(errors="replace"),
            time.monotonic() - start)


def catch_counts(status, output):
    """Counts from the last lines that Catch2's console reporter prints."""
    counts = Counts()
    all_passed = re.findall(
        r"^All tests passed \(.* in (\d+) test cases?\)", output, re.M)
    table = re.findall(r"^test cases: .*$", output, re.M)
    if all_passed:
        counts.passed = int(all_passed[-1])
    elif table:
        for number, kind in re.findall(r"(\d+) (passed|failed)", table[-1]):
            setattr(counts, kind, int(number))
    # A crash before the summary, or a failure that it does not show.
    if status and not counts.failed:
        counts.failed = 1
    if not status and not counts.passed:
        counts.failed += 1  # an executable without tests tests nothing
    return counts


def listed_tests(build):
    """ctest's list: [(name, label, command, directory, environment)]."""
    done = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build,
                          capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"run-suites.py: error: {build}: ctest: {done.stderr}")
    tests = []
    for test in json.loads(done.stdout)["tests"]:
        values = {p["name"]: p["value"] for p in test.get("properties", [])}
        label = (values.get("LABELS") or ["unit"])[0]
        if label not in SUITES:
            sys.exit(f"run-suites.py: error: test '{test['name']}' has the "
                     f"label '{label}'; a suite is one of {SUITES}")
        env = dict(os.environ)
        env.update(e.split("=", 1) for e in values.get("ENVIRONMENT", []))
        # Without a command the executable is not built.
        tests.append((test["name"], label, test.get("command"),
                      values.get("WORKING_DIRECTORY", build), env))
    return tests


def run_unit(tests, jobs):
    total = Counts()

    def one(test):
        name, _, command, cwd, env = test
        if not command or not os.path.exists(command[0]):
            return name, Counts(failed=1), "not built", 0.0
        status, output, seconds = run(command, cwd, env)
        return name, catch_counts(status, output), output, seconds

    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        for name, counts, output, seconds in pool.map(one, tests):
            if counts.failed:
                print(output.rstrip())
            print(f"  {name}: {counts} ({seconds:.1f} s)", flush=True)
            total += counts
    return total


def run_lit(tests):
    """One lit run over all text tests; lit's own XML has the counts."""
    total = Counts()
    for name, _, command, cwd, env in tests:
        with tempfile.TemporaryDirectory() as scratch:
            report = os.path.join(scratch, "lit.xml")
            status, output, seconds = run(
                command + ["--xunit-xml-output", report], cwd, env)
            counts = Counts()
            if os.path.exists(report):
                for suite in ElementTree.parse(report).iter("testsuite"):
                    skipped = int(suite.get("skipped", 0))
                    failed = int(suite.get("failures", 0))
                    counts += Counts(int(suite.get("tests")) - failed -
                                     skipped, failed, skipped)
        if status and not counts.failed:
            counts.failed = 1
        if counts.failed:
            print(output.rstrip())
        print(f"  {name}: {counts} ({seconds:.1f} s)", flush=True)
        total += counts
    return total


def run_nodes(tests):
    """One JSON object a case; a case with a reason is one that a list of the
    unsupported ones names."""
    total = Counts()
    for name, _, command, cwd, env in tests:
        if not command or not os.path.exists(command[0]):
            status, output, seconds = 1, "not built", 0.0
        else:
            # stderr as it comes: in between, it would cut a line of stdout.
            status, output, seconds = run(command, cwd, env, None)
        counts = Counts(skipped=1) if status == 77 else Counts()
        for line in output.split("\n"):
            if not line.startswith("{"):
                continue
            case = json.loads(line)
            if case["outcome"] in ("pass", "folded"):
                counts.passed += 1
            elif "reason" in case:
                counts.skipped += 1
            elif case["outcome"] in ("wrong", "rejected"):
                counts.failed += 1
                print(f"  {case['name']}: {case['outcome']}: {case['why']}")
            else:
                counts.skipped += 1
        if status not in (0, 77) and not counts.failed:
            counts.failed = 1
            print(output[-2000:].rstrip())
        print(f"  {name}: {counts} ({seconds:.1f} s)", flush=True)
        total += counts
    return total


def run_e2e(tests):
    """The cases print as they go; a file tells their number."""
    total = Counts()
    for name, _, command, cwd, env in tests:
        with tempfile.TemporaryDirectory() as scratch:
            report = os.path.join(scratch, "counts.json")
            status = subprocess.run(command + ["--counts", report], cwd=cwd,
                                    env=env).returncode
            if os.path.exists(report):
                with open(report) as file:
                    counts = Counts(**json.load(file))
            else:
                counts = Counts(failed=1)
        if status and not counts.failed:
            counts.failed = 1
        print(f"  {name}: {counts}", flush=True)
        total += counts
    return total


def run_runtime(build):
    """runtime/ and mpcrun, configured and built without the compiler."""
    folder = os.path.join(os.path.dirname(build),
                          os.path.basename(build) + "-runtime")
    # Beside the main build, not in it: the same relative paths, so that
    # ccache knows the objects (scripts/build.sh).
    env = dict(os.environ, MPCC_BUILD_DIR=folder,
               CMAKE_ARGS="-DMPCC_COMPILER=OFF -DMPCC_TESTS=OFF")
    status, output, seconds = run(
        [os.path.join(ROOT, "scripts", "build.sh")], env=env)
    if status:
        print(output.rstrip())
    counts = Counts(failed=1) if status else Counts(passed=1)
    print(f"  runtime alone: {counts} ({seconds:.1f} s)", flush=True)
    return counts


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build-dir", default=os.path.join(ROOT, "build"))
    parser.add_argument("--only", action="append", choices=SUITES,
                        help="this suite; may be repeated")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1,
                        help="unit executables run at once")
    args = parser.parse_args()
    build = os.path.abspath(args.build_dir)
    wanted = args.only or SUITES
    start, total = time.monotonic(), Counts()
    listed = listed_tests(build)
    for suite in SUITES:
        if suite not in wanted:
            continue
        print(f"{suite}:", flush=True)
        tests = [t for t in listed if t[1] == suite]
        if suite != "runtime" and not tests:
            print("  none")
            continue
        if suite == "unit":
            total += run_unit(tests, args.jobs)
        elif suite == "lit":
            total += run_lit(tests)
        elif suite == "nodes":
            total += run_nodes(tests)
        elif suite == "e2e":
            total += run_e2e(tests)
        else:
            total += run_runtime(build)
    print(f"tested in {time.monotonic() - start:.0f} s")
    print(total)
    return 1 if total.failed else 0


if __name__ == "__main__":
    sys.exit(main())
