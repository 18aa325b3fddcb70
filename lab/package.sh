#!/bin/bash
# package.sh PROGRAMS ARCHIVE: packs the programs with the Swift libraries they are linked to; they look for them beside themselves.
# What else they are linked to, Debian has.
set -euo pipefail

programs=$1 archive=$2
mkdir -p "$(dirname "$archive")"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cp "$programs"/meridian* "$folder/"
ldd "$programs"/meridian* | awk '$3 ~ /\/swift\// { print $3 }' | sort -u | xargs -r cp -Lt "$folder"
# mktemp's folder is its owner's alone; where it is unpacked the programs' user must be able to pass.
chmod 755 "$folder"
tar -C "$folder" --owner=root --group=root -czf "$archive" .
echo "package: $archive ($(du -h "$archive" | cut -f1))"
