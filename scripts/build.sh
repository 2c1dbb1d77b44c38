#!/usr/bin/env bash
# build.sh [TARGET...]: configures on the first run and builds; all targets
# unless some are named. MPCC_BUILD_DIR: where (default: build/ in the
# checkout); CMAKE_ARGS: further arguments of cmake's first run.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${MPCC_BUILD_DIR:-$root/build}
case ${1-} in
  -h | --help) sed -n '2,4s/^# //p' "$0"; exit 0 ;;
  -*) echo "build.sh: unknown option '$1'" >&2; exit 2 ;;
esac

# Build folders of one checkout share compiled objects (see the manual of
# ccache, "Compiling in different directories").
export CCACHE_BASEDIR=${CCACHE_BASEDIR:-$root} CCACHE_NOHASHDIR=1

# A first run that failed leaves a cache but nothing to build with.
if [ ! -f "$build/build.ninja" ] && [ ! -f "$build/Makefile" ]; then
  generator=()
  command -v ninja >/dev/null && generator=(-G Ninja)
  # shellcheck disable=SC2086 # CMAKE_ARGS is a list of words
  cmake -S "$root" -B "$build" "${generator[@]}" \
    -DPython3_EXECUTABLE=/usr/bin/python3 ${CMAKE_ARGS:-}
fi
targets=()
[ $# -eq 0 ] || targets=(--target "$@")
exec cmake --build "$build" --parallel "$(nproc)" "${targets[@]}"
