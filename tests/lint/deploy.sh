#!/usr/bin/env bash
# deploy.sh PART ROOT BUILD: whether what deploy/ says is true of this program. Exit code 77, with the reason as the last line, when this
# machine lacks what the part needs.
#
#   names      variables, metrics, alerts: nothing in deploy/ or docs/OPERATIONS.md that the program, or the runbook, does not know
#   steps      the steps of docs/OPERATIONS.md can be taken in their order
#   image      the Dockerfile installs what the build needs and, where this machine is the image's Debian, what the program is linked with
#   units      systemd takes the units, and finds them locked as far as they say
#   rules      promtool takes the rules, and they alert when they should
#   yaml       compose files and manifests: every reference leads somewhere, drains have their time, secrets go only where they must
#   kustomize  kubectl builds base, overlay and component
set -euo pipefail
part=$1 root=$2 build=$3
reelyard=$build/reelyard
tmp=$(mktemp -d)
node=
finish() {
    [ -z "$node" ] || { kill -TERM "$node" && wait "$node"; } 2>/dev/null || true
    rm -rf "$tmp"
}
trap finish EXIT
cd "$root"

bad=0
complain() {
    echo "$*"
    bad=1
}
skip() {
    echo "$*"
    exit 77
}
needs() { command -v "$1" >/dev/null || skip "there is no $1 (Debian package ${2:-$1})"; }

# fetch PORT PATH: the body of an HTTP answer.
fetch() {
    exec 3<>"/dev/tcp/127.0.0.1/$1" || return 1
    printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
    sed '1,/^\r$/d' <&3
    exec 3>&-
}

# The metrics of a node of processes, which has all there are; a histogram by its three names.
metrics() {
    local port until
    port=$((20000 + RANDOM % 12000))
    env -u DATABASE_URL -u DB_TYPE -u DB_HOST -u DB_USER -u DB_PASSWORD -u DB_NAME -u REDIS_URL REELYARD_HTTP_PORT="$port" LOG_LEVEL=ERROR "$reelyard" up --data "$tmp/data" >"$tmp/log" 2>&1 &
    node=$!
    until=$((SECONDS + 30))
    until fetch "$port" /metrics 2>/dev/null >"$tmp/metrics" && grep -q 'reelyard_child_running' "$tmp/metrics" &&
        grep -q 'answered{part="database"} 1' "$tmp/metrics"; do
        [ "$SECONDS" -lt "$until" ] || {
            cat "$tmp/log"
            complain "no metrics came within 30 s"
            exit 1
        }
        sleep 0.2
    done
    awk '$2 == "TYPE" && $4 == "histogram" { print $3 "_bucket"; print $3 "_sum"; print $3 "_count"; next } $2 == "TYPE" { print $3 }' \
        "$tmp/metrics" | sort -u
}

part_names() {
    local name
    metrics >"$tmp/known"
    for name in $(grep -rhoE '\breelyard_[a-z_]+' deploy/prometheus deploy/grafana | grep -v '_$' | sort -u); do
        grep -qx "$name" "$tmp/known" || complain "there is no metric $name, which deploy/prometheus or deploy/grafana names"
    done
    "$reelyard" config | grep -oE '[A-Z][A-Z0-9_]+' | sort -u >"$tmp/options"
    "$reelyard" options | grep -oE '^[^ ].*' | grep -oE '[A-Z][A-Z0-9_]+' | sort -u >>"$tmp/options"
    # REELYARD_IMAGE is compose's.
    for name in $(grep -rhoE '\b(REELYARD|DB|REDIS|STORAGE|THUMBNAIL|VIDEO)_[A-Z_]*[A-Z]\b|\b(DATABASE_URL|BOT_TOKEN|LOG_LEVEL)\b' \
        deploy docs/OPERATIONS.md | sort -u); do
        [ "$name" = REELYARD_IMAGE ] || grep -qx "$name" "$tmp/options" || complain "there is no option $name, which deploy/ or docs/OPERATIONS.md names"
    done
    for name in $(sed -n 's/^ *- alert: //p' deploy/prometheus/reelyard.rules.yml); do
        grep -qx "### $name" docs/OPERATIONS.md || complain "docs/OPERATIONS.md has no part on the alert $name"
    done
    for name in $(sed -n 's/^### \(Reelyard[A-Za-z]*\)$/\1/p' docs/OPERATIONS.md); do
        grep -q "alert: $name\$" deploy/prometheus/reelyard.rules.yml || complain "docs/OPERATIONS.md tells of the alert $name, which is not there"
    done
}

