#!/usr/bin/env bash
# The rules that come with the program are called by name, and are those of the folder's files.
#   zoo.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"

for file in "$root"/zoo/*.safetensors; do
  name=zoo:$(basename "$file" .safetensors)
  "$nca" run "$name" --steps 3 --output named.npy --force >/dev/null
  "$nca" run "$file" --steps 3 --output file.npy --force >/dev/null
  cmp named.npy file.npy || fail "$name is not $file"
  "$nca" info | grep -q "\"$name\"" || fail "nca info does not list $name"
done
"$nca" info zoo:eye --json | grep -q '"elements": 8336' || fail "nca info zoo:eye"
"$nca" export zoo:eye -o eye.json >/dev/null || fail "nca export zoo:eye"
"$nca" train --from zoo:eye --target-size 8 --padding 2 --batch 2 --pool 4 --reseeded 1 --damaged 0 \
  --steps-min 2 --steps-max 3 --updates 1 --out run --quiet >/dev/null
"$nca" info run/from.safetensors --json | grep -q '"elements": 8336' || fail "--from zoo:eye"

# refused WORDS ARGUMENT...
refused() {
  local words=$1 code=0
  shift
  "$nca" "$@" >stdout 2>stderr || code=$?
  [ "$code" -eq 2 ] && [ "$(wc -l <stderr)" -eq 1 ] && grep -qF -- "$words" stderr ||
    fail "nca $*: exit code $code: $(cat stderr)"
}
for command in info run eval "export -o x.json" "train --from"; do
  refused "did you mean zoo:lizard?" $command zoo:lizrd
done
refused "no such rule; the zoo has beetle, butterfly, eye, " run zoo:
refused "no such rule" run zoo:../zoo/eye

# Its picture is there as well.
"$nca" eval zoo:eye --steps 100 --seeds 1 --no-cuts --long-run 0 --json >eval.json
sed -n 's/.*"100": {"median": \([-0-9.]*\).*/\1/p' eval.json | awk '{ exit !($1 < -3.5) }' ||
  fail "nca eval zoo:eye: $(cat eval.json)"
