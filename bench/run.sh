#!/bin/bash
# run.sh [OPTIONS OF bench.py]: measures the release programs in bin/ and prints a table; the figures go to var/bench/*.json.
# It needs a machine of its own: what else runs there is measured as well (the table says how much that was).
set -euo pipefail
cd "$(dirname "$0")/.."

for program in meridian-api meridian-cell meridian-sim meridian-manage; do
    [ -x "bin/$program" ] || {
        echo "bench: bin/$program is not there; \`make release\` builds it" >&2
        exit 1
    }
done
environment=var/bench/venv
if ! cmp -s bench/requirements.txt "$environment/requirements.txt"; then
    echo "bench: installing its HTTP client into $environment (about 10 s)"
    python3 -m venv "$environment"
    "$environment/bin/pip" install --quiet --disable-pip-version-check -r bench/requirements.txt
    cp bench/requirements.txt "$environment/requirements.txt"
fi
exec "$environment/bin/python" bench/bench.py "$@"
