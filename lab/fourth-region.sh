#!/bin/bash
# fourth-region.sh: adds a region to the running lab as an operator would (copy a folder, change the name and the addresses, run the
# playbook), boots a server in it, and takes it away again. The three regions must not notice.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
copy=$root/var/fourth-region
openstack=(.venv/bin/openstack --os-cloud meridian)

playbook() { # PLAYBOOK ARGUMENT...
    (cd ansible && ANSIBLE_NOCOLOR=1 sh -c 'ansible-playbook -i inventory/lab "$@" </dev/null 2>&1; echo "status $?"' -- "$@" | cat) >var/ansible.log
    [ "$(tail -n 1 var/ansible.log)" = "status 0" ] || { grep -E 'fatal:|ERROR' var/ansible.log >&2; return 1; }
}

take_away() {
    local status=$?
    export MERIDIAN_REGIONS=$copy
    "${openstack[@]}" server delete --wait hello-oslo 2>/dev/null || true
    playbook remove.yml -e target=region_oslo || true
    lab/lab.sh remove oslo || true
    unset MERIDIAN_REGIONS
    rm -rf "$copy"
    # Nothing waits for a region that is gone: the federation has forgotten it.
    if bin/meridian cell list | grep -w oslo || .venv/bin/openstack --os-cloud meridian-admin region list | grep -w oslo; then
        echo "the federation still knows the region oslo" >&2
        status=1
    fi
    playbook site.yml || status=1
    exit "$status"
}

rm -rf "$copy"
cp -r regions "$copy"
cp -r regions/tunis "$copy/oslo"
sed -i 's/name: tunis/name: oslo/; s/10\.3\.0\./10.4.0./' "$copy/oslo/region.yml"
trap take_away EXIT

export MERIDIAN_REGIONS=$copy
lab/lab.sh up
playbook site.yml
if grep -E '^(london|amsterdam|tunis).*changed=[1-9]' var/ansible.log; then
    echo "a fourth region changed the hosts above" >&2
    exit 1
fi
deadline=$((SECONDS + 90))
until bin/meridian host list --cell oslo | grep -w up; do
    if [ $SECONDS -ge $deadline ]; then
        echo "no compute host of oslo said hello in 90 s; bin/meridian host list --cell oslo shows them" >&2
        exit 1
    fi
    sleep 1
done
bin/meridian cell list
# It has the federation's images before its first server needs one.
for _ in $(seq 90); do
    grep -qs 'the region has its first images' var/log/oslo-control/*.log && break
    sleep 1
done
"${openstack[@]}" server create --image tiny --flavor m1.tiny --nic none --availability-zone oslo --wait hello-oslo >/dev/null
"${openstack[@]}" server list
trace=$(bin/meridian server trace hello-oslo)
grep host.image <<<"$trace"
if grep -q 'from Glance' <<<"$trace"; then
    echo "the first server of a new region waited for its image" >&2
    exit 1
fi
echo "fourth region: a server runs in oslo"
