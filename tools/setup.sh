#!/bin/sh
# tools/setup.sh build|test — install what building (or testing) weir needs, if it is missing.
#
# Asks the machine first and touches nothing when all is there: no network, no root. Otherwise it
# installs Debian packages with apt, through sudo unless already root. `test` also makes .venv with
# the oracles of tools/requirements.txt; without them the suites that compare are skipped by name.
set -eu
cd "$(dirname "$0")/.."

# One line a need: the question to the machine, then the Debian package that answers it.
BUILD_NEEDS='
command -v cc                     | gcc
command -v meson                  | meson
command -v ninja                  | ninja-build
command -v pkg-config             | pkg-config
has_header stdio.h                | libc6-dev
pkg-config --exists yaml-0.1      | libyaml-dev
pkg-config --exists libzstd       | libzstd-dev
pkg-config --exists liblz4        | liblz4-dev
pkg-config --exists zlib          | zlib1g-dev
has_header bzlib.h                | libbz2-dev
pkg-config --exists liblzma       | liblzma-dev
pkg-config --exists libbrotlienc  | libbrotli-dev
pkg-config --exists libxxhash     | libxxhash-dev
pkg-config --exists nettle        | nettle-dev
pkg-config --exists libutf8proc   | libutf8proc-dev
'
TEST_NEEDS='
pkg-config --exists cmocka        | libcmocka-dev
command -v gzip                   | gzip
command -v zstd                   | zstd
command -v lz4                    | lz4
command -v bzip2                  | bzip2
command -v xz                     | xz-utils
command -v clang                  | clang
has_fuzzer_runtime                | libclang-rt-14-dev
has_venv                          | python3-venv
'

has_header() {
    echo "#include <$1>" | cc -E - >/dev/null
}

has_fuzzer_runtime() {
    test -n "$(find "$(clang -print-resource-dir)" -name 'libclang_rt.fuzzer*' | head -n 1)"
}

# The system's interpreter where there is one: version managers put others first in PATH.
python() {
    if [ -x /usr/bin/python3 ]; then /usr/bin/python3 "$@"; else python3 "$@"; fi
}

has_venv() {
    python -c 'import ensurepip, venv'
}

missing_packages() {
    echo "$1" | while IFS='|' read -r question package; do
        [ -z "$question" ] || eval "$question" >/dev/null 2>&1 || echo "$package"
    done
}

install_packages() {
    missing=$(missing_packages "$1" | tr -d ' ' | tr '\n' ' ')
    [ -n "$missing" ] || return 0
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: this is not Debian; please install what these packages hold: $missing" >&2
        exit 1
    fi
    as_root=
    [ "$(id -u)" -eq 0 ] || as_root=sudo
    echo "setup: installing $missing"
    $as_root apt-get update -q >/dev/null
    # shellcheck disable=SC2086 # a list of words
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends $missing >/dev/null
    missing=$(missing_packages "$1" | tr -d ' ' | tr '\n' ' ')
    [ -z "$missing" ] || { echo "setup: still missing after apt: $missing" >&2; exit 1; }
}

oracles_present() {
    [ -x .venv/bin/python ] && .venv/bin/python - <<'PY' >/dev/null 2>&1
from importlib.metadata import version
for line in open("tools/requirements.txt"):
    name, _, wanted = line.strip().partition("==")
    assert not wanted or version(name) == wanted, name
PY
}

install_oracles() {
    oracles_present && return 0
    echo "setup: making .venv with the oracles of tools/requirements.txt"
    [ -x .venv/bin/python ] || python -m venv --clear .venv
    .venv/bin/python -m pip install -q --disable-pip-version-check -r tools/requirements.txt ||
        echo "setup: no oracles: comparing suites and benchmarks will be skipped" >&2
}

case "${1:-}" in
build)
    install_packages "$BUILD_NEEDS"
    ;;
test)
    install_packages "$BUILD_NEEDS"
    install_packages "$TEST_NEEDS"
    install_oracles
    ;;
*)
    echo "usage: tools/setup.sh build|test" >&2
    exit 2
    ;;
esac
