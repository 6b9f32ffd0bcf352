#!/usr/bin/env python3
"""Makes the pictures of the dashboards in docs/images, from the demo's simulated cloud.

usage: dashboards-screenshots.py [MINUTES]     after so many minutes of traffic (5)

A real Prometheus scrapes the demo, and Grafana's own components draw what it stored, in a headless
Chromium. The program is target/release/scf-exporter, or what SCF_E2E_BINARY names; the rest comes
from scripts/get-prometheus.sh, get-grafana-ui.sh and get-chromium.sh. Where one of them cannot be
had, nothing is drawn and the last line begins with `skip`.
"""

import functools
import http.server
import json
import os
import pathlib
import sys
import threading
import time
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.dont_write_bytecode = True

from browser import Browser  # noqa: E402
from harness import HTTP, Context, Skipped, expect, fetched, free_port, until  # noqa: E402
from services import Prometheus, ready  # noqa: E402

import palette  # noqa: E402

BOARDS = ("scf-fleet", "scf-function", "scf-exporter")
WIDTHS = (1600, 1280)
# What is seen of the first dashboard before one scrolls, for the head of a page.
SCREEN = 860
# Height of a row of Grafana's grid with the gap below it, as main.jsx has it.
ROW = 38
# A small shop: enough functions for every list of ten, some of them failing, slow or cold.
WORLD = (
    "--sim.functions", 24, "--sim.namespaces", 2, "--sim.rate", 20, "--sim.faults", "typical",
    "--sim.seed", 5,
)


class Pages(http.server.SimpleHTTPRequestHandler):
    """The page that draws, the dashboards, and the API of Prometheus, from one origin."""

    def __init__(self, *request, www, store):
        self.store = store
        super().__init__(*request, directory=www)

    def do_GET(self):  # noqa: N802 (the name that the base class calls)
        if not self.path.startswith("/api/v1/"):
            super().do_GET()
            return
        with HTTP.open(self.store + self.path, timeout=60) as answer:
            body = answer.read()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(body)

    def translate_path(self, path):
        if path.startswith("/dashboards/"):
            return str(ROOT / urllib.parse.urlsplit(path).path.lstrip("/"))
        return super().translate_path(path)

    def log_message(self, *_):
        pass


class World:
    """The demo, a Prometheus that has scraped it for a while, and the page that draws."""

    def __init__(self, context, www, minutes):
        port = free_port()
        self.store = Prometheus(context, {"scf-exporter": {
            "scrape_interval": "5s", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
        }})
        until("Prometheus scrapes", lambda: self.store.query("up"), 30)
        exporter = context.exporter(
            "demo", "demo", "--web.listen-address", f"127.0.0.1:{port}", *WORLD)
        ready(exporter, f"http://127.0.0.1:{port}")
        began = time.time()
        time.sleep(minutes * 60)
        # Without the first minute, in which the calls of before the start are counted at once.
        self.span = {"from": int(began) + 70, "to": int(time.time())}
        pages = functools.partial(Pages, www=www, store=self.store.url)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), pages)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{server.server_port}"

    def address(self, board, width):
        """Where a dashboard is drawn; that of one function shows the one that fails most."""
        query = {"board": board, "width": width, **self.span}
        if board == "scf-function":
            failing = 'sum by (function_name) (scf_invocations_total{outcome!="success"})'
            most = self.store.query(f"topk(1, {failing})", ("function_name",))
            query["function"] = next(iter(most))[0]
        return f"{self.url}/?{urllib.parse.urlencode(query)}"


def whole(board):
    """The height of a dashboard from top to bottom."""
    panels = json.loads((ROOT / "dashboards" / f"{board}.json").read_text())["panels"]
    rows = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels)
    return rows * ROW + 8


def draw(browser, world, board, width, height, path):
    """Writes the picture of a dashboard; fails where a panel could not be drawn."""
    page = browser.page(world.address(board, width), width=width, height=height, dark=True)
    until(f"{board} is drawn", lambda: page.ask("document.title") == "drawn", 60)
    failed = page.ask(
        "Array.from(document.querySelectorAll('[data-failed]'), one => one.textContent)")
    expect(not failed, f"{board}: {failed}")
    page.picture(path)
    page.close()
    print(f"{path}: {palette.shrink(path, apart=10)} bytes", flush=True)


def main():
    minutes = float(sys.argv[1]) if len(sys.argv) > 1 else 5
    images = ROOT / "docs" / "images"
    images.mkdir(parents=True, exist_ok=True)
    try:
        prometheus = fetched("get-prometheus.sh", "Prometheus")
        www = fetched("get-grafana-ui.sh", "a page of Grafana's components")
        chromium = fetched("get-chromium.sh", "Chromium")
    except Skipped as missing:
        print(f"skip: {missing}")
        return
    built = ROOT / "target" / "release" / "scf-exporter"
    context = Context(os.environ.get("SCF_E2E_BINARY", built), prometheus, "")
    try:
        world = World(context, www, minutes)
        with Browser(chromium) as browser:
            for board in BOARDS:
                for width in WIDTHS:
                    path = images / f"{board}-{width}.png"
                    draw(browser, world, board, width, whole(board), path)
            draw(browser, world, "scf-fleet", 1280, SCREEN, images / "scf-fleet.png")
    finally:
        context.close()


if __name__ == "__main__":
    main()
