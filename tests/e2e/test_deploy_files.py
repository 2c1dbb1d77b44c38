"""Container, compose, Kubernetes and systemd files, as far as they can be
checked without an engine."""
import json
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

try:
    from kubernetes import client
except ImportError:
    client = None

DEPLOY = os.path.join(ROOT, "docs", "deploy")


def read(name):
    with open(os.path.join(DEPLOY, name)) as file:
        return file.read()


def misfits(value, kind, at):
    """What in a manifest is not as the API has its kind: unknown fields, other
    types. Kinds are named as python3-kubernetes does: list[V1Container]."""
    if kind.startswith("list["):
        if not isinstance(value, list):
            return [f"{at} is no list"]
        return [m for i, v in enumerate(value)
                for m in misfits(v, kind[5:-1], f"{at}[{i}]")]
    plain = {"str": str, "int": int, "bool": bool, "object": object,
             "float": (int, float), "datetime": object}
    if kind in plain:
        good = isinstance(value, plain[kind]) and (
            kind != "int" or not isinstance(value, bool))
        return [] if good else [f"{at} is no {kind}: {value!r}"]
    if not isinstance(value, dict):
        return [f"{at} is no {kind}"]
    if kind.startswith("dict("):
        inner = kind[5:-1].split(", ", 1)[1]
        return [m for k, v in value.items()
                for m in misfits(v, inner, f"{at}.{k}")]
    model = getattr(client, kind)
    fields = {name: model.openapi_types[field]
              for field, name in model.attribute_map.items()}
    unknown = [f"{at}.{k} is no field of {kind}"
               for k in value if k not in fields]
    return unknown + [m for k, v in value.items() if k in fields
                      for m in misfits(v, fields[k], f"{at}.{k}")]


def manifest_errors(document):
    """Of a Kubernetes manifest; empty: it is one."""
    kind = document["kind"]
    found = misfits(document, "V1" + kind, kind)
    if found:
        return found
    response = type("Response", (), {"data": json.dumps(document)})
    try:  # fields that must be there
        client.ApiClient().deserialize(response, "V1" + kind)
    except ValueError as e:
        return [str(e)]
    return []


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

    @unittest.skipUnless(shutil.which("docker-compose"),
                         "docker-compose is not installed")
    def test_compose_schema(self):
        def complaint(text):
            path = self.at("compose.yaml")
            with open(path, "w") as file:
                file.write(text)
            done = subprocess.run(
                ["docker-compose", "-f", path, "config", "--quiet"],
                capture_output=True, text=True,
                env={**os.environ, "PARTY": "1"})
            return done.stderr if done.returncode else ""

        text = read("compose.yaml")
        self.assertEqual(complaint(text), "")
        self.assertIn("readonly",
                      complaint(text.replace("read_only:", "readonly:")))

    @unittest.skipUnless(yaml and client,
                         "python3-yaml or python3-kubernetes is not installed")
    def test_kubernetes_schema(self):
        text = read("kubernetes.yaml")
        for document in yaml.safe_load_all(text):
            self.assertEqual(
                document["apiVersion"],
                {"Service": "v1", "StatefulSet": "apps/v1"}[document["kind"]])
            self.assertEqual(manifest_errors(document), [])
        # What a slip of the pen looks like.
        for right, wrong in (("readOnly: true", "readonly: true"),
                             ("replicas: 1", "replicas: one"),
                             ("[ReadWriteOncePod]", "ReadWriteOncePod"),
                             ("  serviceName: mpcrun\n", "")):
            broken = text.replace(right, wrong)
            self.assertNotEqual(broken, text)
            self.assertNotEqual(
                [e for d in yaml.safe_load_all(broken)
                 for e in manifest_errors(d)], [], wrong)

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
