"""The dashboards are what Grafana takes them for: by its model in Python, which knows every key,
and by its types for TypeScript, which know every value. Each finds faults that are planted.
"""

import copy
import json
import re
import subprocess

from harness import ROOT, Skipped, check, expect

BOARDS = sorted((ROOT / "dashboards").glob("*.json"))
# What Grafana's variables and its part for Prometheus read, and neither of the two knows.
UNKNOWN = {"definition", "expr", "step", "titleFormat", "textFormat"}
# The module that has the types of a panel, by the panel's type.
MODULES = {
    "bargauge": "BarGauge", "heatmap": "Heatmap", "stat": "Stat", "table": "Table",
    "timeseries": "TimeSeries",
}
# An enumeration is the texts that it stands for; what a file leaves out, Grafana fills in.
HEAD = """import type { Dashboard, Panel } from "@grafana/schema";
type Told<T> = T extends string ? `${T}` : T extends (infer U)[] ? Told<U>[]
  : T extends object ? { [K in keyof T]?: Told<T[K]> } : T;
"""


def _read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@check("schema: Grafana's own model of a dashboard keeps every key of each")
def keys(context):
    planted = _read(BOARDS[0])
    panel = next(panel for panel in planted["panels"] if panel["type"] == "heatmap"
                 or panel["type"] == "stat")
    panel["colour"] = "red"
    panel["options"]["planted"] = True
    file = context.path("planted.json")
    file.write_text(json.dumps(planted))
    lost = _lost(context, file)
    expect({"colour", "planted"} == {place.rpartition("/")[2] for place in lost},
           f"of the planted keys only these are missed: {lost}")
    lost = _lost(context, *BOARDS)
    expect(not lost, f"Grafana's model does not have: {lost[:20]}")


def _lost(context, *paths):
    done = subprocess.run(
        [context.clients / "dashboards" / "bin" / "python",
         ROOT / "tests" / "e2e" / "sdk_dashboard.py", *paths],
        capture_output=True, text=True,
    )
    expect(done.returncode == 0, f"the model refuses a dashboard: {done.stderr[-1500:]}")
    return [line for line in done.stdout.splitlines()
            if line.rpartition("/")[2] not in UNKNOWN]


@check("schema: Grafana's types for TypeScript take every value of each")
def values(context):
    compiler = context.clients / "schema" / "node_modules" / "typescript" / "bin" / "tsc"
    if not compiler.exists():
        raise Skipped("Grafana's types need node and npm, see above")
    places = _write(context.path("boards.mts"), [_read(path) for path in BOARDS])
    planted = _read(BOARDS[0])
    graph = next(panel for panel in planted["panels"] if panel["type"] == "timeseries")
    planted["panels"] = [graph]
    for place, value in (
        (graph["fieldConfig"]["defaults"]["custom"], {"drawStyle": "lines"}),
        (graph["options"]["tooltip"], {"mode": "several"}),
        (graph["gridPos"], {"w": "8"}),
        (planted, {"editable": "no"}),
    ):
        before = copy.deepcopy(place)
        place.update(value)
        name = f"planted-{next(iter(value))}.mts"
        _write(context.path(name), [planted])
        place.clear()
        place.update(before)
    # Types are looked for beside the files.
    context.path("node_modules").symlink_to(context.clients / "schema" / "node_modules")
    files = ["boards.mts", *sorted(file.name for file in context.directory.glob("planted-*.mts"))]
    done = subprocess.run(
        ["node", compiler, "--noEmit", "--strict", "--skipLibCheck", "--target", "es2022",
         "--module", "nodenext", "--moduleResolution", "nodenext", "--pretty", "false", *files],
        cwd=context.directory, capture_output=True, text=True,
    )
    faults = re.findall(r"^([\w.-]+)\((\d+),\d+\): (.+)", done.stdout, re.MULTILINE)
    told = [f"{places.get(int(line), line)}: {text[:300]}"
            for file, line, text in faults if file == "boards.mts"]
    expect(not told, "; ".join(told[:8]))
    found = {file for file, _, _ in faults}
    expect(found == set(files[1:]), f"planted {files[1:]}, found {found}: {done.stdout[-1500:]}")


def _write(path, boards):
    """Writes every part of `boards` as a value of its type; {line: what stands on it}."""
    lines = HEAD.splitlines() + [
        f"import type * as {kind} from"
        f' "@grafana/schema/dist/esm/raw/composable/{kind}/panelcfg/x/{name}PanelCfg_types.gen";'
        for kind, name in MODULES.items()
    ]
    places = {}

    def claim(what, value, kind):
        lines.append(f"({json.dumps(value)}) satisfies Told<{kind}>;")
        places[len(lines)] = what

    for board in copy.deepcopy(boards):
        uid = board["uid"]
        for panel in board.pop("panels"):
            kind, what = panel["type"], f"{uid}, {panel['title']}"
            if kind != "row":
                custom = panel["fieldConfig"]["defaults"].pop("custom", None)
                claim(what, panel.pop("options"), f"{kind}.Options")
                if custom:
                    claim(what, custom, f"{kind}.FieldConfig")
                claim(what, panel, "Panel")
        for entry in (*board["annotations"]["list"], *board["templating"]["list"]):
            for key in UNKNOWN & set(entry):
                del entry[key]
        claim(uid, board, "Dashboard")
    path.write_text("\n".join(lines), encoding="ascii")
    return places
