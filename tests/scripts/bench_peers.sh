#!/usr/bin/env bash
# scripts/bench_peers.sh without PyTorch, JAX or a GPU: who is timed, what is refused, that it ends
# in time and that nothing measured is lost. Stand-ins answer for the frameworks' Python and for
# nca.
#   bench_peers.sh NCA
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
. "$root/tests/scratch.sh"
command -v python3 >/dev/null || {
  echo "no python3: skipped"
  exit 77
}

# A pack: there is nothing else to build or install with.
mkdir -p pack/scripts pack/bench/peers pack/cases elsewhere
cp "$root/scripts/bench_peers.sh" pack/scripts/
cp "$root"/bench/peers/*.py pack/bench/peers/
touch pack/cases/adam_piecewise.safetensors
cat >pack/nca <<'EOS'
#!/usr/bin/env bash
echo "$*" >>"$LOG"
case "$NCA_LACKS $*" in
  *cuda*cuda*) echo "nca bench: no NVIDIA driver" >&2; exit 2 ;;
  *bf16*bf16*) echo "nca bench: --precision bf16: this processor has no instructions for it" >&2; exit 2 ;;
esac
whole='{"device": "it", "isa": "fused", "median_ms": 2.5, "peak_rss_mb": 9, "active_fraction": 0.2}'
echo "${NCA_SAYS:-$whole}"
EOS
# $LACKS: frameworks that are not there. $BLIND: one that finds no GPU. $WRONG: a variant that is
# not what the oracle is. conv-compiled cannot be done, $SLOW is what a run takes. $PROBE: its
# answer.
cat >python <<'EOS'
#!/usr/bin/env bash
framework=$(basename "$1" _nca.py)
echo "$* $JAX_PLATFORMS ${NVIDIA_TF32_OVERRIDE-}" >>"$LOG"
case "$LACKS" in *$framework*) echo "ModuleNotFoundError: No module named '$framework'" >&2; exit 1 ;; esac
case "$*" in
  *--probe*) [ "$framework" != "$BLIND" ] || { echo "$framework finds no CUDA device" >&2; exit 2; }
    [ -z "$PROBE" ] || { cat "$PROBE"; exit; }
    echo "{\"device\": \"H0 card\", \"versions\": {\"$framework\": \"1.2\"}}" ;;
  *" $WRONG "*--check*) echo "a case FAILED"; echo "the next ok"; exit 1 ;;
  *--check*) echo "$framework checked" ;;
  *" conv-compiled "*) echo "no C compiler" >&2; exit 1 ;;
  *) sleep "$SLOW"
    echo '{"median_ms": 10, "peak_rss_mb": 800, "peak_device_mb": 123.4, "versions": {}}' ;;
esac
EOS
chmod +x pack/nca python
export LOG=$scratch/log LACKS='' BLIND='' WRONG=none NCA_LACKS='' NCA_SAYS='' PROBE='' SLOW=0 NVIDIA_TF32_OVERRIDE=1
cd elsewhere

bench() { ../pack/scripts/bench_peers.sh "$@" >../stdout 2>../stderr; }
# ends CODE WORDS OPTION...: the words are in the last line of standard error.
ends() {
  local expected=$1 words=$2 code=0
  shift 2
  bench "$@" || code=$?
  [ $code -eq "$expected" ] || fail "$*: exit code $code, not $expected: $(cat ../stderr)"
  tail -1 ../stderr | grep -qF -- "$words" || fail "$*: does not say \"$words\": $(cat ../stderr)"
}
one_line() { [ "$(wc -l <../stderr)" -eq 1 ] || fail "not one line: $(cat ../stderr)"; }
says() { grep -qF -- "$1" ../"$2" || fail "$2 does not say \"$1\": $(cat ../"$2")"; }
# of_json EXPRESSION: of x.json, which is whole.
of_json() { python3 -c "import json; x = json.load(open('x.json')); print($1)"; }

# -- What is refused, in one line, before anything runs.
peers=(--python ../python)
for wrong in "only for --device cuda:--precision tf32" \
  "only for --device cpu:--device cuda --precision bf16" "no --peer computes in it:--precision bf16 --peer jax/conv" \
  "only for --device cuda:--peer torch/sliced-graph" "from 1 to:--seconds 0" \
  "no such folder:--json none/x.json" "no such program:--nca none" "must be one of:--peer torch/none"; do
  # shellcheck disable=SC2086
  ends 2 "${wrong%%:*}" "${peers[@]}" ${wrong#*:}
  one_line
done
for config in 1x9x4@0..2 1x9x4@. 1x9x4@ 1x9x4 1x9x2000@0.2 x; do
  ends 2 "$config: must be BATCHxGRIDxSTEPS@ACTIVE, as 4x56x128@0.22, with BATCH 1 to 256" "${peers[@]}" --config $config
  one_line
done
ends 2 "no such program" --python ../none
ends 2 "the name is empty" --python ""
# Of --json, what cannot be written whole. Nothing is touched or left.
mkdir folder
mkfifo pipe
ln -s circle circle
mkdir taken.part
for wrong in "argument --json: the name is empty:" "a folder:folder" "not a regular file:pipe" "cannot be written:/proc/x.json" \
  "not a regular file:/dev/null" "cannot be written:$(printf 'x%.0s' {1..252})" ":circle" "taken.part is in the way:taken"; do
  ends 2 "${wrong%:*}" "${peers[@]}" --json "${wrong##*:}"
  one_line
done
(ulimit -f 1 && ends 2 "cannot be written: File too large" "${peers[@]}" --json x.json)
if [ "$(ls)" != "$(printf '%s\n' circle folder pipe taken.part)" ] || [ ! -p pipe ] || [ ! -c /dev/null ]; then
  fail "a refused --json leaves something: $(ls -l)"
fi
# Where there is no python3, the Python that is given runs the script as well.
real=$(python3 -c 'import sys; print(sys.executable)')
mkdir ../tools
ln -s "$(command -v bash)" "$(command -v dirname)" ../tools/
alone() { PATH=$scratch/tools bash ../pack/scripts/bench_peers.sh "$@" >../stdout 2>../stderr; }
alone --python "$real" --plan || fail "without python3: $(cat ../stderr)"
says "python     $real" stdout
for wrong in "no python3 here:--plan" "--python /none: no Python:--plan --python /none"; do
  # shellcheck disable=SC2086
  alone ${wrong##*:} && fail "without any Python it ends well"
  one_line
  says "${wrong%:*}" stderr
done
ends 2 "--python: name a Python" --config 1x8x2@0.2
ends 2 "--python names the Python" --device cuda
one_line
[ ! -e ../log ] || fail "something ran: $(cat ../log)"
bench --plan "${peers[@]}" --device cuda --seconds 9
for words in "cuda, in f32, tf32" "peer       torch/sliced-graph" "20 steps, in 9 s" "pack/cases"; do
  says "$words" stdout
done
[ ! -e ../log ] || fail "a plan runs something: $(cat ../log)"

# -- Who is not there.
one=(--config 1x8x2@0.2 --rounds 1 --repeats 1)
LACKS=jax ends 1 "conv-compiled" "${peers[@]}" "${one[@]}" --peer torch/conv --peer jax/conv --peer torch/conv-compiled
says "JAX left out: ../python: cannot be imported: ModuleNotFoundError: No module named 'jax'" stderr
says "| PyTorch conv | 10 | **4.00**" stdout
WRONG=sliced ends 1 "4.00 times" "${peers[@]}" "${one[@]}" --peer torch/sliced --peer torch/conv
says "a case FAILED" stderr
! grep -q sliced ../stdout || fail "a variant that fails the oracle is timed"
WRONG=sliced ends 1 "sliced: not timed" "${peers[@]}" "${one[@]}" --peer torch/sliced
LACKS="torch jax" ends 2 "nobody to time beside nca: install numpy, safetensors and PyTorch or JAX for ../python" \
  "${peers[@]}" "${one[@]}"
# What answers, but not what was asked.
for answer in '{"median": 1}' '[1]' null '"fast"' word '{"median_ms": 0, "peak_rss_mb": 9, "active_fraction": 0.2}' \
  '{"median_ms": NaN, "peak_rss_mb": 9, "active_fraction": 0.2}' '{"median_ms": 1, "active_fraction": 0.2}'; do
  NCA_SAYS=$answer ends 2 "pack/nca cannot be timed: nca answered '$answer'" "${peers[@]}" "${one[@]}" --peer torch/conv
  one_line
done
printf '\377\376\200' >../bytes
echo '{}' >../object
for wrong in "nothing:/dev/null" "'{}': no usable device, versions:../object" "':../bytes"; do
  PROBE=${wrong##*:} ends 2 "for ../python, or name another Python" "${peers[@]}" "${one[@]}" --peer torch/conv
  says "PyTorch left out: ../python: answered ${wrong%:*}" stderr
done
NCA_LACKS=cuda BLIND=torch ends 2 "PyTorch left out: ../python: torch finds no CUDA device" "${peers[@]}" --device cuda \
  --peer torch/conv
says "nca cannot be timed: exit code 2: nca bench: no NVIDIA driver" stderr

# -- In f32 and bf16 on a CPU: a table for each, and JAX only in the one that it has.
: >../log
bench "${peers[@]}" "${one[@]}" --precision f32 --precision bf16 --peer torch/conv --peer jax/conv --json x.json ||
  fail "in bf16: $(cat ../stderr)"
for words in "**1 x 8x8 x 2 steps**" "**1 x 8x8 x 2 steps, bf16**"; do says "$words" stdout; done
[ "$(of_json '[(p["precision"], p["peer"]["framework"]) for p in x["pairs"]]')" = \
  "[('f32', 'torch'), ('f32', 'jax'), ('bf16', 'torch')]" ] || fail "not these pairs: $(cat ../stdout)"
grep -q 'bench step --device cpu --json .*--precision bf16' ../log || fail "nca is not asked for bf16"
grep -q 'torch_nca.py .*--precision f32 bf16 --check' ../log || fail "PyTorch is not checked in bf16"
! grep 'jax_nca.py .*bf16' ../log || fail "JAX is asked for bf16"
bench --plan "${peers[@]}" --precision bf16
! grep jax ../stdout || fail "JAX is to be timed in bf16: $(cat ../stdout)"
NCA_LACKS=bf16 ends 2 "cannot be timed: exit code 2: nca bench: --precision bf16: this processor has no instructions for it" \
  "${peers[@]}" "${one[@]}" --precision f32 --precision bf16 --peer torch/conv

# -- On a GPU: both precisions, nca's first line, memory of the card; what cannot be done fails
# alone.
: >../log
bench "${peers[@]}" --device cuda "${one[@]}" --json x.json && fail "a variant that failed is not told"
for words in "H0 card, " "jax 1.2, torch 1.2" "**1 x 8x8 x 2 steps, tf32**" "| PyTorch sliced-graph | 10 | " "| 123 | 800 | 1 |"; do
  says "$words" stdout
done
[ "$(of_json 'len(x["pairs"]), len(x["failures"]), x["is_complete"]')" = "22 2 True" ] || fail "not 22 pairs and 2 failures"
! grep -v '^bench' ../log | grep -v ' cuda $' || fail "a peer's environment is another"
grep -q 'bench step --device cuda --json --precision tf32' ../log || fail "nca is not asked for tf32"
! grep '^bench' ../log | grep -e --threads || fail "nca on a GPU is given threads"

# -- Ends in time, and what was measured is shown.
SECONDS=0
SLOW=0.3 bench "${peers[@]}" --device cuda --seconds 3 "${one[@]}" --rounds 50 --peer torch/conv --peer jax/conv --json x.json ||
  fail "out of time it ends with $?: $(cat ../stderr)"
[ $SECONDS -le 8 ] || fail "--seconds 3 took $SECONDS s"   # and 30 s without it
says "no time left for" stderr
says "| PyTorch conv |" stdout
[ "$(of_json '1 <= len(x["pairs"]) <= 10')" = True ] || fail "$(of_json 'len(x["pairs"])') pairs in 3 s"
SECONDS=0
SLOW=20 ends 1 "took more than" "${peers[@]}" --seconds 2 "${one[@]}" --peer torch/conv
[ $SECONDS -le 8 ] || fail "--seconds 2 waits $SECONDS s for a run that hangs"
cat >../hangs <<'EOS'
#!/usr/bin/env bash
sleep 4321 &
echo $! >../child
wait
EOS
chmod +x ../hangs
ends 2 "nobody to time beside nca: give more --seconds" --python ../hangs --seconds 2 --peer torch/conv
for ((i = 0; i < 100; i++)); do
  kill -0 "$(cat ../child)" 2>/dev/null || break
  sleep 0.05
done
! kill -0 "$(cat ../child)" 2>/dev/null || fail "what a run that hangs has started goes on"

# -- Of --json a link is followed. A disk that fills up is told, and takes neither the table nor
# the exit code.
mkdir far
ln -s far/y.json link.json
bench "${peers[@]}" "${one[@]}" --peer torch/conv --json link.json || fail "with a link: $(cat ../stderr)"
if [ ! -L link.json ] || [ ! -f far/y.json ]; then fail "a link is replaced"; fi
rm x.json
(ulimit -f 8 && LOG=/dev/null ends 1 "times" "${peers[@]}" --device cuda "${one[@]}" --peer torch/conv --peer jax/conv \
  --peer jax/sliced --peer torch/sliced --peer jax/conv-remat --peer jax/sliced-remat --json x.json)
[ "$(grep -c "x.json: cannot be written: File too large" ../stderr)" -eq 1 ] || fail "a full disk: $(cat ../stderr)"
says "| PyTorch conv | 10 |" stdout
[ ! -e x.json.part ] || fail "x.json.part is left"

# -- Killed, what was finished is there, whole; ended by a signal, it is shown as well.
for signal in KILL TERM; do
  rm -f x.json
  SLOW=0.2 ../pack/scripts/bench_peers.sh "${peers[@]}" "${one[@]}" --rounds 50 --peer torch/conv --json x.json \
    >../stdout 2>../stderr &
  for ((i = 0; i < 100; i++)); do
    [ ! -e x.json ] || [ "$(of_json 'len(x["pairs"])')" -lt 2 ] || break
    sleep 0.05
  done
  kill -$signal $!
  ! wait $! 2>/dev/null || fail "a run that was ended by $signal ends well"
  [ "$(of_json 'len(x["pairs"]) >= 2')" = True ] || fail "the pairs before $signal are lost"
done
says "| PyTorch conv | 10 |" stdout

# -- The real program is asked for what it can do.
SLOW=0 bench "${peers[@]}" "${one[@]}" --peer jax/conv --nca "$nca" || fail "with nca itself: $(cat ../stderr)"
says "JAX conv" stdout
echo ok
