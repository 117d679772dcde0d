#!/usr/bin/env bash
# Shell completion offers what the tables hold: in bash by asking it, in zsh and fish, where they
# are installed, that they read it.
#   completion.sh NCA
set -euo pipefail
nca=$(realpath "${1:-build/nca}")
failed=0
source <("$nca" completion bash)

# offers "WORDS OF THE LINE" EXPECTED...: the last word is the one to complete; "" is an empty one.
offers() {
  eval "COMP_WORDS=($1)"
  shift
  COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
  COMPREPLY=()
  _nca || true   # nothing to offer is no failure
  [ "${COMPREPLY[*]}" = "$*" ] || {
    echo "FAILED: ${COMP_WORDS[*]} offers ${COMPREPLY[*]}, not $*"
    failed=1
  }
}

offers 'nca tr' train
offers 'nca in' info
offers 'nca --v' --version
offers 'nca train --damage-radius-m' --damage-radius-min --damage-radius-max
# The presets are those of the help.
presets=$("$nca" train --help | sed -n '/^Presets:/,/^$/s/^  \([a-z][a-z0-9-]*\).*/\1/p')
[[ " "$presets" " == *healing*growing* ]] || failed=1
offers 'nca train --preset blog' $(grep '^blog' <<<"$presets")
offers 'nca study --settings batch4' batch4-damaged1-steps64
offers 'nca study --ju' --judge
offers 'nca study re' regeneration
offers 'nca bench ""' step all
# The attacks are those of the help.
attacks=$("$nca" attack --help | sed -n '/^Attacks:/,/^$/s/^  \([a-z][a-z-]*\) .*/\1/p')
[[ $attacks == *cells*killed* ]] || failed=1
offers 'nca attack ""' $attacks
offers 'nca attack input' input-gradient input-noise
offers 'nca attack killed zoo : li' lizard
offers 'nca run --damage l' lower@200 left@200
offers 'nca eval --lo' --long-run
offers 'nca eval --steps-m'
offers 'nca run --device ""' auto cpu cuda reference
offers 'nca run --cuda-path ""' auto fused cublas
offers 'nca verify --precision ""' f32 bf16 bf16x3 tf32 auto
offers 'nca run rule.safet'   # the shell's own file names follow
offers 'nca export good --format ""' json html onnx glsl
offers 'nca export --numbers ""' float32 float16 uint8
# The rules of the zoo: the files that lie there. Bash takes "zoo:l" for three words, or for one.
zoo=$(cd zoo && printf '%s\n' *.safetensors | sed 's/\.safetensors$//')
[[ $zoo == *lizard* ]] || failed=1
offers 'nca run z' $(sed 's/^/zoo:/' <<<"$zoo")
offers 'nca run zoo :' $zoo
offers 'nca export zoo : li' lizard
offers 'nca export zoo : lizard zoo : f' face fish
offers 'nca info zoo:li' zoo:lizard
offers 'nca train --from zoo : ey' eye
offers 'nca train --from=zoo:ey' --from=zoo:eye
offers 'nca bench z'
offers 'nca completion ""' bash zsh fish
offers 'nca completion f' fish
offers 'nca help ev' eval
offers 'nca he' help
offers 'nca m' man
offers 'nca man ev' eval
offers 'nca run base -o' -o
offers 'nca bench -o'
# Bash takes "--preset=h" for three words, or for one where "=" is no break between words.
offers 'nca train --preset =' $presets
offers 'nca train --preset = heal' $(grep '^heal' <<<"$presets")
offers 'nca train --preset=heal' $(grep '^heal' <<<"$presets" | sed 's/^/--preset=/')
offers 'nca run --device=c' --device=cpu --device=cuda
offers 'nca run --output = rule'

# Every command and every option of its help is offered.
for command in $("$nca" completion bash | sed -n "s/^        \([a-z]*\)) words=.*/\1/p"); do
  words=$("$nca" completion bash | sed -n "s/^        $command) words='\(.*\)' ;;/\1/p")
  for option in $("$nca" "$command" --help | sed -n 's/^  \(-o, \)\?--\(\[no-\]\)\?\([a-z0-9-]*\).*/\3/p'); do
    [[ " $words " == *" --$option "* ]] || {
      echo "FAILED: nca $command --$option is not offered"
      failed=1
    }
  done
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
for shell in zsh fish; do
  "$nca" completion "$shell" >"$scratch/$shell"
  [ -s "$scratch/$shell" ] || failed=1
  if command -v "$shell" >/dev/null; then
    "$shell" -n "$scratch/$shell" || failed=1
    # As in a file that is read when a shell starts, before anything else is set up.
    case $shell in zsh) run="zsh -f" ;; *) run="$shell --no-config" ;; esac
    $run "$scratch/$shell" >"$scratch/said" 2>&1 && [ ! -s "$scratch/said" ] || {
      echo "FAILED: $run says: $(cat "$scratch/said")"
      failed=1
    }
  fi
done
for words in "completion --help" "completion -h" "help completion"; do
  "$nca" $words | grep -q "nca completion bash" || failed=1
done
for words in "man --help" "man -h" "help man"; do
  "$nca" $words | grep -q "Usage: nca man" || failed=1
done
for word in nca man completion; do
  "$nca" man "$word" | cmp - <("$nca" man) || failed=1
done
! "$nca" man nothing 2>"$scratch/error"
grep -q "nothing: no such command" "$scratch/error" || failed=1
! "$nca" completion tcsh 2>"$scratch/error"
grep -q "choose bash, zsh or fish" "$scratch/error" || failed=1
exit $failed
