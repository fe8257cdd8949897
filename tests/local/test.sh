#!/usr/bin/env bash
# Every test there is. What this starts it also stops; a stack that was up before stays up.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

make check

if ! python3 tests/local/stack.py status; then
  trap 'make down >/dev/null' EXIT
fi
make up ${PORT:+PORT="$PORT"}
# Now that everything is built; what was built before, `make check` has looked at.
python3 tests/local/check_sizes.py
variables=$(python3 tests/local/stack.py env)
eval "$variables"
export PATH="$PWD/.tributary/venv-lake/bin:$PATH"

if cargo nextest --version >/dev/null 2>&1; then
  cargo nextest run --workspace --no-fail-fast
  cargo test --quiet --workspace --doc
else
  cargo test --workspace --no-fail-fast
fi
# Last, for it builds: the tests before it want the processor to themselves.
python3 tests/local/independence.py
