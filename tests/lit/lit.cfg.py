# Text tests: RUN lines over .mir and .test files.
import os
import sys

import lit.formats

config.name = "mpcc"
config.test_format = lit.formats.ShTest(execute_external=False)
config.suffixes = [".mir", ".test"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = config.mpcc_lit_exec_root
config.excludes = ["Inputs"]

# FileCheck, not, split-file, count.
config.environment["PATH"] = os.pathsep.join(
    [config.llvm_tools_dir, config.environment.get("PATH", "")]
)

# A test of a tool that this build does not have is unsupported, not failed.
for tool in ("mpcc", "mpcrun"):
    path = os.path.join(config.mpcc_tools_dir, tool)
    config.substitutions.append(("%" + tool, path))
    if os.path.exists(path):
        config.available_features.add(tool)
config.substitutions.append(("%models", config.mpcc_models_dir))
config.substitutions.append(("%{python}", sys.executable))
