"""The vendor's own v2 SDK reads the simulator: two implementations of every signature."""

import json
import pathlib
import subprocess
import time
import urllib.parse

from harness import Failed, check, expect, until
from services import Simulator

CLIENT = pathlib.Path(__file__).with_name("sdk_client.py")


def simulator(context):
    """A small world without faults, shared by the checks of this file."""
    sim = Simulator(
        context, "--seed", "3", "--functions", "3", "--rate", "50", "--faults", "none",
        name="sim-sdk",
    )
    until("the first rows", lambda: sum(e["duration_ms"] for e in sim.truth().values()), 20)
    return sim


def call(context, sim, calls, method="GET", sign="HmacSHA256", **keys):
    """The answers of the SDK to `calls`."""
    job = {
        "netloc": urllib.parse.urlparse(sim.url).netloc,
        "id": sim.secret_id, "key": sim.secret_key,
        "method": method, "sign": sign, "calls": calls, **keys,
    }
    done = subprocess.run(
        [context.clients / "python/bin/python", CLIENT, json.dumps(job)],
        env={"PATH": ""}, capture_output=True, text=True, timeout=60,
    )
    if done.returncode != 0:
        raise Failed(f"the SDK failed: {done.stderr[-1500:]}")
    return json.loads(done.stdout)


def _reads(method, sign):
    @check(f"sdk: lists functions and reads rows by {method} with {sign}")
    def reads(context):
        sim = context.shared(simulator)
        logs = {"offset": 0, "limit": 5, "order": "desc", "orderby": "start_time"}
        listed, rows = call(
            context, sim,
            [["ListFunctions", {"limit": 10}], ["getFunctionLogs", logs]],
            method=method, sign=sign,
        )
        expect(listed["code"] == 0, f"ListFunctions: {listed}")
        names = {entry["functionName"] for entry in listed["data"]["functions"]}
        expect(names == set(sim.truth()), f"{names} are not the functions of the truth")
        expect(rows["code"] == 0 and rows["codeDesc"] == "Success", f"GetFunctionLogs: {rows}")
        expect(1 <= len(rows["data"]) <= 5, f"{len(rows['data'])} rows for a limit of 5")
        expect(rows["total"] >= len(rows["data"]), f"total {rows['total']} is below the rows")
        expect({row["functionName"] for row in rows["data"]} <= names, f"foreign rows: {rows}")


for _method in ("GET", "POST"):
    for _sign in ("HmacSHA1", "HmacSHA256"):
        _reads(_method, _sign)


@check("sdk: a wrong key is 4100, an unknown id 4104")
def refused(context):
    sim = context.shared(simulator)
    listing = [["ListFunctions", {}]]
    for method in ("GET", "POST"):
        for wrong, code in (({"key": "not-the-key"}, 4100), ({"id": "AKIDnobody"}, 4104)):
            answer = call(context, sim, listing, method=method, **wrong)[0]
            expect(answer.get("code") == code, f"{method} with {wrong}: {answer}, not {code}")


@check("sdk: a replayed nonce is 4500")
def replayed(context):
    sim = context.shared(simulator)
    once = ["ListFunctions", {"Nonce": 11886, "Timestamp": int(time.time())}]
    first, again = call(context, sim, [once, once])
    expect(first["code"] == 0, f"the first use: {first}")
    expect(again["code"] == 4500, f"the second use: {again}, not 4500")
