#!/bin/sh
# host.sh FOLDER: what runs as "the machine" of one lab host. Called by `ip netns exec`, that is, in the host's own network and
# mount namespace. Gives it folders of its own where Debian's packages expect theirs, then supervises its services.
set -eu
folder=$1
mkdir -p "$folder/etc" "$folder/var" "$folder/service"
for pair in postgresql:/var/lib/postgresql libvirt/etc:/etc/libvirt libvirt/lib:/var/lib/libvirt libvirt/log:/var/log/libvirt \
    libvirt/run:/run/libvirt ../libvirt-cache:/var/cache/libvirt; do
    mkdir -p "$folder/${pair%%:*}"
    [ ! -d "${pair#*:}" ] || mount --bind "$folder/${pair%%:*}" "${pair#*:}"
done
# What ran here before is gone, so its sockets and pid files mean nothing.
find "$folder/libvirt/run" -mindepth 1 -delete
exec runsvdir -P "$folder/service"
