#!/bin/bash
# check.sh: checks the playbooks without touching a host. Both inventories parse and all playbooks' syntax holds; site.yml renders
# every file that a real machine would get, and of these systemd-analyze verifies the units and rates their hardening, and sh reads the
# run scripts. Part of `make lint`; about 15 s of processor.
set -euo pipefail

ansible=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ansible"
export ANSIBLE_NOCOLOR=1 ANSIBLE_DISPLAY_OK_HOSTS=false
# systemd's own scale, 0 to 100, lower is safer. A program that only speaks and stores is below the first; the agent drives a hypervisor
# as root.
most_exposed=20
most_exposed_agent=30

rendered=$(mktemp -d)
trap 'rm -rf "$rendered"' EXIT

quietly() { # COMMAND...: its output only if it fails. Ansible refuses standard streams that don't block; a file's do.
    "$@" </dev/null >"$rendered/output" 2>&1 || { cat "$rendered/output" >&2; return 1; }
}

for inventory in lab ssh; do
    quietly ansible-playbook -i "inventory/$inventory" --syntax-check site.yml check.yml drain.yml remove.yml
done

# Nothing is installed and nobody is asked: the hosts are this machine, and their files go into a folder.
for manager in systemd runit; do
    MERIDIAN_SERVICE_MANAGER=$manager quietly ansible-playbook -i inventory/ssh --check site.yml -e ansible_connection=local \
        -e "{\"meridian_install\": false, \"meridian_render\": \"$rendered/$manager\"}"
done

# How services start under runit, tried with a runit.
quietly /usr/bin/python3 tests/test_converge.py

units=() scripts=0
for host in "$rendered"/systemd/*/; do
    # The programs needn't be installed here for their units to be right; whether they are there is the playbook's business.
    for unit in "$host"etc/systemd/system/*.service; do
        program=$(sed -n 's/^ExecStart=\([^ ]*\).*/\1/p' "$unit")
        sed "s|^ExecStart=$program|ExecStart=/bin/true|" "$unit" >"$rendered/$(basename "$unit")"
        # Which units there are differs by role only; of two alike one is enough.
        [[ " ${units[*]} " = *" $rendered/$(basename "$unit") "* ]] || units+=("$rendered/$(basename "$unit")")
    done
done
for host in "$rendered"/runit/*/; do
    for script in "$host"etc/service/*/run "$host"etc/service/*/log/run; do
        sh -n "$script"
        scripts=$((scripts + 1))
    done
done
[ ${#units[@]} = 7 ] || { echo "check: seven units are expected, there are ${#units[@]}: ${units[*]}" >&2; exit 1; }
systemd-analyze verify --man=no --recursive-errors=no "${units[@]}"

for unit in "${units[@]}"; do
    threshold=$most_exposed
    [ "$(basename "$unit")" != meridian-agent.service ] || threshold=$most_exposed_agent
    quietly systemd-analyze security --no-pager --offline=yes --threshold=$threshold "$unit" ||
        { echo "check: $(basename "$unit") is exposed more than $threshold of 100" >&2; exit 1; }
done
echo "check: 4 playbooks, 2 inventories, ${#units[@]} units, $scripts run scripts"