# The guide's steps, in an order in which each finds what it needs: a user before what is his, a folder before its file.
part_steps() {
    local before=0 at step
    for step in 'deploy/systemd/\*.service' systemd-sysusers systemd-tmpfiles 'reelyard.env.example /etc' daemon-reload 'systemctl enable'; do
        at=$(grep -nE "^    .*$step" docs/OPERATIONS.md | head -1 | cut -d: -f1)
        [ "${at:-0}" -gt "$before" ] || complain "docs/OPERATIONS.md, systemd: the step '$step' is missing or comes too early"
        before=${at:-0}
    done
    # What must be set before a start is a sentence of the guide, no error of compose.
    ! grep -nE '\$\{[A-Z_]+:\?' deploy/compose/*.yaml || complain "deploy/compose: a variable that must be set to start anything"
}

# packages FIRST LAST: the Debian packages that the Dockerfile installs between two lines that match.
packages() {
    sed -n "/$1/,/$2/p" deploy/docker/Dockerfile | tr -s ' \\' '\n\n' | grep -E '^[a-z0-9][a-z0-9.+-]+$' | sort -u
}

part_image() {
    local line name library file version
    packages '^FROM .* AS build' '^WORKDIR' >"$tmp/build"
    line=$(sed -n '/^packages_build=/,/)/p' dev | tr -d '()' | sed 's/packages_build=//' | tr -s ' ' '\n' | grep -v '^libcmocka-dev$')
    for name in $line; do
        grep -qx "$name" "$tmp/build" || complain "the image's build stage lacks $name, which ./dev build needs"
    done
    # Other versions of Debian have the libraries in packages of other names.
    version=$(sed -n 's/^FROM .*:\([0-9]*\)-slim$/\1/p' deploy/docker/Dockerfile)
    grep -qx "VERSION_ID=\"$version\"" /etc/os-release || {
        [ "$bad" -ne 0 ] || skip "the image is Debian $version, this machine is not: its run-time packages cannot be compared"
        return
    }
    packages ":$version-slim" '^COPY' >"$tmp/run"
    needs readelf binutils
    needs dpkg
    for library in $(readelf -d "$reelyard" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'); do
        file=$(ldd "$reelyard" | awk -v l="$library" '$1 == l { print $3 }')
        [ -n "$file" ] || continue
        name=$(dpkg -S "$(readlink -f "$file")" 2>/dev/null || dpkg -S "$file")
        name=${name%%:*}
        [ "$name" = libc6 ] || grep -qx "$name" "$tmp/run" || complain "the image lacks $name, which has $library"
    done
}

part_units() {
    needs systemd-analyze systemd
    local unit log
    mkdir "$tmp/units"
    for unit in deploy/systemd/*.service; do
        sed "s#/usr/bin/reelyard#$reelyard#" "$unit" >"$tmp/units/$(basename "${unit/@/@i}")"
    done
    for unit in "$tmp"/units/*; do
        log=$(systemd-analyze verify --recursive-errors=no "$unit" 2>&1) || complain "$(basename "$unit"): $log"
        [ -z "$log" ] || complain "$(basename "$unit"): $log"
        # 25: an exposure of 2.5, as docs/OPERATIONS.md says; most of the rest is what the sandbox of the encoders needs.
        log=$(systemd-analyze security --offline=true --no-pager --threshold=25 "$unit" 2>&1) ||
            complain "$(basename "$unit"): $(tail -n 1 <<<"$log")"
    done
}

part_rules() {
    needs promtool prometheus
    cp deploy/prometheus/* "$tmp/"
    sed -i 's#/etc/prometheus/##' "$tmp/scrape.yml"
    : >"$tmp/reelyard.token"
    (cd "$tmp" && promtool check config scrape.yml && promtool test rules reelyard.rules.test.yml) || bad=1
}

# A YAML file's documents as JSON, one a line.
json() { yq -c . "$1"; }

part_yaml() {
    needs jq
    needs yq
    local file resource
    jq -e '.panels | length > 0' deploy/grafana/reelyard.json >/dev/null || complain "deploy/grafana/reelyard.json is no dashboard"
    jq -e '.defaultAction and (.syscalls | all(.names | length > 0))' deploy/docker/seccomp.json >/dev/null || complain "deploy/docker/seccomp.json is no profile"
    for file in deploy/prometheus/*.yml; do json "$file" >/dev/null || complain "$file is no YAML"; done
    while read -r file; do
        for resource in $(json "$file" | jq -r '.resources // [] | .[]'); do
            [ -e "$(dirname "$file")/$resource" ] || complain "$file: there is no $resource"
        done
    done < <(find deploy/k8s -name kustomization.yaml)
    find deploy/k8s -name '*.yaml' ! -name kustomization.yaml | sort | while read -r file; do json "$file"; done | jq -s . >"$tmp/k8s.json"
    jq -n --argjson compose "$(json deploy/compose/compose.yaml)" --argjson split "$(json deploy/compose/compose.split.yaml)" \
        --slurpfile k8s "$tmp/k8s.json" \
        --arg encoder "$(sed -n 's/^\([A-Z_]*\)=.*/\1/p' deploy/compose/encoder.env.example deploy/systemd/encoder.env.example)" \
        '{$compose, $split, k8s: $k8s[0], encoder: ($encoder | split("\n") | map(select(. != "")))}' >"$tmp/all.json"
    jq -r -f tests/lint/deploy_yaml.jq "$tmp/all.json" >"$tmp/wrong" || bad=1
    [ ! -s "$tmp/wrong" ] || complain "$(cat "$tmp/wrong")"
}

part_kustomize() {
    needs kubectl
    local folder
    kubectl kustomize --help 2>&1 | grep -q -- '--load-restrictor' || skip "this kubectl is older than 1.21, and knows no components"
    mkdir "$tmp/whole"
    ln -s "$root/deploy/k8s" "$tmp/k8s"
    printf 'resources: [../k8s/overlays/split]\ncomponents: [../k8s/components/strict-sandbox]\n' >"$tmp/whole/kustomization.yaml"
    for folder in deploy/k8s/base deploy/k8s/overlays/split "$tmp/whole"; do
        kubectl kustomize --load-restrictor LoadRestrictionsNone "$folder" >"$tmp/built" || bad=1
    done
    [ "$(grep -c 'localhostProfile: reelyard.json' "$tmp/built")" -eq 3 ] || complain "the component strict-sandbox does not reach all three deployments"
}

"part_$part"
exit $bad
