"""The status page in a real browser, and as JSON beside the metrics."""

import json
import math
import re
import time

import services
from browser import Browser
from harness import check, expect, fetched, free_port, get_json, http, until
from services import PACE, Simulator

REGION = "ap-guangzhou"
HOSTILE = "<script>document.title='run'</script><b onmouseover='x()'>&\"bold\""
FUNCTIONS = 300
# The rows that a browser lays out at first.
STEP = 250


def calls_of(number):
    """Calls of the function of this number."""
    return number % 40 + 1


def browser(context):
    """The path of a Chromium."""
    return fetched("get-chromium.sh", "Chromium")


class House:
    """An exporter of two sources: one that is read function by function, one that is refused."""

    def __init__(self, context):
        replay = context.path("status.jsonl")
        names = [f"fn-{number:03}" for number in range(FUNCTIONS)]
        with open(replay, "w", encoding="ascii") as lines:
            for number, name in enumerate(names):
                for call in range(calls_of(number)):
                    lines.write(json.dumps(_call(name, number, call)) + "\n")
        self.rows = sum(calls_of(number) for number in range(FUNCTIONS))
        self.sim = Simulator(context, "--replay", replay, name="sim-status")
        self.denied = Simulator(
            context, "--functions", 1, "--rate", 1, "--deny", "GetFunctionLogs",
            name="sim-status-denied")
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        config = context.path("status.yaml")
        config.write_text(json.dumps({  # JSON is YAML
            "sources": [
                self._source(context, "good", self.sim, api="v2", read="function"),
                self._source(context, "refused", self.denied, api="v3", read="function"),
            ],
        }))
        self.exporter = context.exporter(
            "status", "run", "--config.file", config, "--state.path", context.path("status-state"),
            "--web.listen-address", f"127.0.0.1:{port}", *PACE,
        )
        until("all rows are counted", self._is_read, 60)

    def _source(self, context, name, sim, **more):
        key = context.path(f"status-{name}.key")
        key.write_text(sim.secret_key)
        return {
            "name": name, "account": name, "region": REGION, "endpoint": sim.url,
            "credentials": {"secret_id": sim.secret_id, "secret_key_file": str(key)}, **more,
        }

    def status(self):
        return get_json(f"{self.url}/api/v1/status")

    def _is_read(self):
        status = self.status()
        failing = [one for one in status["targets"] if one["health"] == "failing"]
        counted = status["records"]["counted"]
        expect(counted == self.rows, f"{counted} of {self.rows} rows are counted")
        return len(status["targets"]) == FUNCTIONS + 1 and len(failing) == 1


def _call(name, number, call):
    return {
        "function_name": name, "namespace": "default",
        "request_id": f"{number:08x}-{call:04x}-4000-8000-000000000000", "retry": 0,
        "start_offset_ms": -60_000 - 1000 * call, "duration_ms": 5, "billed_ms": 5,
        "mem_bytes": 1 << 20,
        "ret_code": int(call % 4 == 3),  # every fourth call fails
        "visible_after_ms": 0, "log": "",
    }


def house(context):
    return House(context)


SHOWN = """[...document.querySelectorAll('#rows tr')].filter((row) => !row.hidden)
    .map((row) => [...row.cells].map((cell) => cell.textContent))"""


def shown(page):
    """The cells of the rows that are seen, in order."""
    return page.ask(SHOWN)


def names(page):
    return [cells[1].rpartition("/")[2] for cells in shown(page)]


def click(page, column):
    page.ask(
        f"[...document.querySelectorAll('.targets thead button')]"
        f".find((one) => one.textContent === '{column}').click()")


