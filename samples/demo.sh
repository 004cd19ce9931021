#!/bin/sh
# The whole story on a sample with a known label shift: diagnose -> recommend -> adapt -> predict -> evaluate.
# usage: sh samples/demo.sh [FOLDER]   (mdshift must be on the PATH)
set -eu
out=${1:-demo}
say() { printf '\n$ %s\n' "$*"; }
run() { say "$@"; "$@"; }

mkdir -p "$out"
run mdshift samples "$out/samples" --force
pair="$out/samples/label"

say "mdshift diagnose $pair/source.csv $pair/target_unlabelled.csv --label y --json > $out/diagnosis.json"
mdshift diagnose "$pair/source.csv" "$pair/target_unlabelled.csv" --label y --json > "$out/diagnosis.json"
run mdshift diagnose "$pair/source.csv" "$pair/target_unlabelled.csv" --label y -o "$out/diagnosis.html"
say "mdshift recommend $out/diagnosis.json --json > $out/recommendation.json"
mdshift recommend "$out/diagnosis.json" --json > "$out/recommendation.json"
run mdshift recommend "$out/diagnosis.json"
run mdshift adapt --plan "$out/recommendation.json" --strategy auto --out "$out/model" --force
run mdshift predict "$out/model" "$pair/new.csv" -o "$out/predicted.csv"
run mdshift evaluate "$out/model" "$pair/target.csv"

printf '\nThe saved model:       %s\n' "$out/model"
printf 'Its report:            %s\n' "$out/model/report.json"
printf 'The diagnosis to read: %s\n' "$out/diagnosis.html"
printf 'The predictions:       %s\n' "$out/predicted.csv"
