#!/bin/bash
# lab.sh up | down | cut REGION | heal REGION | remove REGION | in HOST COMMAND... | status
#
# Hosts as network namespaces, all named mrd-…: `mrd-api`, per region `mrd-REGION-control` and one per compute host, joined by the
# region's underlay (a bridge in `mrd-REGION`, which is also its router), and `mrd-wan`, which alone joins regions and API host.
# Who exists and under which address is read from regions/: a region more or less needs no change here.
#
# Everything that runs is below one process (reaper.py); everything that is written is in var/. Of the root namespace only the
# interface mrd-root and a relay on 127.0.0.1 are used, and no setting of it is changed.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(dirname "$here")
var=$root/var
lab=$var/lab
regions=${MERIDIAN_REGIONS:-$root/regions}
# Larger than the guests' 1500, so that tunnels between hosts need not fragment.
mtu=1600

plan() { python3 "$here/plan.py" "$regions"; }
namespaces() { ip netns list | awk '$1 ~ /^mrd-/ { print $1 }'; }
has_namespace() { [ -e "/run/netns/$1" ]; }

api_up() { # ADDRESS
    local address=$1
    ip netns add mrd-wan
    ip netns add mrd-api
    ip -n mrd-wan -batch - <<IP
link set lo up
addr add 169.254.0.1/32 dev lo
link add api mtu $mtu type veth peer name wan netns mrd-api mtu $mtu
link set api up
route add $address/32 dev api scope link
IP
    ip netns exec mrd-wan sysctl -qw net.ipv4.ip_forward=1
    ip link add mrd-root mtu $mtu type veth peer name root0 netns mrd-api mtu $mtu
    ip addr add 169.254.100.1/32 peer "$address/32" dev mrd-root
    ip link set mrd-root up
    ip -n mrd-api -batch - <<IP
link set lo up
addr add $address/32 dev wan
link set wan up
route add 169.254.0.1/32 dev wan scope link
route add default via 169.254.0.1 dev wan
addr add $address/32 peer 169.254.100.1/32 dev root0
link set root0 up
IP
}

region_up() { # NAME NETWORK GATEWAY LINK
    local name=mrd-$1 network=$2 gateway=$3 link=$4
    ip netns add "$name"
    ip -n mrd-wan link add "$link" mtu $mtu type veth peer name wan netns "$name" mtu $mtu
    # While the link is down its route is gone, and packets vanish as on a real WAN instead of being refused.
    # It stays when a region is taken away, and a region that comes back finds it.
    ip -n mrd-wan route replace blackhole "$network" metric 4096
    ip -n "$name" -batch - <<IP
link set lo up
link add ul mtu $mtu type bridge stp_state 0 forward_delay 0 mcast_snooping 0
addr add $gateway/24 dev ul
link set ul up
addr add 169.254.1.1/32 dev wan
link set wan up
route add 169.254.0.1/32 dev wan scope link
route add default via 169.254.0.1 dev wan src $gateway
IP
    ip netns exec "$name" sysctl -qw net.ipv4.ip_forward=1
    heal_link "$network" "$link"
}

heal_link() { # NETWORK LINK
    ip -n mrd-wan link set "$2" up
    ip -n mrd-wan route replace "$1" via 169.254.1.1 dev "$2" onlink
}

host_up() { # NAME REGION ADDRESS PORT
    local name=mrd-$1 region=mrd-$2 address=$3 port=$4
    ip netns add "$name"
    ip -n "$region" link add "$port" mtu $mtu type veth peer name ul0 netns "$name" mtu $mtu
    ip -n "$region" link set "$port" master ul up
    ip -n "$name" -batch - <<IP
link set lo up
addr add $address/24 dev ul0
link set ul0 up
route add default via ${address%.*}.1
IP
}

supervise_host() { # NAME
    local service=$lab/hosts/$1
    [ -d "$service" ] && return
    mkdir -p "$lab/.new/control"
    printf '#!/bin/sh\nexec 2>&1\nexec ip netns exec mrd-%s %s/host.sh %s/%s\n' "$1" "$here" "$lab" "$1" >"$lab/.new/run"
    # runsvdir ends its services on HUP; on TERM it would leave them running.
    # shellcheck disable=SC2016
    printf '#!/bin/sh\nexec kill -HUP "$(cat supervise/pid)"\n' >"$lab/.new/control/t"
    chmod 755 "$lab/.new/run" "$lab/.new/control/t"
    mv "$lab/.new" "$service"
}

