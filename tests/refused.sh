# Sourced by the tests of what nca refuses: a folder of their own with a small run "good" in it, and
# refused(), which runs nca and looks at everything it must do and must not do.
nca=$(realpath "${1:-build/nca}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch" "$scratch.good"' EXIT
cd "$scratch"
failed=0
cases=0

complain() {
  echo "FAILED: nca $1: $2"
  [ ! -s stderr ] || sed 's/^/    /' stderr
  failed=1
}

# refused WORDS ARGUMENT...: the message holds the words; no file is made.
refused() {
  local words=$1 code=0 before after
  shift
  cases=$((cases + 1))
  before=$(find . -mindepth 1 ! -name stdout ! -name stderr | sort)
  ${run_as:-timeout 60 "$nca"} "$@" >stdout 2>stderr || code=$?
  after=$(find . -mindepth 1 ! -name stdout ! -name stderr | sort)
  [ "$code" -eq 2 ] || complain "$*" "exit code $code, not 2"
  [ "$(wc -l <stderr)" -eq 1 ] || complain "$*" "not one line"
  grep -qF -- "$words" stderr || complain "$*" "does not say \"$words\""
  [ "$before" = "$after" ] || complain "$*" "left behind: $(diff <(echo "$before") <(echo "$after") | tr '\n' ' ')"
}

small=(--target 🦎 --target-size 8 --padding 2 --batch 2 --pool 4 --reseeded 1 --damaged 0
  --steps-min 2 --steps-max 3 --hidden 16)
"$nca" train "${small[@]}" --updates 2 --out good --quiet >/dev/null 2>stderr || {
  cat stderr
  grep -q "no emoji font" stderr && exit 77
  exit 1
}
checksums() { find "$1" -type f -exec sha256sum {} + | sort; }
checksums good >"$scratch.good"

# Ends the script: nothing that was refused has changed the run.
conclude() {
  checksums good | diff "$scratch.good" - || complain "" "a refusal changed the run folder"
  echo "$cases cases"
  exit $failed
}
