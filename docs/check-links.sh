#!/bin/bash
# check-links.sh: whether what the documents point at is there: links and their anchors, files in backticks, kinds of messages, make's
# verbs, programs with their subcommands, trace steps, and the decisions that the sources name. Says every mistake, then fails.
# shellcheck disable=SC2016  # backticks here are Markdown's
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
wrong=0
checked=0
complain() { # FILE WHAT
    echo "$1: $2" >&2
    wrong=$((wrong + 1))
}

mapfile -t documents < <(find . -name '*.md' -not -path './.build/*' -not -path './var/*' -not -path './.venv/*' -not -path './.git/*' | sed 's|^\./||' | sort)
everything=$(find . -type f -not -path './.build/*' -not -path './var/*' -not -path './.venv/*' -not -path './.git/*' | sed 's|^\./||')
folders=$(find . -type d -not -path './.build/*' -not -path './var/*' -not -path './.venv/*' -not -path './.git/*' | sed 's|^\./||')

# The text without code blocks: what stands in those is an example.
prose() { awk '/^ *```/ { inside = !inside; next } !inside' "$1"; }

# The anchors of a document, as GitHub makes them from its headings.
anchors() { prose "$1" | sed -n 's/^#\{1,6\} *//p' | tr '[:upper:]' '[:lower:]' | sed 's/[^a-z0-9 _-]//g; s/ /-/g'; }

check_links() { # FILE
    local file=$1 link path anchor target
    while read -r link; do
        checked=$((checked + 1))
        case $link in http://* | https://* | mailto:*) continue ;; esac
        path=${link%%#*}
        anchor=
        [[ $link == *'#'* ]] && anchor=${link#*#}
        target=$file
        [ -z "$path" ] || target=$(realpath -m --relative-to=. "$(dirname "$file")/$path")
        if [ ! -e "$target" ]; then
            complain "$file" "the link $link leads nowhere"
        elif [ -n "$anchor" ] && ! anchors "$target" | grep -qxF -- "$anchor"; then
            complain "$file" "$target has no heading #$anchor"
        fi
    done < <(prose "$file" | grep -oE '\]\([^) ]+\)' | sed 's/^](//; s/)$//')
}

# Files that are named in backticks, with or without the folders before them.
check_files() { # FILE
    local file=$1 name
    while read -r name; do
        checked=$((checked + 1))
        if ! grep -qE "(^|/)${name//./\\.}\$" <<<"$everything"; then complain "$file" "there is no file $name"; fi
    done < <(prose "$file" | grep -oE '`[A-Za-z0-9_./+-]+\.(swift|sh|py|txt)`' | tr -d '\140' | sort -u)
    while read -r name; do
        checked=$((checked + 1))
        if ! grep -qxF -- "$name" <<<"$folders" && ! grep -qxF -- "$name" <<<"$everything"; then complain "$file" "there is no folder $name"; fi
    done < <(prose "$file" | grep -oE '`(Sources|Tests|ansible|lab|image|regions|docs)(/[A-Za-z0-9_.+-]+)+/?`' | tr -d '\140' | sed 's|/$||' | grep -v '/NAME/' | sort -u)
}

# In both directions: each kind that a document names is defined, and each that is defined is described.
check_kinds() {
    local defined kind file
    defined=$(grep -rhoE 'static let kind = "[^"]+"' Sources/Shared/CellProtocol | sed 's/.*"\(.*\)"/\1/' | sort -u)
    for file in "${documents[@]}"; do
        while read -r kind; do
            checked=$((checked + 1))
            if ! grep -qxF -- "$kind" <<<"$defined"; then complain "$file" "there is no message $kind"; fi
        done < <(prose "$file" | grep -oE '^\| `[a-z][a-z-]+/[0-9]+`' | grep -oE '[a-z][a-z-]+/[0-9]+' | sort -u)
    done
    while read -r kind; do
        if ! grep -qF -- "\`$kind\`" docs/messages.md; then complain docs/messages.md "the message $kind is not described"; fi
    done <<<"$defined"
}

check_verbs() { # FILE: `make VERB` anywhere, also in examples
    local file=$1 verb
    while read -r verb; do
        checked=$((checked + 1))
        if ! grep -qE "^$verb:" Makefile; then complain "$file" "make has no verb $verb"; fi
    done < <(grep -ohE '(^|`|; |   )make [a-z-]+' "$file" | sed 's/.*make //' | sort -u)
}

# Programs, and the subcommand after them where they have some.
check_programs() { # FILE
    local file=$1 program subcommand
    while read -r program subcommand; do
        checked=$((checked + 1))
        if [ ! -d "Sources/Programs/$program" ]; then
            complain "$file" "there is no program $program"
        elif [ -n "$subcommand" ] && grep -rq subcommands: "Sources/Programs/$program" &&
            ! grep -rqE "commandName: \"$subcommand\"" "Sources/Programs/$program"; then
            complain "$file" "$program has no subcommand $subcommand"
        fi
    done < <(grep -ohE '(`|bin/)meridian-(api|cell|host|manage|sim|[a-z]+)( [a-z-]+)?' "$file" | sed -E 's#^(`|bin/)##' | grep -vE '^meridian-admin' |
        grep -vE '^meridian-(super-scheduler|conductor|scheduler|agent|postgresql|super)' | sort -u)
}

check_steps() { # the trace steps of the story
    local step
    while read -r step; do
        checked=$((checked + 1))
        if ! grep -rqF "\"$step\"" Sources && ! [[ $step =~ ^host\.(start|stop|reboot|destroy|build\.failed)$ ]]; then
            complain docs/life-of-a-server.md "there is no trace step $step"
        fi
    done < <(prose docs/life-of-a-server.md | grep -oE '`(api|place|cell|host)\.[a-z.]+`' | tr -d '\140' | grep -v '^cell\.strangers$' | sort -u)
}

check_sources() { # comments that send their reader to a document
    local document
    while read -r document; do
        checked=$((checked + 1))
        compgen -G "$document*" >/dev/null || complain Sources "a comment names $document, which is not there"
    done < <(grep -rhoE 'docs/(decisions/[0-9]{4}|[a-z-]+\.(md|sh))' Sources Tests ansible lab regions image Makefile Package.swift | sort -u)
}

check_index() { # every decision is in the index
    local decision
    for decision in docs/decisions/[0-9]*.md; do
        grep -qF "(${decision##*/})" docs/decisions/README.md || complain docs/decisions/README.md "${decision##*/} is not listed"
    done
}

for file in "${documents[@]}"; do
    check_links "$file"
    check_files "$file"
    check_verbs "$file"
    check_programs "$file"
done
check_kinds
check_steps
check_index
check_sources

if [ $wrong -gt 0 ]; then
    echo "docs: $wrong of $checked things that the documents name are not there" >&2
    exit 1
fi
echo "docs: ${#documents[@]} documents, $checked things they name are there"
