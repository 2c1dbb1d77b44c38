#!/usr/bin/env bash
# format.sh [--fix]: exit 1 and the places where C++ is not as clang-format has
# it (.clang-format); --fix rewrites the files. Only files that git knows.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
mode=(--dry-run -Werror)
case ${1-} in
  "") ;;
  --fix) mode=(-i) ;;
  -h | --help) sed -n '2,3s/^# //p' "$0"; exit 0 ;;
  *) echo "format.sh: unknown option '$1'" >&2; exit 2 ;;
esac
command -v clang-format >/dev/null || "$root/scripts/install-deps.sh" --dev
cd "$root"
# Tables (*.def) are aligned by hand.
git ls-files -z --cached --others --exclude-standard '*.cpp' '*.h' |
  xargs -0 clang-format "${mode[@]}"
