#!/usr/bin/python3
"""Runs the end-to-end tests: the built tools, as a user would call them.

  run.py                     all
  run.py bad_input local     tests whose name contains one of the words
  run.py --list

One line a test, with what it measured. Exit 0 if none failed.
"""
import argparse
import json
import os
import sys
import time
import unittest

import support


class Result(unittest.TestResult):
    """Prints each test as it ends; counts."""

    def __init__(self, width):
        super().__init__()
        self.width, self.passed, self.start = width, 0, 0.0

    def startTest(self, test):
        super().startTest(test)
        self.start = time.monotonic()

    def line(self, mark, test, text):
        seconds = time.monotonic() - self.start
        print(f"{mark:4} {support.name_of(test):{self.width}} "
              f"{seconds:6.2f} s  {text}".rstrip(), flush=True)

    def addSuccess(self, test):
        self.passed += 1
        self.line("ok", test, getattr(test, "note", ""))

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self.line("skip", test, reason)

    def failed(self, test, error):
        kind, value, trace = error
        self.line("FAIL", test, "")
        if issubclass(kind, AssertionError):
            print("     " + str(value).replace("\n", "\n     "))
        else:
            print(self._exc_info_to_string(error, test))

    def addFailure(self, test, error):
        super().addFailure(test, error)
        self.failed(test, error)

    def addError(self, test, error):
        super().addError(test, error)
        self.failed(test, error)

    def addSubTest(self, test, subtest, error):
        super().addSubTest(test, subtest, error)
        if error is not None:
            print(f"     {subtest._subDescription()}")
            self.failed(test, error)


def tests_of(suite):
    for item in suite:
        if isinstance(item, unittest.TestSuite):
            yield from tests_of(item)
        else:
            yield item


def main():
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--tools", default=support.TOOLS,
                        help="folder of mpcc and mpcrun (build/tools)")
    parser.add_argument("--counts", help="FILE.json for the numbers")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    support.TOOLS = os.path.abspath(args.tools)
    for tool in ("mpcc", "mpcrun"):
        if not os.path.exists(os.path.join(support.TOOLS, tool)):
            sys.exit(f"run.py: error: no {tool} in {support.TOOLS}: build "
                     "first, or name the folder with --tools")

    here = os.path.dirname(os.path.abspath(__file__))
    found = unittest.TestLoader().discover(here, "test_*.py")
    tests = [t for t in tests_of(found) if not args.words or
             any(word in support.name_of(t) for word in args.words)]
    if args.list:
        print("\n".join(support.name_of(t) for t in tests))
        return 0
    if not tests:
        parser.error("no test has such a name")
    result = Result(max(len(support.name_of(t)) for t in tests))
    unittest.TestSuite(tests).run(result)
    failed = len(result.failures) + len(result.errors)
    counts = {"passed": result.passed, "failed": failed,
              "skipped": len(result.skipped)}
    print(f"e2e: {counts['passed']} passed, {failed} failed, "
          f"{counts['skipped']} skipped")
    if args.counts:
        with open(args.counts, "w") as file:
            json.dump(counts, file)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
