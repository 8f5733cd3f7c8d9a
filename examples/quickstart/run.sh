#!/bin/sh
# examples/quickstart/run.sh [WEIR] — the quick start: 2 GB of web log through a cap of 32 MB.
#
# Makes the data once (ROWS=170000 for a hundredth of it), then runs the report and the sort. All of
# it stays in data/ and out/ beside this file; delete both to start again.
set -eu
weir=$(command -v "${1:-weir}") || { echo "quickstart: no program '${1:-weir}': run make" >&2; exit 2; }
weir=$(realpath "$weir")
cd "$(dirname "$0")"
mkdir -p data out

step() {
    printf '\n== %s\n' "$1" >&2
    shift
    "$weir" run --memory-cap 32MB "$@"
}

[ -s data/access.csv ] || step "making data/access.csv" 1-make.yaml
step "joining, aggregating, top 20" 2-report.yaml
step "sorting the whole log" 3-sort.yaml

printf '\n'
column -s, -t < out/regions.csv 2>/dev/null || cat out/regions.csv
printf '\nmost asked for (out/top20.csv):\n'
head -n 6 out/top20.csv
printf '\nsorted (out/by_user.csv, %s bytes):\n' "$(stat -c %s out/by_user.csv)"
head -n 4 out/by_user.csv
