"""What the study scripts share: the built tools, tables, plots."""
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
        command = [os.path.join(self.folder, tool), *map(str, args)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\n{done.stderr}")
        return done.stdout

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