@check("status: a browser shows every target, the failing one first, and orders and searches")
def page(context):
    served = context.shared(house)
    with Browser(context.shared(browser)) as chromium:
        tab = chromium.page(served.url)
        expect(tab.complaints() == [], f"the browser complains: {tab.complaints()}")
        expect(len(names(tab)) == STEP, f"{len(names(tab))} targets are shown at first")
        first = shown(tab)[0]
        expect(first[0] == "failing" and "UnauthorizedOperation" in first[11], f"first: {first}")
        expect("scf:GetFunctionLogs" in first[11], f"no advice in {first[11]}")
        expect("1 of 301 targets failing" in tab.ask("document.body.innerText"), "no headline")

        click(tab, "Counted")
        counted = [int(cells[6].replace(",", "")) for cells in shown(tab)]
        expect(counted == sorted(counted, reverse=True) and counted[0] == 40,
               f"not by number, falling: {counted}")
        sort = "document.querySelector('.targets [aria-sort]')"
        expect(tab.ask(f"{sort}.textContent + {sort}.ariaSort") == "Counteddescending", "aria-sort")
        click(tab, "Target")
        expect(names(tab) == sorted(names(tab)), f"not by name: {names(tab)[:5]}")

        tab.ask("document.getElementById('end').scrollIntoView()")
        until("all targets are shown at the end of the table",
              lambda: len(names(tab)) == FUNCTIONS + 1, 20)

        tab.ask("search.value = 'FN-01'; search.dispatchEvent(new Event('input'))")
        expect(names(tab) == [f"fn-01{digit}" for digit in range(10)], f"found: {names(tab)}")
        expect(tab.ask("document.getElementById('shown').textContent") == "10 of 301 targets", "")
        tab.ask("search.value = ''; show.value = 'failing';"
                "show.dispatchEvent(new Event('change'))")
        expect([cells[0] for cells in shown(tab)] == ["failing"], f"failing: {names(tab)}")

        phone = chromium.page(served.url, width=390, height=844, mobile=True)
        wide = phone.ask("document.documentElement.scrollWidth")
        expect(wide <= 390, f"a phone has to scroll sideways: {wide} pixels")
        expect(phone.complaints() == [], f"the browser complains: {phone.complaints()}")


@check("status: the page updates itself, keeps order and search, and says when nobody answers")
def updates(context):
    served = context.shared(house)
    with Browser(context.shared(browser)) as chromium:
        tab = chromium.page(served.url)
        click(tab, "Counted")
        tab.ask("search.value = 'fn-00'; search.dispatchEvent(new Event('input'))")
        before = names(tab)
        expect(len(before) == 10, f"found: {before}")
        clock = "document.querySelector('#summary time').textContent"
        then = tab.ask(clock)
        until("the page is a newer one", lambda: tab.ask(clock) > then, 40, every=1)
        expect(names(tab) == before, f"order and search were lost: {names(tab)}")
        expect(tab.complaints() == [], f"the browser complains: {tab.complaints()}")
        stale = "document.getElementById('stale').checkVisibility()"
        expect(not tab.ask(stale), "no answer is missing yet")
        tab.offline(True)
        until("the page says that nobody answers", lambda: tab.ask(stale), 40, every=1)
        tab.offline(False)
        until("the page is up to date again", lambda: not tab.ask(stale), 40, every=1)


