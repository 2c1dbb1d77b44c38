"""Rules that hold for the whole repository and for the two executables."""
import fnmatch
import os
import re
import shutil
import subprocess
import unittest

import support
from support import ROOT

SOURCES = (".h", ".cpp", ".def")
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]')
# Mains of one tool; the others in tools/ are the other's.
MPCRUN_FILES = ("mpcrun", "Run")


def files():
    """Every file of the repository, by its path from the root."""
    if shutil.which("git"):
        listed = subprocess.run(
            ["git", "-C", ROOT, "ls-files", "-z", "--cached", "--others",
             "--exclude-standard"], capture_output=True, text=True)
        if listed.returncode == 0:
            names = {n for n in listed.stdout.split("\0") if n}
            return sorted(n for n in names
                          if os.path.isfile(os.path.join(ROOT, n)))
    found = []  # no git, or an unpacked archive
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [f for f in folders
                      if not f.startswith((".", "build", "__pycache__"))]
        found += [os.path.relpath(os.path.join(folder, n), ROOT)
                  for n in names]
    return sorted(found)


def lines(path):
    with open(os.path.join(ROOT, path), encoding="utf-8",
              errors="replace") as file:
        yield from enumerate(file, 1)


def read_rules():
    """({folder: allowed folders}, {header pattern: folders})"""
    folders, headers = {}, {}
    for _, line in lines("tests/e2e/include-rules.txt"):
        line = line.split("#")[0].strip()
        if line:
            name, _, allowed = line.partition(":")
            table = headers if name.startswith("<") else folders
            table[name.strip("<>")] = set(allowed.split())
    return folders, headers


def unit_of(path, folders):
    """The row of the table that a file belongs to, or None."""
    if path.startswith("tools/"):
        name = os.path.basename(path)
        if name == "Main.h":
            return "tools/Main.h"
        return ("tools/mpcrun" if name.startswith(MPCRUN_FILES)
                else "tools/mpcc")
    while path:
        path = os.path.dirname(path)
        if path in folders:
            return path
    return None


class Rules(unittest.TestCase):
    """Each failure lists every place."""

    def none_of(self, complaints):
        if complaints:
            self.fail("\n".join(complaints))

    def test_includes(self):
        folders, headers = read_rules()
        complaints, seen = [], 0
        for path in files():
            if not path.endswith(SOURCES) or path.startswith("tests/"):
                continue
            unit = unit_of(path, folders)
            if unit is None:
                complaints.append(f"{path}: its folder is not in the table")
                continue
            for number, line in lines(path):
                match = INCLUDE.match(line)
                if not match:
                    continue
                seen += 1
                header = match[2]
                for pattern, allowed in headers.items():
                    if (fnmatch.fnmatch(header, pattern)
                            and unit not in allowed):
                        complaints.append(
                            f"{path}:{number}: {unit} may not include "
                            f"'{header}'")
                beside = os.path.join(os.path.dirname(path), header)
                name = (beside if os.path.exists(os.path.join(ROOT, beside))
                        else header)
                if not os.path.exists(os.path.join(ROOT, name)):
                    continue  # not ours
                to = unit_of(name, folders)
                if to != unit and to not in folders[unit]:
                    complaints.append(
                        f"{path}:{number}: {unit} may not include '{header}'")
        self.none_of(complaints)
        self.assertGreater(seen, 100)
        self.note = f"{seen} includes"

    def symbols(self, tool, *options):
        done = subprocess.run(
            ["nm", *options, os.path.join(support.TOOLS, tool)],
            capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout

    def test_mpcc_has_no_sockets(self):
        names = set(re.findall(r" [UwW] (\w+)",
                               self.symbols("mpcc", "-D")))
        self.assertGreater(len(names), 50)
        network = {"socket", "connect", "bind", "listen", "accept",
                   "accept4", "send", "sendto", "sendmsg", "recv",
                   "recvfrom", "recvmsg", "getaddrinfo", "socketpair"}
        self.assertEqual(names & network, set())

    def test_mpcrun_has_no_compiler(self):
        libraries = subprocess.run(
            ["ldd", os.path.join(support.TOOLS, "mpcrun")],
            capture_output=True, text=True).stdout.lower()
        self.assertIn("libc.so", libraries)
        # Static parts too: mangled names hold the namespace.
        names = self.symbols("mpcrun").lower()
        self.assertIn("3mpc", names)
        for what in ("llvm", "protobuf", "onnx"):
            self.assertNotIn(what, libraries)
        for what in ("4llvm", "6google8protobuf", "4onnx"):
            self.assertNotIn(what, names)

    def test_the_runtime_does_not_print(self):
        """Libraries return what they have to say; secrets have no text."""
        prints = re.compile(
            r"\b(printf|fprintf|vprintf|puts|fputs|putchar|perror)\s*\(|"
            r"\bfmt::print|std::(cout|cerr|clog)\b")
        texts = re.compile(r"formatter\s*<|operator\s*<<\s*\([^)]*ostream")
        # Words before an abort, where no error can be returned: no memory, a
        # libcrypto that does not work, a mask that would be used twice.
        excused = {"runtime/core/Secret.h": "out of memory",
                   "runtime/core/Hash.cpp": "libcrypto cannot",
                   "runtime/crypto/Prg.cpp": "PRG address out of range"}
        complaints = []
        for path in files():
            if not (path.startswith("runtime/") and path.endswith(SOURCES)):
                continue
            for number, line in lines(path):
                code = line.split("//")[0]
                if prints.search(code) and not (
                        path in excused and excused[path] in code):
                    complaints.append(f"{path}:{number}: prints")
                if texts.search(code):
                    complaints.append(f"{path}:{number}: gives a text form")
        self.none_of(complaints)

    def test_every_folder_has_a_readme(self):
        paths = files()
        wanted = {os.path.dirname(p) for p in paths
                  if p.endswith("CMakeLists.txt")} - {""}
        wanted |= {p.split("/")[0] for p in paths if "/" in p
                   and not p.startswith((".", "cmake/", "docs/"))}
        # tests/README.md tells of the suites.
        wanted = {f for f in wanted if not f.startswith("tests/")}
        self.none_of([f"{f}: no README.md" for f in sorted(wanted)
                      if f"{f}/README.md" not in paths])

    def test_no_machine_paths(self):
        """Nothing names a place that exists on one machine only."""
        places = [re.escape("/" + name + "/")
                  for name in ("root", "work", "Users", "tmp/build")]
        places += [re.escape(ROOT + "/"), r"/home/\w"]
        pattern = re.compile(r"(?<![\w.}])(" + "|".join(places) + ")")
        complaints = []
        for path in files():
            if path.endswith((".npy", ".onnx")):
                continue
            for number, line in lines(path):
                match = pattern.search(line)
                if match:
                    complaints.append(f"{path}:{number}: '{match[0]}'")
        self.none_of(complaints)

    def test_scripts_call_debians_python(self):
        """Another python3 may come first on PATH, without numpy."""
        complaints = []
        for path in files():
            first = next((line for _, line in lines(path)), "")
            if first.startswith("#!") and "python" in first:
                if first.strip() != "#!/usr/bin/python3":
                    complaints.append(f"{path}:1: {first.strip()}")
        self.none_of(complaints)
