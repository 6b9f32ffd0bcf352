#!/usr/bin/env python3
"""Makes the pictures of the status page in docs/images, from a simulated cloud.

usage: screenshots.py [12 | 5000]     those of one of both sizes

The program is target/release/scf-exporter, or what SCF_E2E_BINARY names. Chromium comes from
scripts/get-chromium.sh.
"""

import json
import math
import os
import pathlib
import random
import subprocess
import sys
import uuid

ROOT = pathlib.Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "e2e"))
sys.dont_write_bytecode = True

from browser import Browser  # noqa: E402
from harness import Context, free_port, get_json, until  # noqa: E402
from services import Simulator  # noqa: E402

import palette  # noqa: E402

SHOP = (
    "checkout", "login", "search", "cart", "pay-callback", "thumbnail", "recommend", "mail",
    "report-daily", "sync-stock",
)
MINUTES = 60
MOST_BYTES = 150_000


def traffic(path, names, calls, seed):
    """Writes an hour of `calls` calls of `names` that are over; a few functions get the most."""
    chance = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(len(names))]
    with open(path, "w", encoding="ascii") as lines:
        for number in range(calls):
            name = names[number] if number < len(names) else chance.choices(names, weights)[0]
            phase = names.index(name) * 0.7 if len(names) < 100 else hash(number) % 7
            while True:  # each has its own ups and downs
                minute = chance.uniform(0.2, MINUTES - 3)  # no older than the first read
                level = 0.55 + 0.45 * math.sin(minute / MINUTES * 9 + phase)
                if chance.random() < level:
                    break
            bad = name.startswith("pay") and 20 < minute < 27
            code = 0 if chance.random() > (0.3 if bad else 0.004) else 1
            lines.write(json.dumps({
                "function_name": name, "namespace": "default",
                "request_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
                "retry": 0, "start_offset_ms": -int(minute * 60_000),
                "duration_ms": round(chance.lognormvariate(3, 1), 3), "billed_ms": 100,
                "mem_bytes": 64 << 20, "ret_code": code, "visible_after_ms": 0, "log": "",
            }) + "\n")


def start(context, name, sources, requests=50, **poll):
    """An exporter over `sources`; its address once it is ready."""
    port = free_port()
    config = {
        "web": {"listen_address": f"127.0.0.1:{port}", "zero_first": "0s"},
        "state": {"path": str(context.path(f"{name}-state"))},
        "poll": {
            "first_read": "1h", "interval": "2s", "idle_interval": "5s", "sweep_interval": "5s",
            "max_run_time": "1m", "delivery_delay": "1m", **poll,
        },
        "limits": {"requests_per_second": requests},
        "sources": sources,
    }
    file = context.path(f"{name}.yaml")
    file.write_text(json.dumps(config))  # JSON is YAML
    context.exporter(name, "run", "--config.file", file)
    return f"http://127.0.0.1:{port}"


def source(context, name, sim, **more):
    key = context.path(f"{name}.key")
    key.write_text(sim.secret_key)
    return {
        "name": name, "account": name, "region": "ap-guangzhou", "endpoint": sim.url,
        "credentials": {"secret_id": sim.secret_id, "secret_key_file": str(key)}, **more,
    }


def twelve(context):
    """Ten functions that are read and two whose logs are no longer served."""
    replay = context.path("shop.jsonl")
    traffic(replay, SHOP, 20_000, seed=3)
    shop = Simulator(context, "--replay", replay, name="sim-shop")
    billing = Simulator(
        context, "--functions", 2, "--offline-logs", "--rate", 1, name="sim-billing")
    url = start(context, "twelve", [
        source(context, "shop", shop, api="v2", read="function"),
        source(context, "billing", billing, api="v3", read="function"),
    ])
    read_through(url, 12, 20_000)
    return url


def many(context):
    names = [f"job-{number:04}" for number in range(5_000)]
    replay = context.path("many.jsonl")
    traffic(replay, names, 12_000, seed=4)
    sim = Simulator(context, "--replay", replay, name="sim-many")
    url = start(
        context, "many", [source(context, "jobs", sim, api="v2", read="function")],
        requests=1_000, interval="30s", idle_interval="1m", sweep_interval="1m",
    )
    read_through(url, 5_000, 12_000)
    return url


def read_through(url, targets, rows):
    """Waits until all was read."""

    def probe():
        status = get_json(f"{url}/api/v1/status")
        seen = len(status["targets"])
        waits = sum(target["health"] == "waiting" for target in status["targets"])
        counted = status["records"]["counted"]
        return seen == targets and not waits and counted == rows

    until("all is read", probe, 600, every=2)


def take(browser, url, path, height, full=False, **options):
    page = browser.page(url, height=height, **options)
    if full:
        # A window as tall as the page: what stays at the top of a window is in its place then.
        height = page.height()
        page.close()
        page = browser.page(url, height=height, **options)
    page.picture(path)
    page.close()
    colours = 256
    while palette.shrink(path, colours) > MOST_BYTES:
        colours //= 2
    print(f"{path}: {path.stat().st_size} bytes")


def main():
    images = ROOT / "docs" / "images"
    images.mkdir(parents=True, exist_ok=True)
    chromium = subprocess.run(
        [ROOT / "scripts" / "get-chromium.sh"], stdout=subprocess.PIPE, text=True, check=True)
    built = ROOT / "target" / "release" / "scf-exporter"
    context = Context(os.environ.get("SCF_E2E_BINARY", built), "", "")
    try:
        with Browser(chromium.stdout.strip()) as browser:
            for name, build in (("12", twelve), ("5000", many)):
                if name not in (sys.argv[1:] or ("12", "5000")):
                    continue
                url, small = build(context), name == "12"
                for scheme in ("light", "dark"):
                    wide = images / f"status-{name}-{scheme}.png"
                    dark = scheme == "dark"
                    take(browser, url, wide, 900, full=small, width=1440, dark=dark)
                    phone = images / f"status-{name}-{scheme}-390.png"
                    tall = 1_700 if small else 844
                    take(browser, url, phone, tall, width=390, dark=dark, mobile=True)
    finally:
        context.close()


if __name__ == "__main__":
    main()