@check("status: the table of functions has the busiest first and can be searched")
def functions(context):
    served = context.shared(house)
    told = served.status()["functions"]
    most = sorted((calls_of(number) for number in range(FUNCTIONS)), reverse=True)
    counted = [one["invocations"] for one in told["busiest"]]
    expect(counted == most[:200], f"calls of the busiest: {counted}")
    # The function of the refused source is listed and never counted.
    expect(told["others"] in (FUNCTIONS - 200, FUNCTIONS - 199), f"{told['others']} others")
    for one in told["busiest"]:
        calls = calls_of(int(one["name"][-3:]))
        expect(one["failed"] == calls // 4, f"{one}: not {calls // 4} failed")
        # All calls take 5 ms, and there is a bucket from 2.5 ms to 5 ms.
        expect(abs(one["p95_duration_seconds"] - 0.004875) < 1e-9, f"{one}")
    with Browser(context.shared(browser)) as chromium:
        tab = chromium.page(served.url)
        seen = "[...document.getElementById('functions').rows].filter((row) => !row.hidden)"
        expect(tab.ask(f"{seen}.length") == 200, "not all busiest functions are shown")
        # Function 39 is the first that is called 40 times.
        expect(tab.ask(f"{seen}[0].cells[0].textContent").endswith("/fn-039"), "not the busiest")
        expect(tab.ask(f"{seen}[0].cells[2].textContent") == "40", "calls of the busiest")
        tab.ask("document.getElementById('find').value = 'FN-039';"
                "document.getElementById('find').dispatchEvent(new Event('input'))")
        expect(tab.ask(f"{seen}.length") == 1, "the search finds another number of functions")


@check("status: without scripts the page shows all the same")
def scriptless(context):
    served = context.shared(house)
    with Browser(context.shared(browser)) as chromium:
        tab = chromium.page(served.url, scripts=False)
        rows = shown(tab)
        expect(len(rows) == FUNCTIONS + 1 and rows[0][0] == "failing", f"{len(rows)} rows")
        expect(tab.ask("document.getElementById('controls').offsetParent === null"),
               "controls that do nothing are shown")


@check("status: JSON and metrics tell the same figures")
def same(context):
    served = context.shared(house)

    before, asked = _figures(served.url), time.time()

    def newer():
        status = served.status()
        return status if status["now_timestamp_seconds"] > asked else None

    status = until("a status of after the scrape", newer, 10)
    after = _figures(served.url)
    told = {
        **{("scf_exporter_records_total", name): value
           for name, value in status["records"].items()},
        ("scf_exporter_functions", ""): status["series"]["functions"],
        ("scf_exporter_overflow_invocations_total", ""):
            status["series"]["overflow_invocations"],
        ("scf_exporter_config_last_reload_success_timestamp_seconds", ""):
            status["config"]["last_reload_success_timestamp_seconds"],
        ("scf_exporter_targets", ""): len(status["targets"]),
    }
    # Rows are met again all the time, so that counter alone moves between the two scrapes.
    differ = {key: (before.get(key), value, after.get(key)) for key, value in told.items()
              if not before.get(key, math.inf) <= value <= after.get(key, -math.inf)}
    expect(not differ, f"metrics, status, metrics: {differ}")
    sums = {name: sum(one["records"][name] for one in status["targets"])
            for name in status["records"]}
    # A target shows a read once it is over.
    read = sums.pop("duplicate")
    expect(0 < read <= status["records"]["duplicate"], f"{read} met again, {status['records']}")
    rest = {name: status["records"][name] for name in sums}
    expect(sums == rest, f"targets: {sums}, all: {rest}")
    expect(sums["counted"] == served.rows, f"{sums['counted']} of {served.rows} rows")
    for target in status["targets"][:FUNCTIONS]:
        expect(target["source"] == "good", f"{target['name']} of {target['source']}")
        calls = calls_of(int(target["name"][-3:]))
        failed = calls // 4
        seen = (sum(target["invocations_last_hour"]), sum(target["failed_last_hour"]))
        expect(seen == (calls, failed), f"{target['name']}: {seen}, not {(calls, failed)}")


def _figures(url):
    """{(metric, disposition): value}, over all sources."""
    status, text = http(f"{url}/metrics")
    expect(status == 200, f"/metrics answered {status}")
    found = {}
    for line in text.splitlines():
        sample = re.match(r"(scf_exporter_\w+)(?:\{(.*)\})? (\S+)", line)
        if sample:
            kind = re.search(r'disposition="(\w+)"', sample[2] or "")
            key = (sample[1], kind[1] if kind else "")
            found[key] = found.get(key, 0) + float(sample[3])
    return found


@check("status: nothing secret is in the page or the JSON")
def secret(context):
    served = context.shared(house)
    for path in ("/", "/api/v1/status"):
        status, text = http(f"{served.url}{path}")
        expect(status == 200, f"{path} answered {status}")
        for sim in (served.sim, served.denied):
            for word in (sim.secret_key, sim.secret_id):
                expect(word not in text, f"{word} is in {path}")


@check("status: a function whose name is markup stays a name")
def hostile(context):
    replay = context.path("hostile.jsonl")
    replay.write_text(json.dumps(_call("plain", 0, 0) | {"function_name": HOSTILE}) + "\n")
    sim = Simulator(context, "--replay", replay, name="sim-hostile")
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    with context.exporter(
        "hostile", "run", "--api", "v2", "--read", "function", "--region", REGION,
        "--endpoint", sim.url, "--state.path", "", "--web.listen-address", f"127.0.0.1:{port}",
        *PACE, **sim.keys(),
    ) as exporter:
        services.ready(exporter, url)
        until("the row is counted", lambda: services.counted(url), 30)
        with Browser(context.shared(browser)) as chromium:
            tab = chromium.page(url)
            row = shown(tab)[0]
            expect(row[1].endswith(HOSTILE), f"the name became {row[1]!r}")
            expect(tab.ask("document.title") == "scf-exporter", "a script of a name was run")
            inside = "document.querySelectorAll('#rows th > *, #rows script').length"
            expect(tab.ask(inside) == 0, "the name became markup")
            expect(tab.complaints() == [], f"the browser complains: {tab.complaints()}")
    sim.process.stop()
