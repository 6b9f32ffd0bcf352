"""Prints what Grafana's own model of a dashboard loses of the JSON files given, a line each."""

import json
import sys

from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.cog.plugins import register_default_plugins
from grafana_foundation_sdk.models.dashboard import Dashboard


def lost(told, kept, place):
    """The places of `told` that `kept` does not have, or has otherwise."""
    if isinstance(told, dict) and isinstance(kept, dict):
        for key, value in told.items():
            if key in kept:
                yield from lost(value, kept[key], f"{place}/{key}")
            else:
                yield f"{place}/{key}"
    elif isinstance(told, list) and isinstance(kept, list) and len(told) == len(kept):
        for number, pair in enumerate(zip(told, kept)):
            yield from lost(*pair, f"{place}/{number}")
    elif told != kept:
        yield place


register_default_plugins()
for path in sys.argv[1:]:
    with open(path, encoding="utf-8") as file:
        document = json.load(file)
    encoded = JSONEncoder(sort_keys=True).encode(Dashboard.from_json(document))
    for place in lost(document, json.loads(encoded), path):
        print(place)
