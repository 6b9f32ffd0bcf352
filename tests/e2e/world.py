"""A finite world for the simulator: the same calls for the same seed."""

import json
import random
import uuid

# Return codes that keep their number in the label, so that truth and metrics spell them alike.
CODES = [0] * 90 + [1] * 5 + [-1] * 2 + [433] * 2 + [500]


def write(path, seed, functions, calls, seconds, before=0, namespaces=("default",)):
    """Writes `calls` replay lines that start over `seconds` s; when the last is visible, in ms.

    The functions are dealt out to `namespaces`. With `before` the first starts so many seconds before the simulator does.
    """
    chance = random.Random(seed)
    names = [f"api-{number}" for number in range(functions)]
    names[0] = "Under_score-0"
    # A few functions get most of the calls; each gets one at least.
    weights = [1 / (rank + 1) for rank in range(functions)]
    last = 0.0
    with open(path, "w", encoding="ascii") as lines:
        for number in range(calls):
            name = names[number] if number < functions else chance.choices(names, weights)[0]
            start = chance.randrange(int(seconds * 1000)) - before * 1000
            line = {
                "function_name": name,
                "namespace": namespaces[names.index(name) % len(namespaces)],
                "request_id": str(uuid.UUID(int=chance.getrandbits(128), version=4)),
                "retry": 0,
                "start_offset_ms": start,
                # Mostly short; some end long after rows that started later.
                "duration_ms": round(min(chance.lognormvariate(3.0, 1.5), 8000.0), 3),
                "mem_bytes": chance.randrange(10 << 20, 128 << 20),
                "ret_code": chance.choice(CODES),
                "visible_after_ms": chance.randrange(3000),
                "log": "START\nREPORT \"quoted\" \\ end",
            }
            line["billed_ms"] = int(-(-line["duration_ms"] // 100) * 100)
            lines.write(json.dumps(line) + "\n")
            last = max(last, start + line["duration_ms"] + line["visible_after_ms"])
            if chance.random() < 0.02:
                # An asynchronous call is tried again under its own id, a minute later in life,
                # a few seconds later here; never within the same second (see the README).
                again = dict(line, retry=1, start_offset_ms=start + 2000 + chance.randrange(3000))
                lines.write(json.dumps(again) + "\n")
                end = again["start_offset_ms"] + again["duration_ms"] + again["visible_after_ms"]
                last = max(last, end)
    return last


def counts(path):
    """{(function, return code): lines} of a replay file: the truth by another road."""
    found = {}
    with open(path, encoding="ascii") as lines:
        for line in map(json.loads, lines):
            key = (line["function_name"], str(line["ret_code"]))
            found[key] = found.get(key, 0) + 1
    return found
