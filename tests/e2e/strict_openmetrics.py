"""Reads files by the strict OpenMetrics parser of `prometheus-client`; prints what it thinks.

usage: strict_openmetrics.py FILE_OR_DIRECTORY...

Ends with 1 where it refuses one, does not read every sample of it, or there is none: who reads
nothing finds no fault either.
"""

import pathlib
import sys

from prometheus_client.openmetrics import parser

files = []
for argument in sys.argv[1:]:
    path = pathlib.Path(argument)
    files += sorted(path.glob("*.openmetrics")) if path.is_dir() else [path]

refused = samples = 0
for path in files:
    # Bytes, so that no line feed or carriage return in a name is changed on the way.
    text = path.read_bytes().decode("utf-8")
    try:
        found = sum(len(family.samples) for family in parser.text_string_to_metric_families(text))
    except ValueError as error:
        refused += 1
        print(f"{path.name}: {error}")
        continue
    lines = sum(1 for line in text.split("\n") if line and not line.startswith("# "))
    if found != lines:
        refused += 1
        print(f"{path.name}: {found} samples read of {lines}")
    samples += found
print(f"{len(files)} files, {samples} samples, {refused} refused")
sys.exit(1 if refused or not files else 0)
