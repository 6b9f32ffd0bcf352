"""The simulator, Prometheus and the exporter's own pages, as the checks see them."""

import json
import math
import re
import subprocess
import time
import urllib.parse

from harness import Failed, Skipped, expect, free_port, get_json, http, until

# Paces at which some twenty functions are each read about once a second.
READS = (
    "--poll.interval", "1s", "--poll.idle-interval", "2s", "--poll.sweep-interval", "2s",
    "--limits.requests-per-second", "200",
)
# The same, and every count is shown at once.
PACE = (*READS, "--web.zero-first", "0s")


class Simulator:
    """`scf-exporter sim` in a process of its own."""

    def __init__(self, context, *arguments, name="sim", listen="127.0.0.1:0"):
        self.process = context.exporter(name, "sim", "--listen", listen, *arguments)
        hello = until("the simulator's first line", self._hello, 20)
        self.url = f"http://{hello['listening']}"
        self.secret_id = hello["secret_id"]
        self.secret_key = hello["secret_key"]

    def _hello(self):
        expect(self.process.running(), f"the simulator ended: {self.process.output()}")
        first = self.process.out.read_text().partition("\n")
        return json.loads(first[0]) if first[1] else None

    def keys(self):
        """The environment by which the exporter finds the simulator's keys."""
        return {
            "TENCENTCLOUD_SECRET_ID": self.secret_id,
            "TENCENTCLOUD_SECRET_KEY": self.secret_key,
        }

    def truth(self, **query):
        return truth(self.url, **query)


def truth(url, **query):
    """The simulator's own count: {function: its entry in the truth}."""
    document = get_json(f"{url}/_sim/truth?{urllib.parse.urlencode(query)}")
    return {entry["function_name"]: entry for entry in document["functions"]}


def by_code(entries, api="v2"):
    """{(function, code): invocations} as `api` tells codes, without the zeros."""
    codes = "statuses" if api == "cls" else "invocations"
    return {
        (name, code): count
        for name, entry in entries.items()
        for code, count in entry[codes].items()
        if count
    }


def scraped(url, metric):
    """[(labels, value)] of one metric on the page of the exporter at `url`."""
    status, text = http(f"{url}/metrics")
    expect(status == 200, f"{url}/metrics answered {status}")
    samples = []
    for line in text.splitlines():
        name, _, rest = line.partition("{")
        if name == metric:
            labels, _, value = rest.rpartition("} ")
            samples.append((dict(re.findall(r'(\w+)="([^"]*)"', labels)), float(value)))
    return samples


def counted(url, label=None):
    """{(function, code): invocations} on the page itself, without zeros; `label` goes in front."""
    found = {}
    for labels, value in scraped(url, "scf_invocations_total"):
        key = (labels["function_name"], labels["ret_code"])
        key = (labels[label], *key) if label else key
        found[key] = found.get(key, 0) + int(value)
    return {key: count for key, count in found.items() if count}


def scrape_config(path, jobs, settings=None, **common):
    """Writes the scrapes of `jobs`, every second, with the settings that all have in `common`.

    `settings` are those of the whole file, such as rules, which VictoriaMetrics does not take.
    """
    rules = {"evaluation_interval": "1s"} if settings else {}
    path.write_text(json.dumps({  # JSON is YAML
        "global": {"scrape_interval": "1s", **rules},
        **(settings or {}),
        "scrape_configs": [
            {
                "job_name": job,
                "honor_labels": True,
                **common,
                **(
                    target if isinstance(target, dict)
                    else {"static_configs": [{"targets": [target]}]}
                ),
            }
            for job, target in jobs.items()
        ],
    }))
    return path


class Store:
    """What is asked by the HTTP API of Prometheus, at `self.url`."""

    def api(self, path, **query):
        """The `data` of one API answer."""
        text = urllib.parse.urlencode(query, doseq=True)
        status, body = http(f"{self.url}/api/v1/{path}?{text}", timeout=30)
        answer = json.loads(body)
        expect(status == 200 and answer["status"] == "success", f"{query}: {body[:500]}")
        return answer["data"]

    def query(self, expression, labels=()):
        """An instant query: {the values of `labels`: value}, without staleness."""
        return {
            tuple(sample["metric"].get(label, "") for label in labels): float(sample["value"][1])
            for sample in self.api("query", query=expression)["result"]
        }

    def number(self, expression):
        """The one value of an instant query; fails while there is none."""
        values = list(self.query(expression).values())
        expect(len(values) == 1, f"{expression} has {len(values)} values, not one")
        return values[0]

    def answers(self, expression, seconds):
        """Whether a range query over the last `seconds` has a value that is a number."""
        now = time.time()
        data = self.api("query_range", query=expression, start=now - seconds, end=now, step=2)
        return any(
            not math.isnan(float(value))
            for series in data["result"]
            for _, value in series.get("values", [])
        ) or any(series.get("histograms") for series in data["result"])


