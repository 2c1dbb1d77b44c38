"""What the measuring scripts share: the built tools, tables, plots, pages."""
import argparse
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(
    os.path.abspath(__file__))))
# Real exports, if they lie beside the project.
SHARED = os.path.join(os.path.dirname(ROOT), "shared", "models")
sys.path.insert(0, os.path.join(ROOT, "tests", "e2e"))


# Known when a plan is compiled, as the tests have it.
BOUND = ("attention_mask", "position_ids")


def run(*command):
    """Its stdout; RuntimeError with the command and its stderr."""
    command = [str(c) for c in command]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}\n{done.stderr}")
    return done.stdout


def binds(inputs):
    """Flags that bind what a folder of inputs has of BOUND."""
    return [x for name in BOUND
            if os.path.exists(os.path.join(inputs, name + ".npy"))
            for x in ("--bind", f"{name}={inputs}/{name}.npy")]


def rewrite(page, script, text):
    """Puts text between the marks that name the script."""
    begin = f"<!-- written by scripts/{script} --write -->\n"
    end = "<!-- end -->\n"
    with open(page) as file:
        head, rest = file.read().split(begin)
    with open(page, "w") as file:
        file.write(head + begin + text.lstrip("\n") + "\n" + end
                   + rest.split(end)[1])


def parser(description):
    p = argparse.ArgumentParser(
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--tools", default=os.path.join(ROOT, "build", "tools"),
                   help="folder of mpcc and mpcrun")
    p.add_argument("--out", default=os.path.join(ROOT, "docs"),
                   help="folder of the page; figures go to its figures/")
    return p


class Tools:
    def __init__(self, folder):
        self.folder = folder
        self.scratch = tempfile.TemporaryDirectory(prefix="mpcc-study-")

    def at(self, *parts):
        return os.path.join(self.scratch.name, *parts)

    def run(self, tool, *args):
        """Its stdout; an error ends the script with the tool's own words."""
        try:
            return run(os.path.join(self.folder, tool), *args)
        except RuntimeError as e:
            sys.exit(str(e))

    def cost(self, plan):
        return json.loads(self.run("mpcc", "cost", plan, "--json"))


def table(head, rows):
    """Markdown."""
    lines = ["| " + " | ".join(map(str, r)) + " |" for r in [head, *rows]]
    lines.insert(1, "|" + "---|" * len(head))
    return "\n".join(lines) + "\n"


def figure(path, draw, size=(7, 4)):
    """draw(axes) to an SVG whose bytes depend on the data alone."""
    import matplotlib
    matplotlib.use("Agg")
    matplotlib.rcParams["svg.hashsalt"] = "mpcc"
    import matplotlib.pyplot as plt
    os.makedirs(os.path.dirname(path), exist_ok=True)
    fig, axes = plt.subplots(figsize=size)
    draw(axes)
    fig.tight_layout()
    fig.savefig(path, metadata={"Date": None})
    plt.close(fig)
