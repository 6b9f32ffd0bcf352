#!/usr/bin/env python3
"""Runs the end-to-end checks: the real program, a real Prometheus and the vendor's own clients.

usage: run.py [TEXT...]     only the checks whose names hold one of the texts

SCF_E2E_BINARY names another program than target/release/scf-exporter, such as a debug build.

`make e2e` builds the program first. Without Prometheus or the Python clients nothing runs; where
Node is absent its check fails. What needs VictoriaMetrics, Alertmanager, Helm or the tools of the
packages is skipped, with a word about it, where that cannot be had: nothing is skipped in silence.
The last line is `N passed, N failed`, with `, N skipped` behind it where some were.
"""

import os
import pathlib
import subprocess
import sys
import time
import traceback

sys.path.insert(0, str(pathlib.Path(__file__).parent))
sys.dont_write_bytecode = True

from harness import CHECKS, EARLY, ROOT, Context, Failed, Skipped  # noqa: E402

import check_restart  # noqa: E402,F401 (entering their checks is what they are imported for)
import check_metrics  # noqa: E402,F401
import check_reload  # noqa: E402,F401
import check_formats  # noqa: E402,F401
import check_rules  # noqa: E402,F401
import check_dashboards  # noqa: E402,F401
import check_schema  # noqa: E402,F401
import check_compose  # noqa: E402,F401
import check_chart  # noqa: E402,F401
import check_packages  # noqa: E402,F401
import check_deb  # noqa: E402,F401
import check_image  # noqa: E402,F401
import check_native  # noqa: E402,F401
import check_demo  # noqa: E402,F401
import check_docs  # noqa: E402,F401
import check_sdk  # noqa: E402,F401
import check_api3  # noqa: E402,F401
import check_accounts  # noqa: E402,F401
import check_faults  # noqa: E402,F401
import check_credentials  # noqa: E402,F401
import check_truth  # noqa: E402,F401
import check_web_config  # noqa: E402,F401
import check_status  # noqa: E402,F401

LOG_LINES = 25
# Scripts that fetch: what nothing runs without, what some checks are skipped without, what one
# check asks for by itself.
NEEDED = ("get-prometheus.sh", "get-sdks.sh")
OPTIONAL = ("get-victoria-metrics.sh", "get-alertmanager.sh")
OF_CHECKS = ("get-chromium.sh", "get-helm.sh", "get-helm-docs.sh", "get-actionlint.sh",
             "get-kube-schemas.sh", "get-node-exporter.sh", "get-shells.sh")


def tools(fetch_all):
    """What each script prints that fetches something, at the same time, as all of them wait for
    others; `None` where it cannot be had. Ends the run if it is needed.

    With `fetch_all` those of single checks as well, which ask for them again and then need not wait.
    """
    scripts = NEEDED + OPTIONAL + (OF_CHECKS if fetch_all else ())
    started = {
        script: subprocess.Popen([ROOT / "scripts" / script], stdout=subprocess.PIPE, text=True)
        for script in scripts
    }
    found = {}
    for script, process in started.items():
        said, _ = process.communicate()
        found[script] = said.strip() if process.returncode == 0 else None
    lacking = [script for script in NEEDED if not found[script]]
    if lacking:
        sys.exit(f"{' and '.join(lacking)} failed, see above; the end-to-end checks need it")
    return [found[script] for script in NEEDED + OPTIONAL]


def logs(context, since):
    """Prints the last lines of every process that the failed check started."""
    for process in context.processes[since:]:
        lines = process.output().splitlines()[-LOG_LINES:]
        print(f"    --- {process.name} ({' '.join(process.argv[1:4])} ...)")
        for line in lines:
            print(f"    | {line[:300]}")


def run(name, function, context):
    """Runs one check and prints how it went; whether it held, None where it was skipped."""
    began, since = time.monotonic(), len(context.processes)
    try:
        function(context)
    except Skipped as missing:
        print(f"skip  {name}: {missing}", flush=True)
        return None
    except Failed as failure:
        reason = str(failure)
    except Exception:
        reason = traceback.format_exc()
    else:
        print(f"ok    {name} ({time.monotonic() - began:.1f} s)", flush=True)
        return True
    print(f"FAIL  {name} ({time.monotonic() - began:.1f} s)\n    {reason}")
    logs(context, since)
    sys.stdout.flush()
    return False


def start_early(context, names):
    """Starts what has to run for a while; what fails here is told by the check that it is for."""
    for name in names:
        try:
            if name in EARLY:
                context.shared(EARLY[name])
        except Exception:
            pass


def main():
    wanted = [
        (name, function)
        for name, function in CHECKS
        if len(sys.argv) == 1 or any(text in name for text in sys.argv[1:])
    ]
    if not wanted:
        sys.exit("no check has such a name")
    built = ROOT / "target" / "release" / "scf-exporter"
    binary = pathlib.Path(os.environ.get("SCF_E2E_BINARY", built))
    if not binary.exists():
        sys.exit(f"{binary} is missing: run `make e2e`, which builds it")
    context = Context(binary, *tools(fetch_all=len(sys.argv) == 1))
    try:
        start_early(context, [name for name, _ in wanted])
        results = [run(name, function, context) for name, function in wanted]
    finally:
        context.close()
    failed, skipped = results.count(False), results.count(None)
    more = f", {skipped} skipped" if skipped else ""
    print(f"\n{results.count(True)} passed, {failed} failed{more}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
