"""What Prometheus' own tools say about the exposition."""

import subprocess

from harness import check, expect, http, until
from check_restart import Replay


@check("metrics: promtool check metrics finds nothing to say")
def promtool(context):
    replay = context.shared(Replay)
    # The one with the most metrics.
    status, text = http(f"{replay.url('cls-topic')}/metrics")
    expect(status == 200, f"/metrics answered {status}")
    done = subprocess.run(
        [context.prometheus / "promtool", "check", "metrics"],
        input=text, capture_output=True, text=True, timeout=60,
    )
    said = done.stdout + done.stderr
    expect(done.returncode == 0 and not said, f"exit code {done.returncode}: {said}")


@check("metrics: a scrape is accepted whole, without a duplicate or a clash")
def accepted(context):
    prometheus = context.shared(Replay).prometheus
    until("every target is up", lambda: prometheus.number("min(up)") == 1, 10)
    for target in prometheus.api("targets")["activeTargets"]:
        expect(not target["lastError"], f"{target['scrapePool']}: {target['lastError']}")
    renamed = prometheus.query('count by (job) ({__name__=~"scf_.+",exported_region=~".+"})')
    expect(not renamed, f"a label was renamed on the way in: {renamed}")
