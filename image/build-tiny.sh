#!/bin/bash
# build-tiny.sh [FOLDER]: builds the guest image `tiny` as FOLDER/tiny.qcow2 (default: var/images of this project).
#
# Everything in it comes from Debian packages: the cloud kernel, busybox, dropbear and the QEMU guest agent. They are downloaded
# and unpacked, not installed: a build machine needs no second kernel. No mounts, no loop devices: the file systems are written
# by mke2fs -d and mtools. An image that is already there is rebuilt only when this folder or the kernel package has changed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
mkdir -p "${1:-$here/../var/images}"
out=$(cd "${1:-$here/../var/images}" && pwd)
kernel_package=linux-image-cloud-amd64
# Unpacked into the guest; the libraries are those that a build machine does not have for its own QEMU.
guest_packages=(busybox-static dropbear-bin libtomcrypt1 libtommath1 qemu-guest-agent)
# In the guest's initramfs, with what they depend on: the disk, the network, the agent's channel, the config drive, the power button.
modules=(virtio_pci virtio_blk virtio_net virtio_console virtio-rng virtio_balloon isofs nls_ascii nls_cp437 vfat button evdev ext4)

# The boot partition holds the kernel (8 MB) and the initramfs (4 MB); FAT16 needs at least 16 MB to be FAT16.
boot_mib=20
# The root file system takes 12 MB; the rest is for the guest to write.
root_mib=28

# kernel_version: what apt would give; the name of the package that holds the kernel carries its version.
kernel_dependency() { apt-cache depends "$kernel_package" 2>/dev/null | awk '/Depends: linux-image-/ { print $2; exit }'; }

stamp_now() {
    { find "$here" -type f -print0 | sort -z | xargs -0 sha256sum | cut -d' ' -f1; kernel_dependency; } | sha256sum | cut -d' ' -f1
}

