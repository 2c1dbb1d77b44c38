#!/usr/bin/env bash
# test.sh [OPTION...]: installs what is missing, builds everything, runs every
# test. The last line is "N passed, N failed, N skipped" over all suites; exit
# 0 if none failed. Options go to run-suites.py (--help lists them).
# MPCC_BUILD_DIR: as for build.sh.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export MPCC_BUILD_DIR=${MPCC_BUILD_DIR:-$root/build}
case " $* " in
  *" -h "* | *" --help "*)
    sed -n '2,5s/^# //p' "$0"
    exec /usr/bin/python3 "$root/scripts/run-suites.py" --help ;;
esac

"$root/scripts/install-deps.sh"
start=$SECONDS
if ! "$root/scripts/build.sh"; then
  echo "the build failed"
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi
echo "built in $((SECONDS - start)) s"
exec /usr/bin/python3 "$root/scripts/run-suites.py" \
  --build-dir "$MPCC_BUILD_DIR" "$@"
