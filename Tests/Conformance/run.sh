#!/bin/bash
# run.sh: runs lists of Tempest's tests against the running lab. `make conformance` runs all of lists/, LIST="m1 m2" or a file's name some.
# Prints what failed or was skipped and why, then "N passed, N failed, N skipped" per list. Status 1: something failed.
# CONCURRENCY (2) tests run at a time; CONFORMANCE_<SETTING> overrides a setting of configure.py.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$root/var/conformance
venv=$work/venv
# A test that hangs longer than this has failed. A boot takes up to 60 s, a test boots up to three servers.
test_timeout_s=600

install_tempest() {
    cmp -s "$here/requirements.txt" "$venv/requirements.txt" && return
    echo "installing Tempest into var/conformance/venv (about 60 s)"
    python3 -m venv --clear "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"
    cp "$here/requirements.txt" "$venv/requirements.txt"
}

openstack() { (cd "$root" && "$venv/bin/openstack" --os-cloud meridian-admin "$@"); }

image_id() { # NAME: the ID of the image, which is uploaded when it is not there
    local id
    id=$(openstack image list --name "$1" --status active -f value -c ID | head -n 1)
    if [ -z "$id" ]; then
        id=$(openstack image create --public --container-format bare --disk-format qcow2 --min-ram 128 \
            --file "$root/var/images/tiny.qcow2" "$1" -f value -c id)
    fi
    echo "$id"
}

configure() {
    local image image_alt auth_url
    auth_url=$(python3 -c 'import sys, yaml; print(yaml.safe_load(open(sys.argv[1]))["clouds"]["meridian-admin"]["auth"]["auth_url"])' \
        "$root/clouds.yaml")
    image=$(image_id tiny)
    # Tests of filters by image need a second one.
    image_alt=$(image_id tiny-alternative)
    # m1.tiny and m1.small, which `make up` makes.
    "$venv/bin/python" "$here/configure.py" "$work/etc/tempest.conf" work="$work" ca="$root/var/secrets/tls/ca.pem" \
        auth_url="$auth_url" admin_password="$(<"$root/var/secrets/passwords/admin")" \
        image="$image" image_alt="$image_alt" flavor=1 flavor_alt=2
}

run_list() { # FILE
    local name tests
    name=$(basename "$1" .txt)
    tests=$("$venv/bin/python" -c 'import os, tempest; print(os.path.dirname(tempest.__file__))')
    rm -rf "${work:?}/$name"
    mkdir -p "$work/$name" "$work/logs" "$work/lock"
    # Test names carry attributes in brackets behind them. What needs something that isn't there is not run.
    sed -n '/^tempest\./ { /# needs:/d; s/\./\\./g; s/^/^/; s/[[:space:]]*$/(\\[|$)/; p }' "$1" >"$work/$name/include"
    echo "== $name"
    # A class's tests share their servers, so one process runs them.
    (
        cd "$work/$name"
        printf '[DEFAULT]\ngroup_regex=([^\\.]*\\.)*\n' >stestr.conf
        export TEMPEST_CONFIG_DIR=$work/etc TEMPEST_CONFIG=tempest.conf OS_TEST_TIMEOUT=$test_timeout_s PATH=$venv/bin:$PATH
        stestr --config stestr.conf --test-path "$tests/test_discover" --top-dir "$tests" run --include-list include \
            --concurrency "${CONCURRENCY:-2}" >stestr.log 2>&1 || true
        stestr --config stestr.conf last --subunit >stream.subunit 2>/dev/null || true
    )
    "$venv/bin/python" "$here/verdict.py" "$1" "$work/$name/stream.subunit" "$work/$name/results.tsv"
}

if [ ! -f "$root/clouds.yaml" ]; then
    echo "the lab does not run; say 'make up' first" >&2
    exit 1
fi
lists=()
for list in ${LIST:-"$here"/lists/*.txt}; do
    [ -f "$list" ] || list=$here/lists/$list.txt
    if [ ! -f "$list" ]; then
        echo "there is no list $list" >&2
        exit 1
    fi
    lists+=("$(realpath "$list")")
done
install_tempest
configure
failed=0
for list in "${lists[@]}"; do
    run_list "$list" || failed=1
done
exit $failed
