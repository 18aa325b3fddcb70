#!/bin/sh
# busybox udhcpc calls this with what the DHCP server said, in the environment.
# shellcheck disable=SC2154
case "$1" in
deconfig)
    ip link set "$interface" up
    ip -4 addr flush dev "$interface"
    ;;
bound | renew)
    ip -4 addr flush dev "$interface"
    ip addr add "$ip/${mask:-24}" dev "$interface"
    [ -n "$mtu" ] && ip link set "$interface" mtu "$mtu"
    if [ -n "$staticroutes" ]; then
        # shellcheck disable=SC2086
        set -- $staticroutes
        while [ $# -ge 2 ]; do
            if [ "$2" = 0.0.0.0 ]; then ip route add "$1" dev "$interface"; else ip route add "$1" via "$2" dev "$interface"; fi
            shift 2
        done
    else
        for gateway in $router; do
            ip route add default via "$gateway" dev "$interface"
            break
        done
    fi
    : >/etc/resolv.conf
    for server in $dns; do echo "nameserver $server" >>/etc/resolv.conf; done
    echo "DHCP $interface $ip/$mask router=$router mtu=$mtu server=$serverid" >/dev/console
    ;;
esac
