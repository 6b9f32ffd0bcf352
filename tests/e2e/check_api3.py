"""The vendor's SDKs of API 3.0 and CLS read the simulator, and see what it says is true."""

import json
import os
import pathlib
import shutil
import subprocess
import time
import urllib.parse
from collections import Counter

import world
from harness import Failed, check, expect
from services import Simulator

HERE = pathlib.Path(__file__).parent
CALLS = 420
FUNCTIONS = 3
# The calls lie so long before the start of the simulator that all of them are over by then.
AGE_SECONDS = 120


class Past:
    """A simulator whose world is over: every reader must see the same."""

    def __init__(self, context):
        rows = context.path("past.jsonl")
        world.write(
            rows, seed=11, functions=FUNCTIONS, calls=CALLS, seconds=60, before=AGE_SECONDS
        )
        self.sim = Simulator(context, "--faults", "none", "--replay", rows, name="sim-past")
        self.truth = self.sim.truth()
        self.counts = world.counts(rows)


def job(sim, **more):
    """What every client is told."""
    netloc = urllib.parse.urlparse(sim.url).netloc
    return {"netloc": netloc, "id": sim.secret_id, "key": sim.secret_key, **more}


def run(argv, **variables):
    """The JSON that a client prints."""
    environment = {"PATH": os.environ.get("PATH", ""), **variables}
    done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=60)
    if done.returncode != 0:
        raise Failed(f"the client failed: {(done.stdout + done.stderr)[-1500:]}")
    return json.loads(done.stdout)


def sdk(context, service, calls, sim, sign="TC3-HMAC-SHA256", follow=False, **keys):
    """The answers of the Python SDK of `service` to `calls`."""
    told = job(sim, service=service, calls=calls, sign=sign, follow=follow) | keys
    return run([context.clients / "python/bin/python", HERE / "sdk_api3.py", json.dumps(told)])


def succeeded(answer, what):
    expect("code" not in answer, f"{what}: {answer}")
    return answer


def by_name(answer):
    return {entry["FunctionName"]: entry for entry in answer["Functions"]}


def rows_agree(past, name, answers):
    """Whether pages of GetFunctionLogs hold exactly the calls of function `name`."""
    rows = [row for answer in answers for row in succeeded(answer, name)["Data"]]
    expect(answers[0]["TotalCount"] == len(rows), f"{name}: TotalCount is not {len(rows)}")
    attempts = {(row["RequestId"], row["RetryNum"]) for row in rows}
    expect(len(attempts) == len(rows), f"{name}: a row came twice")
    seen = Counter(str(row["RetCode"]) for row in rows)
    expected = past.truth[name]["invocations"]
    expect(seen == expected, f"{name}: {dict(seen)} instead of {expected}")
    for field, known in (("Duration", "duration_ms"), ("MemUsage", "mem_bytes")):
        total = sum(row[field] for row in rows)
        wanted = past.truth[name][known]
        expect(abs(total - wanted) < 0.01, f"{name}: {field} adds up to {total}, not {wanted}")


def _reads(sign):
    @check(f"sdk 3.0: functions, their details and every row agree with the truth by {sign}")
    def reads(context):
        past = context.shared(Past)
        logs = [
            ["GetFunctionLogs", {"FunctionName": name, "Limit": 100, "Offset": offset}]
            for name in past.truth
            for offset in (0, 100, 200, 300, 400)
        ]
        details = [["GetFunction", {"FunctionName": name}] for name in past.truth]
        listed, *rest = sdk(
            context, "scf", [["ListFunctions", {"Limit": 10}], *details, *logs], past.sim, sign
        )
        names = set(by_name(succeeded(listed, "ListFunctions")))
        expect(names == set(past.truth), f"{names} are not the functions of the truth")
        expect(listed["TotalCount"] == FUNCTIONS, f"TotalCount is {listed['TotalCount']}")
        for name, answer in zip(past.truth, rest):
            memory = succeeded(answer, name)["MemorySize"]
            expect(answer["FunctionName"] == name, f"{answer['FunctionName']} is not {name}")
            expect(memory == past.truth[name]["memory_mb"], f"{name} has {memory} MB")
            expect(answer["ClsTopicId"] and answer["Timeout"] > 0, f"{name}: {answer}")
        rest = rest[FUNCTIONS:]
        for position, name in enumerate(past.truth):
            rows_agree(past, name, rest[5 * position:5 * position + 5])


