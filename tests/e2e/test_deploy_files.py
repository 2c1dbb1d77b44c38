"""Container, compose, Kubernetes and systemd files, as far as they can be
checked without an engine."""
import os
import re
import shlex
import shutil
import subprocess
import unittest

from support import ROOT, ToolTest

try:
    import yaml
except ImportError:
    yaml = None

DEPLOY = os.path.join(ROOT, "docs", "deploy")


def read(name):
    with open(os.path.join(DEPLOY, name)) as file:
        return file.read()


class Files(ToolTest):
    def options_exist(self, args):
        """Every option of a command line is one of mpcrun party's."""
        self.assertEqual(args[0], "party")
        known = set(re.findall(r"--[a-z-]+", self.mpcrun(
            "party", "--help").stdout))
        used = {a for a in args if a.startswith("--")}
        self.assertEqual(used - known, set())
        for needed in ("--id", "--config", "--plan", "--share", "--key",
                       "--cert", "--state"):
            self.assertIn(needed, used)

    @unittest.skipUnless(yaml, "python3-yaml is not installed")
    def test_compose(self):
        party = yaml.safe_load(read("compose.yaml"))["services"]["party"]
        self.options_exist(party["command"])
        self.assertTrue(party["read_only"])
        self.assertEqual(party["cap_drop"], ["ALL"])
        self.assertNotIn("9100", str(party["ports"]))  # health: loopback only

    @unittest.skipUnless(yaml, "python3-yaml is not installed")
    def test_kubernetes(self):
        parts = {d["kind"]: d for d in yaml.safe_load_all(
            read("kubernetes.yaml"))}
        self.assertEqual(set(parts), {"Service", "StatefulSet"})
        spec = parts["StatefulSet"]["spec"]
        self.assertEqual(spec["replicas"], 1)
        pod = spec["template"]["spec"]
        box = pod["containers"][0]
        self.options_exist(box["args"])
        labels = spec["template"]["metadata"]["labels"]
        self.assertEqual(spec["selector"]["matchLabels"], labels)
        self.assertEqual(parts["Service"]["spec"]["selector"], labels)
        mounted = {m["name"] for m in box["volumeMounts"]}
        given = {v["name"] for v in pod["volumes"]} | {
            v["metadata"]["name"] for v in spec["volumeClaimTemplates"]}
        self.assertEqual(mounted, given)
        self.assertTrue(pod["securityContext"]["runAsNonRoot"])
        self.assertGreater(pod["terminationGracePeriodSeconds"], 60)

    def test_systemd(self):
        unit = read("mpcrun@.service")
        command = re.search(r"^ExecStart=(.*)$", unit, re.M)[1]
        words = shlex.split(command)
        self.assertEqual(words[0], "/usr/local/bin/mpcrun")
        self.options_exist(words[1:])
        if not shutil.which("systemd-analyze"):
            return
        path = self.at("mpcrun@.service")
        with open(path, "w") as file:
            file.write(unit.replace("/usr/local/bin/mpcrun", "/bin/true"))
        done = subprocess.run(["systemd-analyze", "verify", path],
                              capture_output=True, text=True)
        self.assertEqual([x for x in done.stderr.splitlines()
                          if "mpcrun@" in x], [])

    def test_dockerfile(self):
        text = read("Dockerfile")
        with open(os.path.join(ROOT, "scripts", "install-deps.sh")) as file:
            known = set(re.findall(r"[a-z0-9+.-]+", file.read()))
        build = text.split("AS build")[1].split("&& cmake")[0]
        packages = set(re.findall(r"\b(lib[a-z0-9+-]+-dev|nlohmann\S+|g\+\+|"
                                  r"cmake|ninja-build|pkg-config)", build))
        self.assertGreater(len(packages), 6)
        self.assertEqual(packages - known, set())
        self.assertRegex(text, r"(?m)^USER mpcrun$")
        self.assertRegex(text, r"(?m)^ENTRYPOINT \[\"/usr/local/bin/mpcrun\"\]$")
