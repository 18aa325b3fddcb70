#!/bin/bash
# authority.sh [--check] SECRETS PROGRAMS SUBJECTS [KEY | NAME=SUBJECTS]...
#
# Makes what is secret, once, in the folder SECRETS (readable by its owner alone): the certificate authority, the API's certificate
# for SUBJECTS (openssl's subjectAltName), a CURVE key pair per KEY (role_name), another certificate per NAME, and passwords. Says what
# it made; silence means that everything was there. With --check it only says what it would make.
set -euo pipefail
umask 077

check=
if [ "$1" = --check ]; then
    check=1
    shift
fi
secrets=$1 programs=$2 subjects=$3
shift 3

# A certificate of the lab lives ten years: it guards one machine, and an expired one would look like a broken API.
days=3650

missing() { # FILE WHAT: whether it must be made now
    [ -e "$1" ] && return 1
    echo "made $2"
    [ -z "$check" ]
}

password() { # NAME: 32 random characters that need no quoting anywhere
    missing "$secrets/passwords/$1" "password $1" || return 0
    openssl rand -hex 16 >"$secrets/passwords/$1"
}

certificate() { # FILE-WITHOUT-SUFFIX WHOSE SUBJECTS
    local file=$1 what="certificate of $2 for $3"
    # Another name or address needs another certificate.
    if [ -e "$file.pem" ] && [ "$(cat "$file.subjects")" != "$3" ]; then
        [ -n "$check" ] || rm "$file.pem"
        [ -z "$check" ] || echo "made $what"
    fi
    missing "$file.pem" "$what" || return 0
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=Meridian ${2#the }" \
        -keyout "$file.key" -out "$file.csr" 2>/dev/null
    printf 'subjectAltName=%s\nextendedKeyUsage=serverAuth\nbasicConstraints=CA:FALSE\n' "$3" >"$file.extensions"
    openssl x509 -req -in "$file.csr" -CA "$secrets/tls/ca.pem" -CAkey "$secrets/tls/ca.key" -CAcreateserial \
        -days $days -extfile "$file.extensions" -out "$file.pem" 2>/dev/null
    rm "$file.csr" "$file.extensions"
    echo "$3" >"$file.subjects"
}

[ -n "$check" ] || mkdir -p "$secrets"/{keys,passwords,tls}

if missing "$secrets/tls/ca.pem" "certificate authority"; then
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days $days -subj "/CN=Meridian CA" \
        -addext "keyUsage=critical,keyCertSign,cRLSign" -keyout "$secrets/tls/ca.key" -out "$secrets/tls/ca.pem" 2>/dev/null
    # Clients read it; the others stay private.
    chmod 644 "$secrets/tls/ca.pem"
    for signed in "$secrets"/tls/*.subjects; do
        [ ! -e "$signed" ] || rm -f "${signed%.subjects}.pem"
    done
fi

certificate "$secrets/tls/server" "the API" "$subjects"

for key in "$@"; do
    if [[ $key = *=* ]]; then
        certificate "$secrets/tls/${key%%=*}" "${key%%=*}" "${key#*=}"
        continue
    fi
    missing "$secrets/keys/$key.secret" "key $key" || continue
    "$programs/meridian-manage" keys generate --role "${key%%_*}" --name "${key#*_}" --out "$secrets/keys" >/dev/null
done

password admin
password demo
password database