relay_up() { # ADDRESS PORT...: haproxy from 127.0.0.1 to the API host
    local address=$1 service=$lab/hosts/relay port
    shift
    mkdir -p "$lab/relay"
    {
        printf 'global\n  maxconn 4096\ndefaults\n  mode tcp\n  timeout connect 5s\n  timeout client 1h\n  timeout server 1h\n'
        for port in "$@"; do printf 'listen port%s\n  bind 127.0.0.1:%s\n  server api %s:%s\n' "$port" "$port" "$address" "$port"; done
    } >"$lab/relay/haproxy.cfg.new"
    cmp -s "$lab/relay/haproxy.cfg.new" "$lab/relay/haproxy.cfg" || mv "$lab/relay/haproxy.cfg.new" "$lab/relay/haproxy.cfg"
    rm -f "$lab/relay/haproxy.cfg.new"
    [ -d "$service" ] && return
    mkdir -p "$lab/.new"
    printf '#!/bin/sh\nexec 2>&1\necho $$ >%s/pids/relay-haproxy.pid\nexec haproxy -db -q -f %s/relay/haproxy.cfg\n' "$var" "$lab" >"$lab/.new/run"
    chmod 755 "$lab/.new/run"
    mv "$lab/.new" "$service"
}

alive() { [ -s "$lab/reaper.pid" ] && kill -0 "$(cat "$lab/reaper.pid")" 2>/dev/null; }

up() {
    local kind first rest changed=0
    mkdir -p "$lab/hosts" "$var/pids"
    rm -rf "$lab/.new"
    if ! alive; then
        # Left over from a machine that lost power: supervision state of processes that are no more.
        rm -rf "$lab"/hosts/* "$lab"/*/service/*/supervise "$lab"/*/service/*/log/supervise
    fi
    if [ ! -d /run/libvirt ]; then
        mkdir -p /run/libvirt
        echo /run/libvirt >"$lab/made"
    fi
    while read -r kind first rest; do
        # shellcheck disable=SC2086
        case $kind in
        api)
            has_namespace mrd-api || { api_up "$first"; changed=1; }
            supervise_host api
            mkdir -p "$var/log"
            ln -sfn ../lab/api/var/log "$var/log/api"
            relay_up "$first" $rest
            ;;
        region) has_namespace "mrd-$first" || { region_up "$first" $rest; changed=1; } ;;
        host)
            has_namespace "mrd-$first" || { host_up "$first" $rest; changed=1; }
            supervise_host "$first"
            # Every host's logs in one place, as an operator of real machines would gather them.
            mkdir -p "$var/log"
            ln -sfn "../lab/$first/var/log" "$var/log/$first"
            ;;
        esac
    done < <(plan)
    if ! alive; then
        setsid python3 "$here/reaper.py" "$lab/reaper.pid" runsvdir -P "$lab/hosts" \
            </dev/null >>"$lab/reaper.log" 2>&1 &
        changed=1
    fi
    wait_for_hosts
    if [ $changed = 1 ]; then echo "lab: $(namespaces | wc -l) namespaces are up"; else echo "lab: already up"; fi
}

wait_for_hosts() { # runsvdir looks for new hosts every 5 s
    local host _
    for host in "$lab"/hosts/*/; do
        for _ in $(seq 200); do
            # A host is there when it is supervised and has made its folders, which it does last before its services.
            [ -s "$host/supervise/pid" ] && { [ "$(basename "$host")" = relay ] || host_ready "$host"; } && continue 2
            sleep 0.1
        done
        echo "lab: $(basename "$host") did not come up in 20 s; see $lab/reaper.log" >&2
        return 1
    done
}

host_ready() { [ "$(cat "/proc/$(cat "$1/supervise/pid")/comm" 2>/dev/null)" = runsvdir ]; }

