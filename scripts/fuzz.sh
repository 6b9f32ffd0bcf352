#!/bin/bash
# Runs fuzz targets, each for a bounded time, one after the other.
#
# usage: fuzz.sh [TARGET...]     all of fuzz/fuzz_targets/ where none is named
#
# SECONDS_EACH   how long each one runs (default 30)
# SEED           of the fuzzer's choices (default: a new one, which is printed)
#
# The stable compiler is enough: no sanitizer is used, for the program has no unsafe code. A C++
# compiler is needed, for libFuzzer. What was learned stays in fuzz/target/corpus/. A case that
# fails is kept in fuzz/target/found/; copied into fuzz/seeds/TARGET/ it is a unit test.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
seconds=${SECONDS_EACH:-30}
seed=${SEED:-$((1 + RANDOM * 32768 + RANDOM))}

say() { echo "fuzz: $*" >&2; }

if [[ "$(uname -m)" != x86_64 && "$(uname -m)" != aarch64 ]] || ! command -v c++ >/dev/null; then
    say "libFuzzer needs x86_64 or aarch64 and a C++ compiler (c++), which this machine lacks"
    exit 1
fi
PATH=$(scripts/get-cargo-tool.sh cargo-fuzz 0.13.2):$PATH
export PATH

targets=("$@")
if [ ${#targets[@]} = 0 ]; then
    for file in fuzz/fuzz_targets/*.rs; do targets+=("$(basename "$file" .rs)"); done
fi
failed=()
for target in "${targets[@]}"; do
    corpus=fuzz/target/corpus/$target
    found=fuzz/target/found/$target
    log=fuzz/target/$target.log
    mkdir -p "$corpus" "$found"
    say "$target for $seconds s, seed $seed"
    # -len_control=0: the seeds are long, and short inputs say little about bodies.
    if cargo fuzz run --sanitizer none "$target" "$corpus" "fuzz/seeds/$target" -- \
        -max_total_time="$seconds" -seed="$seed" -rss_limit_mb=2048 -timeout=10 -len_control=0 \
        -print_final_stats=1 -artifact_prefix="$found/" >"$log" 2>&1; then
        runs=$(sed -nE 's/^stat::number_of_executed_units: *//p' "$log")
        speed=$(sed -nE 's/^stat::average_exec_per_sec: *//p' "$log")
        echo "ok    $target: $runs runs, $speed a second"
    else
        failed+=("$target")
        echo "FAIL  $target: cases in $found/, the fuzzer's own words in $log"
        grep -vE '^#[0-9]+' "$log" | tail -n 40
    fi
done
echo
echo "$((${#targets[@]} - ${#failed[@]})) passed, ${#failed[@]} failed"
[ ${#failed[@]} = 0 ]
