"""The peer in Python: `prometheus_client` and the server that it brings.

usage: peer.py WORKLOAD FUNCTIONS     prints its port and serves until its input ends
"""

import struct
import sys

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, start_http_server

CALLS = 200
LAST = 1_700_000_000.059
LABELS = ["region", "function_namespace", "function_name"]
TIMES = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 900]
SIZES = [m << 20 for m in (4, 8, 16, 32, 64, 128, 256, 384, 512, 768, 1024, 1536, 2048, 3072)]

registry = CollectorRegistry()


def histogram(name, text, buckets):
    return Histogram(name, text, LABELS, buckets=buckets, registry=registry)


invocations = Counter(
    "scf_invocations", "Invocations.", LABELS + ["ret_code", "outcome"], registry=registry
)
duration = histogram("scf_invocation_duration_seconds", "Run time.", TIMES)
billed = histogram("scf_invocation_billed_duration_seconds", "Billed time.", TIMES)
memory = histogram("scf_invocation_memory_usage_bytes", "Memory used.", SIZES)
last = Gauge(
    "scf_function_last_invocation_timestamp_seconds", "Last call.", LABELS, registry=registry
)
info = Gauge("scf_function_info", "Always 1.", LABELS, registry=registry)


def count(labels, code, outcome, micros, billed_millis, kib):
    invocations.labels(*labels, code, outcome).inc()
    duration.labels(*labels).observe(micros / 1e6)
    billed.labels(*labels).observe(billed_millis / 1e3)
    memory.labels(*labels).observe(kib * 1024)


def load(path, functions):
    with open(path, "rb") as file:
        for _ in range(functions):
            name = file.read(file.read(1)[0]).decode()
            labels = ("ap-guangzhou", "default", name)
            for place, sample in enumerate(struct.iter_unpack("<III", file.read(CALLS * 12))):
                ending = {1: ("1", "function_error"), 2: ("433", "timeout")}
                count(labels, *ending.get(CALLS - place, ("0", "success")), *sample)
            last.labels(*labels).set(LAST)
            info.labels(*labels).set(1)


load(sys.argv[1], int(sys.argv[2]))
server, _ = start_http_server(0, addr="127.0.0.1", registry=registry)
print(server.server_port, flush=True)
sys.stdin.read()