# Stops what is supervised in good order, then everything else that is below the reaper or in a namespace.
down() {
    local services=() service namespace pid
    for service in "$lab"/*/service/*/ "$lab/hosts/relay/"; do
        [ -p "$service/supervise/ok" ] && services+=("$service")
    done
    if alive; then
        [ ${#services[@]} = 0 ] || sv -w 20 force-stop "${services[@]}" >/dev/null || true
        pid=$(cat "$lab/reaper.pid")
        kill -TERM "$pid"
        while kill -0 "$pid" 2>/dev/null; do sleep 0.1; done
    fi
    for namespace in $(namespaces); do delete_namespace "$namespace"; done
    ip link delete mrd-root 2>/dev/null || true
    # iproute2 keeps a mount here once there was a namespace.
    if [ -d /run/netns ] && [ -z "$(ls /run/netns)" ]; then
        while umount /run/netns 2>/dev/null; do :; done
        rmdir /run/netns
    fi
    [ ! -e "$lab/made" ] || { xargs rmdir --ignore-fail-on-non-empty <"$lab/made"; rm "$lab/made"; }
    rm -rf "$lab/hosts" "$var/pids" "$lab/reaper.pid"
    rm -rf "$lab"/*/service/*/supervise "$lab"/*/service/*/log/supervise
    echo "lab: down"
}

delete_namespace() {
    # shellcheck disable=SC2046
    kill -KILL $(ip netns pids "$1") 2>/dev/null || true
    ip netns delete "$1"
}

link_of() { # REGION: its network and link
    plan | awk -v name="$1" '$1 == "region" && $2 == name { print $3, $5; found = 1 } END { exit !found }' ||
        { echo "lab: there is no region $1" >&2; return 1; }
}

cut_region() {
    local link
    link=$(link_of "$1")
    ip -n mrd-wan link set "${link#* }" down
    echo "lab: $1 is cut off"
}

heal_region() {
    local link
    link=$(link_of "$1")
    # shellcheck disable=SC2086
    heal_link $link
    echo "lab: $1 is joined again"
}

# Takes a region's hosts away, after ansible/remove.yml took Meridian off them. Its folder in regions/ may be gone already.
remove_region() {
    local name=$1 host pid
    [ -e "/run/netns/mrd-$name" ] || { echo "lab: there is no region $name" >&2; return 1; }
    for host in "$lab/hosts/$name"-*/; do
        pid=$(cat "$host/supervise/pid")
        mv "$host" "$lab/hosts/.$(basename "$host")"
        host=$lab/hosts/.$(basename "$host")
        sv -w 20 force-stop "$lab/$(basename "$host" | cut -c2-)"/service/*/ >/dev/null 2>&1 || true
        sv -w 10 exit "$host" >/dev/null 2>&1 || true
        kill -KILL "$pid" 2>/dev/null || true
        rm -rf "$host"
    done
    for host in $(namespaces | grep "^mrd-$name-"); do delete_namespace "$host"; done
    delete_namespace "mrd-$name"
    rm -rf "${lab:?}/$name"-*
    echo "lab: $name is removed"
}

# Runs a command on a host: in its network and mount namespace.
in_host() {
    local host=$1 pid
    shift
    pid=$(cat "$lab/hosts/$host/supervise/pid" 2>/dev/null) || { echo "lab: there is no host $host" >&2; return 1; }
    exec nsenter --target "$pid" --net --mount -- "$@"
}

status() {
    local kind name network gateway link service
    if ! alive; then echo "lab: down"; return 3; fi
    while read -r kind name network gateway link; do
        [ "$kind" = region ] || continue
        if ip -n mrd-wan link show "$link" | grep -q 'state UP'; then echo "region $name: joined ($network, $gateway)"; else echo "region $name: cut off"; fi
    done < <(plan)
    for service in "$lab"/*/service/*/; do
        [ -d "$service" ] && sv status "$service" | sed "s|$lab/||; s|/service/| |"
    done
}

case ${1:-} in
up | down | status) "$1" ;;
cut | heal | remove) "$1_region" "${2:?which region?}" ;;
in) in_host "${@:2}" ;;
*) sed -n '2s/^# //p' "${BASH_SOURCE[0]}" >&2; exit 2 ;;
esac
