#!/usr/bin/python3
"""Three organisations, one answer (demo.sh --organisations calls it).

  demo_organisations.py BUILD_DIR [SUM]...

An owner, a client and three operators, each with a folder of its own, as
processes that know each other by certificate. Shows what each has, the private
answers beside the plaintext ones, and what TLS costs.
"""
import os
import shutil
import statistics
import sys
import tempfile
import time

import numpy as np

sys.dont_write_bytecode = True
import demo  # noqa: E402
from demo import ADDER, ROOT  # noqa: E402
import calculator  # noqa: E402
from evaluate import evaluate  # noqa: E402

sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))
from organisations import Organisations  # noqa: E402

REPEATS = 10


def serve(tools, folder, plan, sums, secure):
    """Starts the parties, asks; [(feed, logits)], seconds of each request."""
    o = Organisations(tools, folder, plan, clients=["client"], secure=secure,
                      limits={"stock": 4, "peer_timeout_s": 30,
                              "request_timeout_s": 60})
    o.start()
    try:
        answers, seconds = [], []
        for i in range(max(len(sums), REPEATS)):
            feed = sums[i % len(sums)]
            calculator.save(o.at("client", "in"), feed)
            if not o.await_stock(1, 60):
                sys.exit("demo: error: no offline material: see "
                         + o.at("p1", "log"))
            start = time.monotonic()
            done = o.query("client", o.at("client", "in"),
                           o.at("client", "out"), 60)
            seconds.append(time.monotonic() - start)
            if done.returncode:
                sys.exit("demo: error: " + done.stderr)
            if i < len(sums):
                answers.append((feed, np.load(
                    o.at("client", "out", "logits.npy"))))
        doctor = o.doctor("client").stdout
    finally:
        status = o.stop()
    if status != [0, 0, 0]:
        sys.exit(f"demo: error: the parties ended with {status}")
    return o, answers, seconds, doctor


def main():
    if len(sys.argv) < 2 or sys.argv[1].startswith("-"):
        print(__doc__)
        return 2
    tools = os.path.join(os.path.abspath(sys.argv[1]), "tools")
    try:
        sums = [calculator.parse(t) for t in sys.argv[2:] or demo.SUMS]
    except ValueError as problem:
        sys.exit(f"demo: error: {problem}")
    feeds = [calculator.inputs_of([calculator.one_pass_ids(*s)])
             for s in sums]
    scratch = tempfile.mkdtemp(prefix="mpcc-demo-")
    try:
        plan = os.path.join(scratch, "adder.plan")
        demo.compile_adder(os.path.join(tools, "mpcc"), plan)
        o, answers, with_tls, doctor = serve(
            tools, os.path.join(scratch, "tls"), plan, feeds, True)
        print("\nWho has what:")
        for who in ("owner", "p0", "p1", "p2", "client"):
            found = []
            for folder, _, names in sorted(os.walk(o.at(who))):
                found += [os.path.relpath(os.path.join(folder, n), o.at(who))
                          for n in sorted(names)]
            kept = [f for f in found if not f.endswith(".material")]
            print(f"  {who:7} " + "  ".join(kept))
        print("\n$ mpcrun doctor   (as the client)")
        print("\n".join("  " + line for line in doctor.splitlines()))
        print("\nAnswers, computed by three organisations of which none saw "
              "them:")
        for (feed, logits), (a, b) in zip(answers, sums):
            private = demo.answer_of(feed, logits)
            plain = demo.answer_of(feed, evaluate(
                os.path.join(ADDER, "model.onnx"), feed)["logits"])
            print(f"  {a} + {b} = {private}   in the clear: {plain}")
        _, _, without, _ = serve(tools, os.path.join(scratch, "plain"), plan,
                                 feeds, False)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    secure, plain = statistics.median(with_tls), statistics.median(without)
    print(f"\nA request, from the client's command to its answer on disk "
          f"(median of {REPEATS}):\n"
          f"  mutual TLS 1.3   {secure * 1e3:7.1f} ms\n"
          f"  plain TCP        {plain * 1e3:7.1f} ms\n"
          f"  cost of TLS      {(secure - plain) * 1e3:7.1f} ms "
          f"({100 * (secure / plain - 1):+.0f} %)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
