"""Prints, as one JSON document, what the mixin of a repository gives and what its files hold.

usage: mixin_json.py ROOT CHANGED...    CHANGED: expressions for the mixin with another configuration

For each of these it prints what that gives, or the error.
"""

import json
import pathlib
import sys

import _jsonnet
import yaml

root = pathlib.Path(sys.argv[1])
mixin = root / "deploy" / "mixin"
SHOWN = """
local m = %s;
{ dashboards: m.grafanaDashboards, alerts: m.prometheusAlerts, rules: m.prometheusRules }
"""


def shown(expression):
    """What the mixin gives, as a document, or the first line of the error."""
    try:
        return json.loads(_jsonnet.evaluate_snippet("shown", SHOWN % expression, jpathdir=[str(mixin)]))
    except RuntimeError as error:
        return str(error).splitlines()[0]


given = {
    "given": shown("import 'mixin.libsonnet'"),
    "changed": [shown(expression) for expression in sys.argv[2:]],
}
given["files"] = {
    "dashboards": {
        path.name: json.loads(path.read_text()) for path in (root / "dashboards").glob("*.json")
    },
    "alerts": yaml.safe_load((mixin / "alerts.yaml").read_text()),
    "rules": yaml.safe_load((mixin / "rules.yaml").read_text()),
}
json.dump(given, sys.stdout)
