#!/bin/bash
# Measures refs times history: `branch`, `tag`, `push` and `fetch` beside many branches and commits.
# usage: benches/refs.sh MDL [BRANCHES] [COMMITS]; prints seconds of wall time.
set -euo pipefail
mdl=$(realpath "$1") branches=${2:-2000} commits=${3:-200}
folder=$(mktemp -d); trap 'rm -rf "$folder"' EXIT
export MDL_AUTHOR_NAME=A MDL_AUTHOR_EMAIL=a@example.org HOME=$folder TIMEFORMAT=%R
mkdir "$folder/ours"; cd "$folder/ours"
echo 'a: 0' > params.yaml; "$mdl" init -q
for ((i = 0; i < commits; i++)); do echo "a: $i" > params.yaml; "$mdl" commit -q -m "$i"; done
names=$(seq -f 'main:b%g' 0 $((branches - 1)))
told() { printf '%s: ' "$1"; shift; time "$@" > /dev/null; }
told 'branch at HEAD' "$mdl" branch at-head
told 'tag at HEAD' "$mdl" tag tag-head
told 'branch at HEAD~100' "$mdl" branch earlier HEAD~100
"$mdl" remote add -q origin "$folder/remote"
# shellcheck disable=SC2086
told 'push, new' "$mdl" push -q origin $names
# shellcheck disable=SC2086
told 'push, nothing to do' "$mdl" push -q origin $names
told 'clone' "$mdl" clone -q "$folder/remote" "$folder/theirs"
mkdir "$folder/others"; cd "$folder/others"; "$mdl" init -q; "$mdl" remote add origin "$folder/remote" > /dev/null
told 'fetch, new' "$mdl" fetch -q
told 'fetch, nothing to do' "$mdl" fetch -q