class Prometheus(Store):
    """A real Prometheus that scrapes every second; a job is an address, or settings of its own.

    With `native` it stores native histograms, of those jobs that it scrapes by protobuf, and
    exemplars; with `exemplars` those alone. `settings` are further ones of its file, such as rules.
    """

    def __init__(self, context, jobs, name="prometheus", native=False, exemplars=False,
                 settings=None):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        features, common = ["exemplar-storage"] if native or exemplars else [], {}
        if native:
            # A setting of each job since 3.8, and unknown before that; a feature flag before it.
            if version(context.prometheus) >= (3, 8):
                common = {"scrape_native_histograms": True}
            else:
                features.append("native-histograms")
        config = scrape_config(context.path(f"{name}.yml"), jobs, settings, **common)
        self.process = context.start(name, [
            context.prometheus / "prometheus",
            f"--config.file={config}",
            f"--storage.tsdb.path={context.path(name)}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--log.level=warn",
            *([f"--enable-feature={','.join(features)}"] if features else []),
        ])
        until("Prometheus is ready", lambda: http(f"{self.url}/-/ready")[0] == 200, 30)

    def invocations(self, job):
        """{(function, return code): invocations} as Prometheus has them now, without zeros."""
        counted = self.query(
            f'sum by (function_name, ret_code) (scf_invocations_total{{job="{job}"}})',
            ("function_name", "ret_code"),
        )
        return {key: int(value) for key, value in counted.items() if value}


def classic_by(protocol, address):
    """The settings of a job that stores the classic histograms of `address`, by one protocol.

    Prometheus before 3.8, where native histograms are off, drops a histogram with native buckets
    that comes by protobuf, the classic buckets too, unless it is told to take those always.
    """
    return {
        "static_configs": [{"targets": [address]}],
        "scrape_protocols": [protocol],
        "always_scrape_classic_histograms": True,
    }


def version(directory):
    """(major, minor) of the Prometheus in `directory`."""
    done = subprocess.run([directory / "prometheus", "--version"], capture_output=True, text=True)
    said = re.search(r"version (\d+)\.(\d+)", done.stdout + done.stderr)
    return int(said[1]), int(said[2])


class Victoria(Store):
    """A real VictoriaMetrics that scrapes every second."""

    def __init__(self, context, jobs, name="victoria"):
        if not context.victoria:
            raise Skipped("VictoriaMetrics cannot be had here, see above")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        self.process = context.start(name, [
            context.victoria,
            f"-promscrape.config={scrape_config(context.path(f'{name}.yml'), jobs)}",
            f"-storageDataPath={context.path(name)}",
            f"-httpListenAddr=127.0.0.1:{port}",
            # What was scraped is to be seen at once.
            "-search.latencyOffset=0s", "-search.disableCache",
            "-loggerLevel=WARN",
        ])
        until("VictoriaMetrics is ready", lambda: http(f"{self.url}/health")[0] == 200, 30)


def difference(expected, seen, most=8):
    """The first entries in which two dictionaries differ, as text; empty where they are equal."""
    keys = [key for key in sorted({*expected, *seen}) if expected.get(key) != seen.get(key)]
    lines = [f"{key}: expected {expected.get(key, 0)}, seen {seen.get(key, 0)}" for key in keys]
    more = f" and {len(lines) - most} more" if len(lines) > most else ""
    return "; ".join(lines[:most]) + more


def account_sources(sims):
    """The sources of `sims` ({account: simulator}), and the variables that their keys are in."""
    variables = {f"KEY_OF_{account.upper()}": sim.secret_key for account, sim in sims.items()}
    sources = [
        {
            "account": account, "api": "cls", "region": "ap-guangzhou", "endpoint": sim.url,
            "credentials": {"secret_id": sim.secret_id, "secret_key": f"${{{variable}}}"},
        }
        for (account, sim), variable in zip(sims.items(), variables)
    ]
    return sources, variables


def ready(process, url, seconds=30):
    """Waits until the exporter at `url` says that it is ready."""

    def probe():
        if not process.running():
            raise Failed(f"{process.name} ended with {process.child.returncode}")
        return http(f"{url}/-/ready")[0] == 200

    until(f"{process.name} is ready", probe, seconds)
