#!/usr/bin/env bash
# Runs every test (lit, unit, end to end) and ends with "N passed, N failed".
set -uo pipefail
cd "$(dirname "$0")/.."
log=build/test.log
# One more than there are cores: some tests wait most of their time.
build/venv/bin/python /usr/lib/llvm-22/bin/lit --timeout 900 -j "$(($(nproc) + 1))" -v build/test "$@" > "$log" 2>&1 &
lit=$!
while kill -0 "$lit" 2>/dev/null; do
  sleep 2
  [[ -t 1 ]] && printf '\r%s tests done' "$(grep -cE '^(PASS|FAIL|UNRESOLVED|TIMEOUT|XPASS):' "$log")"
done
[[ -t 1 ]] && echo
wait "$lit"
status=$?
count() { grep -cE "^($1): " "$log"; }
passed=$(count 'PASS|XFAIL')
failed=$(count 'FAIL|UNRESOLVED|TIMEOUT|XPASS')
((status == 0)) || sed -n '1,400p' "$log"
if ((passed == 0 || (status != 0 && failed == 0))); then
  echo "no test ran, or lit itself failed (exit $status); see $log"
  exit 1
fi
echo "$passed passed, $failed failed"
exit "$status"
