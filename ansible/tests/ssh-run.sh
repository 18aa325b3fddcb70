#!/bin/bash
# ssh-run.sh: deploys a federation of one region over ssh (inventory/ssh, runit), with the programs in bin/, and takes the region away
# again. Its three machines are namespaces of this one, each with a network, an sshd and folders /etc, /var, /run, /tmp and /usr/local
# of its own; nothing of the real ones is touched, and all ends with this script. Packages are not rehearsed: the machines share
# /usr. Needs root, openssh-server and what lab/install-packages.sh installs; takes some two minutes.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
if [ "${1:-}" != --inside ]; then
    for program in /usr/sbin/sshd /usr/bin/runsvdir /usr/bin/ansible-playbook "$root/bin/meridian-manage"; do
        [ -x "$program" ] || { echo "ssh-run: $program is missing (apt-get install openssh-server; make deps release)" >&2; exit 1; }
    done
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    # The end of the first process of a pid namespace is the end of all of them.
    timeout --kill-after=10 600 unshare --mount --net --pid --fork --kill-child --mount-proc "${BASH_SOURCE[0]}" --inside "$folder"
    exit
fi

# From here on in namespaces of our own: the controller, and the network that joins the machines.
folder=$2
started=$SECONDS
say() { printf '[%3d s] %s\n' $((SECONDS - started)) "$*"; }
ssh-keygen -q -t ed25519 -N '' -f "$folder/host_key"
ssh-keygen -q -t ed25519 -N '' -f "$folder/key"

make_regions() { # one region with one host, which simulates its guests
    mkdir -p "$folder/regions/tunis"
    sed 's/public_host: .*/public_host: 10.100.0.10/' "$root/regions/federation.yml" >"$folder/regions/federation.yml"
    sed 's/hypervisor: libvirt/hypervisor: simulated/; /name: compute-2/d' "$root/regions/tunis/region.yml" >"$folder/regions/tunis/region.yml"
}

machine() { # NAME ADDRESS
    local name=$1 address=$2 pid
    mkdir "$folder/$name"
    # shellcheck disable=SC2016
    unshare --mount --net bash -euo pipefail -c '
        folder=$1 machine=$1/$2
        mount -t tmpfs tmpfs "$machine"
        for path in /etc /var /usr/local; do
            mkdir -p "$machine/upper$path" "$machine/work$path"
            mount -t overlay overlay -o "lowerdir=$path,upperdir=$machine/upper$path,workdir=$machine/work$path" "$path"
        done
        mount -t tmpfs tmpfs /run
        mkdir -p /run/sshd /etc/ssh/rehearsal
        cp "$folder/host_key" /etc/ssh/rehearsal/host_key
        cp "$folder/key.pub" /etc/ssh/rehearsal/authorized_keys
        chmod 600 /etc/ssh/rehearsal/*
        # Services that the machine below has are none of this one.
        rm -rf /etc/service /etc/meridian /var/lib/meridian /var/lib/postgresql/* /var/lib/postgresql/.[!.]*
        mkdir /etc/service
        mount -t tmpfs -o mode=1777 tmpfs /tmp
        touch /run/ready
        runsvdir -P /etc/service &
        exec /usr/sbin/sshd -D -e -f /dev/null -o HostKey=/etc/ssh/rehearsal/host_key -o PermitRootLogin=prohibit-password \
            -o AuthorizedKeysFile=/etc/ssh/rehearsal/authorized_keys -o Subsystem="sftp internal-sftp" -o UsePAM=no -o PidFile=none
    ' bash "$folder" "$name" >"$folder/$name.log" 2>&1 &
    pid=$!
    for _ in $(seq 100); do [ -e "/proc/$pid/root/run/ready" ] && break; sleep 0.1; done
    ip link add "$name" type veth peer name eth0 netns "$pid"
    ip link set "$name" master wire up
    nsenter --target "$pid" --net sh -c "ip link set lo up; ip address add $address/8 dev eth0; ip link set eth0 up"
    echo "$address $(cut -d' ' -f1,2 "$folder/host_key.pub")" >>"$folder/known_hosts"
}

playbook() { # PLAYBOOK ARGUMENT...: its output in a file; Ansible refuses standard streams that don't block
    (cd "$root/ansible" && timeout 240 ansible-playbook -i inventory/ssh "$@" </dev/null >"$folder/output" 2>&1) ||
        { cat "$folder/output" >&2; last_words; return 1; }
}

last_words() { # what the services of all machines wrote last
    local pid
    for pid in $(pgrep -f '^runsvdir -P /etc/service'); do
        nsenter --target "$pid" --mount sh -c 'tail -n 5 /var/lib/meridian/log/*/current' >&2 || true
    done
}

nothing_changed() {
    if grep -E 'changed=[1-9]' "$folder/output"; then
        grep -B3 -A3 '^changed' "$folder/output" >&2
        return 1
    fi
}

make_regions
export MERIDIAN_REGIONS=$folder/regions MERIDIAN_SECRETS=$folder/secrets MERIDIAN_CLOUDS=$folder/clouds.yaml
export OS_CLIENT_CONFIG_FILE=$folder/clouds.yaml
export ANSIBLE_NOCOLOR=1 ANSIBLE_SSH_CONTROL_PATH_DIR=$folder/control
export ANSIBLE_SSH_ARGS="-F none -o ControlMaster=auto -o ControlPersist=60s -o IdentityFile=$folder/key -o UserKnownHostsFile=$folder/known_hosts -o StrictHostKeyChecking=yes"
archive=$root/var/dist/meridian.tar.gz
[ "$archive" -nt "$root/bin/meridian-api" ] || "$root/lab/package.sh" "$root/bin" "$archive"

ip link set lo up
ip link add wire type bridge
ip address add 10.0.0.1/8 dev wire
ip link set wire up
machine api 10.100.0.10
machine control 10.3.0.10
machine compute 10.3.0.11
say "three machines are up"

deploy=(site.yml --skip-tags packages -e "meridian_archive=$archive")
playbook "${deploy[@]}" --check
say "site.yml --check over ssh"
playbook "${deploy[@]}"
say "site.yml over ssh"
playbook "${deploy[@]}"
nothing_changed
say "a second site.yml changed nothing"
playbook check.yml
say "check.yml found every part well"

for _ in $(seq 30); do
    "$root/bin/meridian" --os-cloud meridian-admin host list >"$folder/hosts" && grep -w up "$folder/hosts" && break
    sleep 1
done
grep -qw up "$folder/hosts"
say "the host has said hello"

# A machine that is switched off forgets /run; the run scripts make what they need again.
for pid in $(pgrep -f '^runsvdir -P /etc/service'); do
    nsenter --target "$pid" --mount sh -c 'sv -w 30 force-stop /etc/service/* >/dev/null; rm -rf /run/meridian; sv -w 30 start /etc/service/* >/dev/null'
done
sleep 3
playbook check.yml
say "and is well after its services started anew without /run/meridian"

playbook remove.yml -e target=region_tunis -e forget=true
"$root/bin/meridian" --os-cloud meridian-admin cell list >"$folder/cells"
if grep -w tunis "$folder/cells"; then echo "ssh-run: the federation still knows tunis" >&2; exit 1; fi
say "remove.yml took the region away, and the federation has forgotten it"
playbook "${deploy[@]}"
playbook check.yml
say "and site.yml brought it back"
