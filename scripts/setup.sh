#!/usr/bin/env bash
# Installs what is missing and builds everything below build/.
#
#   scripts/setup.sh demo     # what the demo needs
#   scripts/setup.sh test     # and what the tests need (PyTorch, transformers)
#
# Safe to run again: what is there already is left alone.
set -euo pipefail
cd "$(dirname "$0")/.."
kind=${1:-demo}

missing=()
while read -r package; do
  [[ -z $package || $package == \#* ]] && continue
  dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
done < scripts/packages.txt
if ((${#missing[@]})); then
  echo "installing ${missing[*]}"
  apt-get update -q >/dev/null
  DEBIAN_FRONTEND=noninteractive apt-get install -qy --no-install-recommends "${missing[@]}" >/dev/null
fi

venv=build/venv
stamp=$venv/installed-$kind
requirements=scripts/requirements-$kind.txt
if [[ ! -f $stamp || $requirements -nt $stamp || scripts/requirements-demo.txt -nt $stamp ]]; then
  echo "installing Python packages for the $kind"
  [[ -x $venv/bin/python ]] || /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install -q --disable-pip-version-check -r "$requirements"
  touch "$stamp"
fi

# The real libraries, on no GPU: cuDNN is asked for plans, declarations are held against headers, and
# printed programs link. In a folder of their own, so that nothing else finds them.
alone=scripts/requirements-alone.txt
if [[ $kind == test && ( ! -f build/alone/installed || $alone -nt build/alone/installed ) ]]; then
  rm -rf build/alone
  "$venv/bin/pip" install -q --disable-pip-version-check --no-deps --target build/alone -r "$alone"
  touch build/alone/installed
fi

[[ -f build/build.ninja ]] || cmake -G Ninja -B build -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 >/dev/null

# Lets one of ninja's counts through every 20 seconds, and all that is no count.
seldom() {
  local line next=0
  while IFS= read -r line; do
    case $line in
      "ninja: Entering directory"* | "ninja: no work to do."*) ;;
      \[*/*\]\ *)
        ((SECONDS < next)) && continue
        echo "building ${line%% *}"
        next=$((SECONDS + 20)) ;;
      *) printf '%s\n' "$line" ;;
    esac
  done
}

# Unit tests and benchmarks are nothing that the demo needs.
targets=()
[[ $kind == demo ]] && targets=(bitpipe-opt bitpipe-run)

# On a terminal ninja itself counts, in a line that changes.
if [[ -t 1 ]]; then
  ninja -C build "${targets[@]}"
else
  ninja -C build "${targets[@]}" 2>&1 | seldom
fi
