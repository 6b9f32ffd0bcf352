"""The formats by the word of others: the strict parser of `prometheus-client`, a real Prometheus."""

import subprocess
import urllib.request

import check_truth
import services
from check_restart import Replay
from harness import HTTP, ROOT, check, expect, until
from services import Prometheus

STRICT = ROOT / "tests/e2e/strict_openmetrics.py"
PROTOBUF = (
    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)
OPEN_METRICS = "application/openmetrics-text; version=1.0.0; charset=utf-8"
# What scrapers really send, and the content type that it has to bring.
ACCEPTED = {
    "Prometheus 3 for native histograms": (
        "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;"
        "encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;"
        "escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
        "text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,"
        "*/*;q=0.1",
        PROTOBUF,
    ),
    "Prometheus 2.42": (
        "application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
        "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
        OPEN_METRICS,
    ),
    "VictoriaMetrics": (
        "text/plain;version=0.0.4;q=1,*/*;q=0.1",
        "text/plain; version=0.0.4; charset=utf-8",
    ),
}


def _scrape(url, accept):
    """Content type and bytes of one scrape."""
    request = urllib.request.Request(f"{url}/metrics", headers={"Accept": accept})
    with HTTP.open(request, timeout=10) as answer:
        return answer.headers["Content-Type"], answer.read()


@check("formats: each scraper's own header brings the content type that it wants most")
def negotiated(context):
    url = context.shared(Replay).url("cls-topic")
    for scraper, (accept, expected) in ACCEPTED.items():
        found, body = _scrape(url, accept)
        expect(found == expected, f"{scraper} gets {found}")
        expect(len(body) > 1000, f"{scraper} gets {len(body)} bytes")


@check("formats: the strict OpenMetrics parser of prometheus-client accepts goldens and a scrape")
def strict(context):
    scrape = context.path("scrape.openmetrics")
    scrape.write_bytes(_scrape(context.shared(Replay).url("cls-topic"), OPEN_METRICS)[1])
    done = subprocess.run(
        [context.clients / "openmetrics/bin/python", STRICT, ROOT / "tests/data/scrape", scrape],
        env={"PATH": ""}, capture_output=True, text=True, timeout=120,
    )
    expect(done.returncode == 0, (done.stdout + done.stderr)[-1500:])


@check("formats: one Prometheus reads the same series and numbers by each of its protocols")
def protocols(context):
    replay = context.shared(Replay)
    address = replay.url("cls-topic").removeprefix("http://")
    prometheus = Prometheus(context, {
        name: services.classic_by(protocol, address)
        for name, protocol in check_truth.PROTOCOLS.items()
    }, name="prometheus-formats")
    everything = '{__name__=~"scf_.+",__name__!~"scf_exporter_.+",job="%s"}'

    def equal():
        found = {}
        for job in check_truth.PROTOCOLS:
            series = prometheus.api("query", query=everything % job)["result"]
            found[job] = {
                tuple(sorted((k, v) for k, v in one["metric"].items() if k != "job")):
                    one["value"][1]
                for one in series
            }
        text = found["text"]
        expect(len(text) > 500, f"only {len(text)} series")
        for job, series in found.items():
            wrong = [key for key in {*text, *series} if text.get(key) != series.get(key)]
            expect(not wrong, f"{job} differs from text in {len(wrong)} series: {wrong[:3]}")
        return True

    until("all protocols tell the same", equal, 30, every=1)
    prometheus.process.stop()
