# Sourced by tests of the program: $nca, the program; the folder $scratch of their own, where they
# are, gone at the end; and fail().
nca=$(realpath "${1:-build/nca}")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

fail() {
  echo "FAILED: $*"
  exit 1
}
