#!/usr/bin/env bash
# demo.sh [SUM...]: a private calculator. Installs what is missing, builds,
# compiles models/adder and lets three processes add, e.g. demo.sh "347+589";
# without arguments a few sums of its own. Shows the private answer beside the
# plaintext one. MPCC_BUILD_DIR: as for build.sh.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export MPCC_BUILD_DIR=${MPCC_BUILD_DIR:-$root/build}
case ${1-} in
  -h | --help) sed -n '2,5s/^# //p' "$0"; exit 0 ;;
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
/usr/bin/python3 "$root/scripts/demo.py" "$MPCC_BUILD_DIR" "$@"
