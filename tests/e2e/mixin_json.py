"""Prints, as one JSON document, what the mixin of a repository gives and what its files hold.

usage: mixin_json.py ROOT RUNBOOK    RUNBOOK: an address that the mixin is asked to put in
"""

import json
import pathlib
import sys

import _jsonnet
import yaml

root, runbook = pathlib.Path(sys.argv[1]), sys.argv[2]
mixin = root / "deploy" / "mixin"
SHOWN = """
local shown(m) = {
  dashboards: m.grafanaDashboards, alerts: m.prometheusAlerts, rules: m.prometheusRules,
};
local mixin = import 'mixin.libsonnet';
{ given: shown(mixin), moved: shown(mixin { _config+:: { runbook: std.extVar('runbook') } }) }
"""
given = json.loads(_jsonnet.evaluate_snippet(
    "shown", SHOWN, jpathdir=[str(mixin)], ext_vars={"runbook": runbook}
))
given["files"] = {
    "dashboards": {
        path.name: json.loads(path.read_text()) for path in (root / "dashboards").glob("*.json")
    },
    "alerts": yaml.safe_load((mixin / "alerts.yaml").read_text()),
    "rules": yaml.safe_load((mixin / "rules.yaml").read_text()),
}
json.dump(given, sys.stdout)
