#!/usr/bin/env bash
# Builds with sanitizers below build/address and build/thread and runs what looks for faults there:
#
#   scripts/sanitize.sh address    # AddressSanitizer, UBSan: unit tests, schedules, the runtime, mutants of what it reads
#   scripts/sanitize.sh thread     # ThreadSanitizer: the runtime, ranks as threads, with random delays between actions
#   scripts/sanitize.sh compiler   # AddressSanitizer, UBSan: bitpipe-opt on the tests of its phases, mutants of what it reads
#
# Needs build/bin (scripts/setup.sh test). MUTANTS, DELAYS in the environment say how many of each; SEED where they begin.
set -euo pipefail
cd "$(dirname "$0")/.."
mutants=${MUTANTS:-60} delays=${DELAYS:-20} seed=${SEED:-0}
python=build/venv/bin/python
jobs=$(nproc) # which OMP_NUM_THREADS would change
export OMP_NUM_THREADS=1

build() { # FOLDER SANITIZERS OPTIONS... -- TARGETS...
  local folder=$1 sanitizers=$2 options=()
  shift 2
  while [[ $1 != -- ]]; do options+=("$1"); shift; done
  [[ -f $folder/build.ninja ]] || cmake -G Ninja -B "$folder" -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 \
    -DCMAKE_BUILD_TYPE=Release -DCMAKE_CXX_FLAGS_RELEASE=-O1 -DBITPIPE_SANITIZE="$sanitizers" "${options[@]}" >/dev/null
  ninja -C "$folder" "${@:2}" 2>&1 | { grep -vE '^\[[0-9]+/|^ninja: ' || true; }
}

# MLIR keeps what it made until the end, and marks memory in its headers as
# unused that its libraries, which are not instrumented, use.
export ASAN_OPTIONS=detect_leaks=0:allow_user_poisoning=0
# oneDNN and the kernels are not instrumented; nothing in them is shared.
export TSAN_OPTIONS="halt_on_error=1 ignore_noninstrumented_modules=1"

fuzz() { # KINDS...
  $python test/Fuzz/fuzz.py "$@" --bin build/address/bin --count="$mutants" --seed="$seed" --keep build/mutants
}

address() {
  # All but those that search schedules for minutes.
  local tests=(attention-check-test attention-test balance-test checkpoint-test cores-test environment-test fat-binary-test matmul-test optimizer-test team-test transport-test
    schedule-{golden,families,odd,shares,balance,updates}-test replicated-test)
  # Of mutants of programs and of orders a share.
  local mutated=("schedule-mutation-test 20" "schedule-orders-test 200")
  build build/address address,undefined -- bitpipe-run output-file-test "${tests[@]}" "${mutated[@]%% *}"
  rm -rf build/address/scratch && mkdir build/address/scratch
  build/address/bin/output-file-test "$PWD/build/address/scratch"
  printf '%s\n' "${mutated[@]}" "${tests[@]}" |
    xargs -P "$jobs" -I TEST sh -c 'build/address/bin/TEST >/dev/null || { echo "FAIL TEST"; exit 1; }'
  echo "$((${#tests[@]} + ${#mutated[@]} + 1)) unit tests"
  $python test/Runtime/Inputs/sanitized.py build/address/bin --delays=2 --seed="$seed"
  fuzz plan weights tokens tensors
}

thread() {
  build build/thread thread -DBITPIPE_COMPILER=OFF -- bitpipe-run network-test team-test transport-test
  for ((i = seed; i < seed + delays; i += 4)); do
    SEED=$i BITPIPE_DELAY_SEED=$i build/thread/bin/network-test 3
    BITPIPE_DELAY_SEED=$i build/thread/bin/transport-test
    BITPIPE_DELAY_SEED=$i build/thread/bin/team-test
  done
  echo "ranks as threads: $(((delays + 3) / 4)) seeds of delays"
  $python test/Runtime/Inputs/sanitized.py build/thread/bin --delays="$delays" --seed="$seed"
}

compiler() {
  build build/address address,undefined -- bitpipe-opt bitpipe-run
  ln -sfn ../venv build/address/venv
  $python /usr/lib/llvm-22/bin/lit -q -j "$jobs" build/address/test \
    --filter '(Dialect|ONNX|Autodiff|Partition|Planning|Lower|Kernels)/.*\.mlir$|EndToEnd/(precision|own-loss|give-back)' | sed '/^$/d'
  fuzz onnx operators ir orders routes costs
}

case ${1:-} in
address | thread | compiler) "$1" ;;
*) echo "usage: scripts/sanitize.sh address|thread|compiler" >&2; exit 2 ;;
esac
