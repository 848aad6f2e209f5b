#!/usr/bin/env bash
# Builds with sanitizers below build/address and build/thread and runs what looks for faults there:
#
#   scripts/sanitize.sh address   # AddressSanitizer and UBSan: unit tests, schedules, the runtime on toy plans, mutants
#   scripts/sanitize.sh thread    # ThreadSanitizer: the runtime, with random delays between its actions
#
# Needs build/bin (scripts/setup.sh test). MUTANTS, DELAYS in the environment say how many of each; SEED where they begin.
set -euo pipefail
cd "$(dirname "$0")/.."
mutants=${MUTANTS:-60} delays=${DELAYS:-20} seed=${SEED:-0}
python=build/venv/bin/python
export OMP_NUM_THREADS=1

configure() { # FOLDER SANITIZERS OPTIONS...
  [[ -f $1/build.ninja ]] || cmake -G Ninja -B "$1" -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DBITPIPE_SANITIZE="$2" "${@:3}" >/dev/null
  nice ninja -C "$1" 2>&1 | { grep -vE '^\[[0-9]+/|^ninja: ' || true; }
}

address() {
  configure build/address address,undefined
  export ASAN_OPTIONS=detect_leaks=0 # MLIR keeps what it made until the end
  echo "unit tests" # but for those that search schedules for minutes
  ls build/address/bin/*-test | grep -vE 'schedule-(costs|placements|groups|ranges|one-v)-test' |
    xargs -P "$(nproc)" -I TEST sh -c 'TEST >/dev/null || { echo "FAIL TEST"; exit 1; }'
  echo "the runtime"
  $python test/Runtime/Inputs/sanitized.py build/address/bin --delays=2 --seed="$seed"
  echo "mutants"
  $python test/Fuzz/fuzz.py --bin build/address/bin --count="$mutants" --seed="$seed" --keep build/mutants
}

thread() {
  configure build/thread thread -DBITPIPE_COMPILER=OFF
  # oneDNN and the kernels are not instrumented; nothing in them is shared.
  export TSAN_OPTIONS="halt_on_error=1 ignore_noninstrumented_modules=1"
  $python test/Runtime/Inputs/sanitized.py build/thread/bin --delays="$delays" --seed="$seed"
}

case ${1:-} in
address) address ;;
thread) thread ;;
*) echo "usage: scripts/sanitize.sh address|thread" >&2; exit 2 ;;
esac
