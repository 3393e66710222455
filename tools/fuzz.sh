#!/bin/sh
# Runs one libFuzzer target on its corpus: tools/fuzz.sh TARGET CORPUS [SECONDS]
# New inputs go to build/fuzz/found/<target>; keep the telling ones in the corpus by hand.
set -eu
target=$1
corpus=$2
seconds=${3:-300}
name=$(basename "$target")
found=$(dirname "$0")/../build/fuzz/found/$name
mkdir -p "$found" "$corpus"
exec "$target" "$found" "$corpus" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
  -print_final_stats=0 -verbosity=0 -artifact_prefix="$found/crash-"
