#!/bin/bash
# install-packages.sh: the Debian packages that building, testing and the lab need. Quick when all are there; starts no daemon.
set -euo pipefail

packages=(
    # What the programs are linked to.
    libpq-dev libzmq3-dev libssl-dev libvirt-dev pkg-config
    # What the lab's hosts run. libvirt-daemon-system also brings the user libvirt-qemu, without which libvirtd does not start.
    postgresql-15 postgresql-client-15 libvirt-daemon-system libvirt-daemon-driver-qemu libvirt-clients qemu-system-x86 qemu-utils
    # What makes hosts of namespaces, and supervises them.
    iproute2 procps util-linux runit haproxy curl
    # What deploys, and what checks the deployment's files.
    ansible ansible-lint shellcheck systemd python3-yaml python3-venv openssl
    # What builds the guest image.
    syslinux syslinux-common mtools dosfstools fdisk cpio e2fsprogs kmod binutils
)

# One dpkg-query for all: a process for each would take a second.
installed=$(dpkg-query -W -f '${Package}:${db:Status-Status}\n' "${packages[@]}" 2>/dev/null || true)
missing=()
for package in "${packages[@]}"; do
    grep -qx "$package:installed" <<<"$installed" || missing+=("$package")
done
if [ ${#missing[@]} = 0 ]; then
    echo "packages: all ${#packages[@]} are installed"
    exit 0
fi

echo "packages: installing ${#missing[@]} (up to 4 minutes): ${missing[*]}"
# Packages ask this file whether they may start their daemon; a machine that has one keeps its own.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    trap 'rm -f $policy' EXIT
fi
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# The lock on packages has apt's own patience, well within the minutes above; that on the lists has none.
options=(-q -o DPkg::Lock::Timeout=90 -o Acquire::Retries=3)
update() {
    local try
    for try in 1 2 3 4 5 6; do
        apt-get "${options[@]}" update && return
        [ $try = 6 ] || sleep 10
    done
    echo "packages: the lists could not be renewed; trying with those that are here"
}
if ! {
    update
    # Without recommended packages: they triple the download.
    apt-get "${options[@]}" -y -o Dpkg::Use-Pty=0 install --no-install-recommends "${missing[@]}"
} >"$log" 2>&1 </dev/null; then
    tail -n 30 "$log" >&2
    echo "packages: apt-get failed; its whole output is in $log" >&2
    exit 1
fi
rm -f "$log"
echo "packages: installed"
