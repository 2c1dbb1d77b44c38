#!/usr/bin/env bash
# install-deps.sh [--dev]: installs the Debian 12 packages that building,
# testing and the demo need; does nothing where they are there already.
# --dev adds what developers use besides: clang-format, clang-tidy, benchmarks,
# plots.
set -euo pipefail

# What each is for, the one list: a package is named nowhere else.
packages=(
  g++ cmake ninja-build ccache pkg-config           # the build
  llvm-19-dev llvm-19-tools libzstd-dev zlib1g-dev  # ir/: ADT, lit, FileCheck
  libprotobuf-dev protobuf-compiler                 # frontend/
  libfmt-dev libssl-dev libxxhash-dev               # runtime/
  libtomlplusplus-dev                               # runtime/service, tools/
  libcli11-dev nlohmann-json3-dev                   # tools/
  catch2 libonnx-testdata                           # tests/unit
  python3 python3-numpy python3-onnx binutils       # tests/e2e, models/, demo
  openssl iproute2 libfaketime python3-yaml         # tests/e2e, deployments
  python3-kubernetes docker-compose                 # their files' schemas
)
dev_packages=(clang-format clang-tidy libbenchmark-dev python3-matplotlib)

for arg in "$@"; do
  case $arg in
    --dev) packages+=("${dev_packages[@]}") ;;
    -h | --help) sed -n '2,5s/^# //p' "$0"; exit 0 ;;
    *) echo "install-deps.sh: unknown option '$arg'" >&2; exit 2 ;;
  esac
done

if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
  echo "install-deps.sh: error: no apt here; the build needs what these" \
    "Debian packages hold: ${packages[*]}" >&2
  exit 1
fi

missing=()
for package in "${packages[@]}"; do
  state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
  [ "$state" = installed ] || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

echo "installing: ${missing[*]}" >&2
sudo=()
if [ "$(id -u)" != 0 ]; then
  command -v sudo >/dev/null || {
    echo "install-deps.sh: error: run as root, or install sudo" >&2
    exit 1
  }
  sudo=(sudo)
fi
apt() {
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -qq "$@"
}
install() {
  apt install -y --no-install-recommends "${missing[@]}" >/dev/null
}
# Package lists may be absent (a fresh container) or stale (404 on a version).
if ! apt-cache show "${missing[@]}" >/dev/null 2>&1; then
  apt update
  install
else
  install 2>/dev/null || { apt update && install; }
fi