for _sign in ("TC3-HMAC-SHA256", "HmacSHA256", "HmacSHA1"):
    _reads(_sign)


@check("sdk 3.0: the replayed world is what its file holds")
def replayed(context):
    past = context.shared(Past)
    seen = {
        (name, code): count
        for name, entry in past.truth.items()
        for code, count in entry["invocations"].items()
    }
    expect(seen == past.counts, f"{seen} instead of {past.counts}")


@check("sdk cls: the Report lines of four pages by Context agree with the truth")
def log_pages(context):
    past = context.shared(Past)
    name = next(iter(past.truth))
    (function,) = sdk(context, "scf", [["GetFunction", {"FunctionName": name}]], past.sim)
    now = int(time.time() * 1000)
    search = {
        "TopicId": succeeded(function, name)["ClsTopicId"],
        "From": now - 15 * 60 * 1000, "To": now, "QuerySyntax": 1, "UseNewAnalysis": True,
        "QueryString": 'SCF_Message:"Report RequestId"', "Sort": "asc", "Limit": 100,
    }
    pages = sdk(context, "cls", [["SearchLog", search]], past.sim, follow=True)
    for page in pages:
        succeeded(page, "SearchLog")
    expect(len(pages) >= 4, f"only {len(pages)} pages")
    expect(pages[-1]["ListOver"], "the last page does not say that it is the last")
    lines = [line for page in pages for line in page["Results"] or []]
    times = [line["Time"] for line in lines]
    expect(times == sorted(times), "the lines do not ascend")
    expect(len({(line["PkgId"], line["PkgLogId"]) for line in lines}) == len(lines), "repeats")
    fields = [json.loads(line["LogJson"]) for line in lines]
    # The query is for words; cold starts and users may write the same ones.
    reports = [line for line in fields if line["SCF_Message"].startswith("Report RequestId")]
    seen = Counter((line["SCF_FunctionName"], line["SCF_StatusCode"]) for line in reports)
    expected = {
        (name, status): count
        for name, entry in past.truth.items()
        for status, count in entry["statuses"].items()
    }
    expect(seen == expected, f"{dict(seen)} instead of {expected}")


@check("sdk 3.0: a wrong key, an unknown id and an unknown function have their codes")
def refused(context):
    sim = context.shared(Past).sim
    listing = ["ListFunctions", {}]
    nobody = ["GetFunction", {"FunctionName": "nobody"}]
    for service, call in (("scf", listing), ("cls", ["DescribeTopics", {}])):
        for wrong, code in (
            ({"key": "not-the-key"}, "AuthFailure.SignatureFailure"),
            ({"id": "AKIDnobody"}, "AuthFailure.SecretIdNotFound"),
        ):
            (answer,) = sdk(context, service, [call], sim, **wrong)
            expect(answer.get("code") == code, f"{service} with {wrong}: {answer}, not {code}")
    (answer,) = sdk(context, "scf", [nobody], sim)
    expect(answer.get("code", "").startswith("ResourceNotFound.Function"), f"{answer}")


@check("sdk node: both packages read every row and get the code of a refusal")
def node(context):
    modules = context.clients / "node/node_modules"
    expect(
        modules.exists() and shutil.which("node"),
        "Node is not on this machine: install node and npm, 18 or newer",
    )
    past = context.shared(Past)
    name = min(past.truth, key=lambda name: sum(past.truth[name]["invocations"].values()))
    told = job(
        past.sim, action="GetFunctionLogs", parameters={"FunctionName": name, "Limit": 1000}
    )
    argv = ["node", HERE / "sdk_node.js"]
    for answer in run([*argv, json.dumps(told)], NODE_PATH=str(modules)).values():
        rows_agree(past, name, [answer])
    wrong = json.dumps({**told, "key": "not-the-key"})
    for package, answer in run([*argv, wrong], NODE_PATH=str(modules)).items():
        code = answer.get("code")
        expect(code == "AuthFailure.SignatureFailure", f"{package}: {answer}")


@check("tccli: lists the functions of the truth")
def command_line(context):
    past = context.shared(Past)
    sim = past.sim
    answer = run(
        [
            context.clients / "tccli/bin/tccli", "scf", "ListFunctions", "--Limit", "10",
            "--endpoint", sim.url, "--region", "ap-guangzhou",
            "--secretId", sim.secret_id, "--secretKey", sim.secret_key,
        ],
        HOME=str(context.directory),
    )
    names = set(by_name(answer))
    expect(names == set(past.truth), f"{names} are not the functions of the truth")
