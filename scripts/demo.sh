#!/usr/bin/env bash
# demo.sh [--organisations] [SUM...]: a private calculator. Installs what is missing, builds,
# compiles models/adder and lets three processes add, e.g. demo.sh "347+589";
# without arguments a few sums of its own. Shows the private answer beside the
# plaintext one. With --organisations: an owner, a client and three operators,
# each a process with a folder of its own, over mutual TLS, and what TLS costs.
# MPCC_BUILD_DIR: as for build.sh.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export MPCC_BUILD_DIR=${MPCC_BUILD_DIR:-$root/build}
case ${1-} in
  -h | --help) sed -n '2,7s/^# //p' "$0"; exit 0 ;;
esac
"$root/scripts/install-deps.sh"

# The first build takes minutes and shows what it does; later ones are silent
# unless they fail.
if [ -x "$MPCC_BUILD_DIR/tools/mpcc" ] && [ -x "$MPCC_BUILD_DIR/tools/mpcrun" ]
then
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  "$root/scripts/build.sh" mpcc mpcrun >"$log" 2>&1 || { cat "$log"; exit 1; }
else
  echo "Building mpcc and mpcrun; this takes some minutes, once." >&2
  "$root/scripts/build.sh" mpcc mpcrun >&2
fi
if [ "${1-}" = --organisations ]; then
  shift
  exec /usr/bin/python3 "$root/scripts/demo_organisations.py" \
    "$MPCC_BUILD_DIR" "$@"
fi
/usr/bin/python3 "$root/scripts/demo.py" "$MPCC_BUILD_DIR" "$@"
