#!/bin/bash
# up.sh: everything of `make up` that comes after the programs, the image and the client are there: stands the hosts up, deploys
# with the playbook, uploads the image, boots one server in each region, and says what to try. A second run changes nothing.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
regions=${MERIDIAN_REGIONS:-$root/regions}
openstack=(.venv/bin/openstack --os-cloud)
# A first boot under emulation on a busy machine takes up to a minute; five servers that take longer have a problem.
boot_deadline_s=300

started=$SECONDS
say() { printf '[%4d s] %s\n' $((SECONDS - started)) "$*"; }

deploy() {
    say "deploying with ansible/site.yml (about 60 s the first time)"
    # Ansible refuses standard streams that don't block, which some terminals' are; cat's are its own.
    (cd ansible && ANSIBLE_NOCOLOR=1 sh -c 'ansible-playbook -i inventory/lab site.yml </dev/null 2>&1; echo "status $?"' | cat) >var/ansible.log
    if [ "$(tail -n 1 var/ansible.log)" != "status 0" ]; then
        grep -E 'fatal:|ERROR|FAILED|region.yml|federation.yml' var/ansible.log >&2 || tail -n 20 var/ansible.log >&2
        echo "the playbook failed; its output is in var/ansible.log" >&2
        exit 1
    fi
    awk '/changed=[1-9]/ { changed++ } /changed=/ { all++ } END { printf "         %d of %d hosts changed\n", changed, all }' var/ansible.log
}

upload_image() {
    local state
    state=$("${openstack[@]}" meridian-admin image list --name tiny -f value -c Status)
    [ "$state" = active ] && return
    say "uploading the image tiny"
    "${openstack[@]}" meridian-admin image create --public --container-format bare --disk-format qcow2 --min-ram 128 \
        --file var/images/tiny.qcow2 tiny >/dev/null
}

servers() { "${openstack[@]}" meridian server list -f value -c Name -c Status; }

wait_for_hosts() { # an agent tries KVM and reads what its hypervisor can do before it says hello
    local wanted up
    wanted=$(python3 -c 'import pathlib, sys, yaml
files = pathlib.Path(sys.argv[1]).glob("*/region.yml")
print(sum(len(yaml.safe_load(file.read_text())["compute_host"]["hosts"]) for file in files))' "$regions")
    for _ in $(seq 60); do
        up=$(bin/meridian host list --format json | grep -c '"state" : "up"' || true)
        [ "$up" -ge "$wanted" ] && return
        sleep 1
    done
    echo "only $up of $wanted compute hosts said hello in 60 s; bin/meridian host list shows which" >&2
    exit 1
}

boot_servers() { # one in each region, all at once
    local region list creating=() deadline pid
    list=$(servers)
    for region in $region_names; do
        grep -q "^hello-$region " <<<"$list" && continue
        [ ${#creating[@]} != 0 ] || say "booting a server in each region (a guest under emulation takes 5 to 60 s)"
        "${openstack[@]}" meridian server create --image tiny --flavor m1.tiny --nic none --availability-zone "$region" \
            "hello-$region" >/dev/null &
        creating+=($!)
    done
    for pid in "${creating[@]}"; do
        if ! wait "$pid"; then
            echo "a server could not be created; the client says why above" >&2
            exit 1
        fi
    done
    deadline=$((SECONDS + boot_deadline_s))
    while list=$(servers) && grep -q '^hello-.* BUILD$' <<<"$list"; do
        if [ $SECONDS -gt $deadline ]; then
            echo "these servers were not up in $boot_deadline_s s:" >&2
            grep '^hello-' <<<"$list" >&2
            exit 1
        fi
        sleep 2
    done
    if grep '^hello-.* ERROR$' <<<"$list" >&2; then
        echo "a server failed; bin/meridian server explain NAME says why" >&2
        exit 1
    fi
}

plan=$(python3 lab/plan.py "$regions")
region_names=$(awk '$1 == "region" { print $2 }' <<<"$plan")

say "$(lab/lab.sh up)"
deploy
upload_image
wait_for_hosts
boot_servers
say "the federation is up: $(echo "$region_names" | paste -sd, | sed 's/,/, /g')"
cat <<'TRY'

Try next:
  .venv/bin/openstack --os-cloud meridian server list
  .venv/bin/openstack --os-cloud meridian server create --image tiny --flavor m1.tiny --nic none --availability-zone tunis --wait t1
  .venv/bin/openstack --os-cloud meridian console log show t1
  bin/meridian server list
  bin/meridian server trace t1
  bin/meridian cell list
  lab/lab.sh cut tunis          and later: lab/lab.sh heal tunis
  make down
TRY
