#!/usr/bin/env bash
# Runs the suite on a machine with an NVIDIA GPU, without Rust and without the CUDA toolkit.
#
#     ./run.sh OUT [PART...]      parts: probe ops golden bytes bench layers peers; without any, all of them
#
# Results: OUT/results.md and OUT/results.json. The exit code is 0 only if everything that was checked holds. Every part
# has its own time limit, all of them together are less than ten minutes, and one that fails leaves the others standing.
# Nothing is changed on the machine.
#
# SUITE_ARGS: more arguments for the program, such as --stand-in --quick    PYTHON: an interpreter with PyTorch
# TEST_FILTER, PEERS_ARGS: arguments for tests and for pytorch.py           PATIENCE: multiplies the time limits
set -uo pipefail
suite=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || { echo "usage: run.sh OUT [PART...]" >&2; exit 2; }
out=$(mkdir -p "$1" && cd "$1" && pwd) || exit 1
shift
[ $# -gt 0 ] || set -- probe golden ops bytes layers bench peers
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
tar -C "$work" -xJf "$suite/suite.tar.xz" 2>/dev/null ||
    python3 -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' "$suite/suite.tar.xz" "$work" ||
    { echo "suite.tar.xz cannot be unpacked: no xz and no python3" >&2; exit 1; }
export BACKLIT_CUBIN_DIR=$work/cubins BACKLIT_CACHE=$work/cache RUST_BACKTRACE=0
status=0

note() { echo "$(date -u +%H:%M:%S) $*" >&2; }

# part NAME SECONDS COMMAND...
part() {
    local name=$1 limit=$(($2 * ${PATIENCE:-1}))
    shift 2
    note "$name"
    rm -f "$out/$name.md" "$out/$name.json"  # of an earlier run
    timeout --kill-after=10 "$limit" "$@" > "$out/$name.log" 2>&1
    local code=$?
    if [ $code -ne 0 ]; then
        status=1
        note "$name: exit code $code; the end of its log:"
        tail -n 15 "$out/$name.log" >&2
        [ -f "$out/$name.md" ] || printf '## %s: FAILED\n\n- exit code %s\n\n' "$name" "$code" > "$out/$name.md"
    fi
}

ours() { part "$1" "$2" "$work/gpu-suite" "$1" --suite "$work" --out "$out" ${SUITE_ARGS:-}; }

# tests PART SECONDS NAME...: the tests of kernels and engine, the very files that `cargo test` runs on the emulator.
tests() {
    local part=$1 end=$((SECONDS + $2 * ${PATIENCE:-1})) failed=0 name test
    shift 2
    note "$part"
    {
        echo
        echo "| tests | result |"
        echo "|---|---|"
        for name in "$@"; do
            test=$work/tests/$name
            if [ $SECONDS -ge $end ]; then
                failed=1
                echo "| $name | FAILED: no time left |"
                continue
            fi
            case " ${SUITE_ARGS:-} " in *' --stand-in '*) unset BACKLIT_TEST_ON_GPU ;; *) export BACKLIT_TEST_ON_GPU=1 ;; esac
            if timeout --kill-after=5 $((end - SECONDS)) "$test" --test-threads=4 ${TEST_FILTER:-} > "$out/test-$name.log" 2>&1; then
                echo "| $name | $(grep '^test result' "$out/test-$name.log" | tail -n 1 | cut -d';' -f1-2) |"
                rm "$out/test-$name.log"
            else
                failed=1
                echo "| $name | FAILED: $(grep -m 3 'panicked at' -A 1 "$out/test-$name.log" | tr '\n|' '  ' | cut -c1-300) |"
            fi
        done
        echo
    } > "$out/$part.table"
    if [ $failed = 0 ]; then echo "## $part: holds"; else echo "## $part: FAILED"; status=1; fi > "$out/$part.md"
    cat "$out/$part.table" >> "$out/$part.md"
    rm "$out/$part.table"
}

machine() {
    echo "## machine"
    echo
    echo "- $(date -u '+%Y-%m-%d %H:%M UTC'), $(uname -sr), $(nproc) processors"
    echo "- suite: $(cat "$work/commit" 2>/dev/null)"
    local ask=name,driver_version,memory.total,clocks.sm,clocks.max.sm,clocks.mem,power.limit,temperature.gpu
    echo "- $1: $(nvidia-smi --query-gpu=$ask --format=csv,noheader 2>/dev/null || echo 'no nvidia-smi')"
}

machine "before" > "$out/machine.md"
for name in "$@"; do
    case $name in
        probe) tests probe 20 probe ;;
        golden) ours golden 40 ;;
        ops) tests ops 120 $(ls "$work/tests" | grep -vx probe) ;;
        bytes) ours bytes 40 ;;
        layers) ours layers 60 ;;
        bench) ours bench 80 ;;
        peers) part peers 200 "${PYTHON:-python3}" "$work/pytorch.py" --weights "$work/weights.safetensors" \
            --golden "$work/golden/chelsea.safetensors" --out "$out" --budget 150 ${PEERS_ARGS:-} ;;
        *) note "no such part: $name"; status=1 ;;
    esac
done
machine "after" | tail -n 1 >> "$out/machine.md"
echo >> "$out/machine.md"
"$work/gpu-suite" collect --out "$out" > /dev/null || status=1
cat "$out/results.md"
exit $status
