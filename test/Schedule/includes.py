"""Fails where files below a folder include each other in a circle. A header and its source are one file here.

    includes.py ROOT FOLDER
"""
import graphlib
import pathlib
import re
import sys

root, folder = map(pathlib.Path, sys.argv[1:])
uses = {}
for path in sorted((root / folder).rglob("*")):
    if path.suffix in (".h", ".cpp"):
        name = str(path.relative_to(root).with_suffix(""))
        included = re.findall(r'^#include "(.*)\.h"$', path.read_text(), re.M)
        uses.setdefault(name, set()).update(set(included) - {name})
try:
    order = list(graphlib.TopologicalSorter(uses).static_order())
except graphlib.CycleError as error:
    sys.exit("included in a circle: " + ", ".join(error.args[1]))
print(len(uses), "files, none of which includes another one in a circle")
