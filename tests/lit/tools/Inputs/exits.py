"""Runs a command, passes its output on, and demands its exit code.

usage: exits.py CODE COMMAND...
"""
import subprocess
import sys

code = subprocess.run(sys.argv[2:]).returncode
if code != int(sys.argv[1]):
    sys.exit(f"exit code {code}, expected {sys.argv[1]}")