download() { # download FOLDER PACKAGE...: unpacks the packages there
    local folder=$1 package
    shift
    mkdir -p "$folder/archives"
    (cd "$folder/archives" && apt-get -qq -o APT::Sandbox::User=root download "$@")
    for package in "$folder"/archives/*.deb; do dpkg-deb -x "$package" "$folder"; done
    rm -rf "$folder/archives"
}

add_program() { # add_program FILE: with the libraries it is linked to
    local library
    cp -L "$1" "$root/usr/sbin/"
    while read -r library; do
        mkdir -p "$root$(dirname "$library")"
        [ -e "$root$library" ] || cp -L "${library_of[$library]:-$library}" "$root$library"
    done < <(libraries "$1")
}

declare -A library_of=()
libraries() { # libraries FILE: the paths under which the guest will look for them
    LD_LIBRARY_PATH=$packages/usr/lib/x86_64-linux-gnu ldd "$1" | grep -o '/[^ ]*' | sed "s|^$packages||"
}

write_root() {
    local applet
    mkdir -p "$root"/{bin,sbin,etc/dropbear,proc,sys,dev,run,tmp,mnt,config,root,home/tiny,var/log,usr/bin,usr/sbin,lib/modules,lib64}
    cp "$packages/bin/busybox" "$root/bin/busybox"
    for applet in $("$root/bin/busybox" --list); do
        [ "$applet" = busybox ] || ln -sf /bin/busybox "$root/bin/$applet"
    done
    for applet in init poweroff reboot halt; do ln -sf /bin/busybox "$root/sbin/$applet"; done
    for library in "$packages"/usr/lib/x86_64-linux-gnu/*.so.*; do library_of["${library#"$packages"}"]=$library; done
    add_program "$packages/usr/sbin/dropbear"
    add_program "$packages/usr/bin/dropbearkey"
    add_program "$packages/usr/sbin/qemu-ga"
    cp -r "$here/guest/." "$root/"
    chmod 755 "$root"/etc/rc "$root"/etc/rc.stop "$root"/etc/udhcpc.sh "$root"/sbin/{shutdown,console} "$root"/init
    mkdir -p "$root/etc/acpi/PWRF"
    printf '#!/bin/sh\npoweroff\n' >"$root/etc/acpi/PWRF/00000080"
    chmod 755 "$root/etc/acpi/PWRF/00000080"
    # root can't log in; tiny, with the password tiny, can on the console; over ssh the key that the metadata brings is wanted.
    printf 'root:!:19000:0:99999:7:::\ntiny:%s:19000:0:99999:7:::\n' "$(openssl passwd -6 -salt tiny tiny)" >"$root/etc/shadow"
    chmod 600 "$root/etc/shadow"
}

write_initramfs() { # busybox, the modules in load order, and guest/init
    local small=$work/initramfs module
    mkdir -p "$small"/{bin,proc,sys,dev,mnt,lib/modules}
    cp "$root/bin/busybox" "$small/bin/"
    mv "$root/init" "$small/init"
    depmod -b "$packages" "$kernel_version"
    for module in "${modules[@]}"; do
        modprobe -d "$packages" -S "$kernel_version" --show-depends "$module" 2>/dev/null | awk '/^insmod/ { print $2 }' || true
    done | awk '!seen[$0]++' | while read -r module; do
        cp "$module" "$small/lib/modules/"
        basename "$module" >>"$small/lib/modules/order"
    done
    strip --strip-debug "$small"/lib/modules/*.ko
    (cd "$small" && find . | LC_ALL=C sort | cpio --quiet -o -H newc -R 0:0 | gzip -9n) >"$work/initrd.gz"
}

write_disk() { # MBR, a FAT16 partition that syslinux boots from, an ext4 root labelled TINYROOT
    local disk=$work/disk.raw boot=$work/boot.img
    truncate -s $((1 + boot_mib + root_mib))M "$disk"
    sfdisk -q "$disk" <<TABLE
label: dos
start=2048, size=$((boot_mib * 2048)), type=6, bootable
start=$((2048 + boot_mib * 2048)), size=$((root_mib * 2048)), type=83
TABLE
    dd if=/usr/lib/syslinux/mbr/mbr.bin of="$disk" bs=440 count=1 conv=notrunc status=none
    truncate -s ${boot_mib}M "$boot"
    mkfs.vfat -F16 -n TINYBOOT "$boot" >/dev/null
    mcopy -i "$boot" "$here/syslinux.cfg" ::syslinux.cfg
    mcopy -i "$boot" "$packages/boot/vmlinuz-$kernel_version" ::vmlinuz
    mcopy -i "$boot" "$work/initrd.gz" ::initrd.gz
    syslinux --install "$boot"
    # No journal: the guest is thrown away, and the journal would take a third of the file system.
    mke2fs -q -t ext4 -L TINYROOT -m 0 -O ^has_journal -d "$root" "$work/root.img" ${root_mib}M >/dev/null
    dd if="$boot" of="$disk" bs=1M seek=1 conv=notrunc status=none
    dd if="$work/root.img" of="$disk" bs=1M seek=$((1 + boot_mib)) conv=notrunc status=none
    qemu-img convert -f raw -O qcow2 -c "$disk" "$work/tiny.qcow2"
}

mkdir -p "$out"
stamp=$(stamp_now)
if [ -s "$out/tiny.qcow2" ] && [ "$(cat "$out/tiny.stamp" 2>/dev/null)" = "$stamp" ]; then
    echo "image tiny: already built ($out/tiny.qcow2)"
    exit 0
fi

echo "image tiny: building from Debian packages (about 20 s)"
work=$(mktemp -d "$out/.tiny.XXXXXX")
trap 'rm -rf "$work"' EXIT
packages=$work/packages
root=$work/root
kernel=$(kernel_dependency)
[ -n "$kernel" ] || { echo "image tiny: apt does not know $kernel_package; run apt-get update" >&2; exit 1; }
kernel_version=${kernel#linux-image-}
download "$packages" "$kernel" "${guest_packages[@]}"
write_root
write_initramfs
write_disk
# Never in place: a guest may be running from the old file.
mv "$work/tiny.qcow2" "$out/tiny.qcow2"
echo "$stamp" >"$out/tiny.stamp"
echo "image tiny: built, kernel $kernel_version, $(du -h "$out/tiny.qcow2" | cut -f1)"
