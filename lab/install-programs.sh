#!/bin/bash
# install-programs.sh FROM TO: copies the programs, stripped, from a build folder. A program that did not change keeps its file and
# its time, so that nothing is restarted for it.
set -euo pipefail

from=$1 to=$2
mkdir -p "$to"
for program in meridian meridian-api meridian-cell meridian-host meridian-manage meridian-sim; do
    strip -o "$to/.$program" "$from/$program"
    if cmp -s "$to/.$program" "$to/$program"; then
        rm "$to/.$program"
    else
        mv "$to/.$program" "$to/$program"
        echo "programs: $program is new ($(du -h "$to/$program" | cut -f1))"
    fi
done
