# shellcheck shell=bash
# What scripts/compose tries, one function each, in this order. Sourced after stack.sh.
# shellcheck disable=SC2154,SC2034 # scripts/compose sets what all share

# trial NAME FUNCTION: runs it; under load, fails on each answer meanwhile that was not whole, but for those that it
# expected and has counted itself.
trial() {
    local name=$1 start=$SECONDS from lost
    from=$(milliseconds)
    printf '\n== %s\n' "$name" >>"$log"
    note=''
    "$2"
    if [[ -n $load ]]; then
        kill -0 "$load" 2>/dev/null || die "$name: the load ended by itself"
        lost=$(broken "$from" | unexpected)
        [[ -z $lost ]] || fail_with "$name" "$lost"
        note="$(answers whole "$from") answers whole, 0 failed${note:+; $note}"
    fi
    line "$name" "done in $(seconds_since "$start") s${note:+   $note}"
}

# Of the answers on standard input those that kill_one has not counted.
unexpected() { grep -vxF -f <(printf '%s\n' "${expected:-none}") || true; }

# The last streams end, and all that there was is looked through once more.
end_load() {
    local lost
    load_off "$load"
    load=
    lost=$(broken 0 | unexpected)
    [[ -z $lost ]] || fail_with "load" "$lost"
    note="$(answers whole 0) answers whole; not whole $(grep -c . <<<"$expected" || true), all of them at the killed adapter"
}

fail_with() {
    printf '%s\n' "$2" | tee -a "$log" | head -n 12 >&2
    die "$1: $(wc -l <<<"$2") failed requests, $(grep -c '^middle' <<<"$2") of them in the middle of an answer"
}

# Before the first start: what is named in .env stays, twice; a second run changes nothing.
first_lines() {
    local lines before
    # Images that are there already, by the names that .env has; and what must be of this trial alone.
    cp "$clone/compose/.env.example" "$clone/compose/.env"
    bash -c "$(env_of_this_trial)" _ "$clone/compose/.env"
    mapfile -t lines < <(block "# Latchkey in containers")
    start_lines=("${lines[@]}")
    type_line "${lines[0]}"
    type_line "${lines[1]}"
    screen 'kept .*image'
    before=$(secrets_sum)
    type_line "${lines[1]}"
    [[ $(secrets_sum) == "$before" ]] || die "the second ./init changed secrets"
    # What it prints for a gateway in a compose project of its own.
    tr -d '\r' <"$work/screen" | sed -n 's/^ *\(\(services\|networks\): {.*}\)$/\1/p' >"$work/gateway.yaml"
    will_edit "$(set_in SITE_URLS open-webui=http://practice:8080)"
    type_line "${lines[2]}"
    cp "$here/secrets/shared.secret" "$work/client.secret"
}

secrets_sum() { (cd "$clone/compose/secrets" && sha256sum -- *); }

env_of_this_trial() {
    local name
    for name in broker adapter ops; do set_in "${name^^}_IMAGE" "$images/$name:one"; done
    set_in REDIS_IMAGE latchkey-base/redis:bookworm
    set_in NGINX_IMAGE latchkey-base/nginx:forky
    set_in PROMETHEUS_IMAGE latchkey-base/prometheus:forky
    set_in PROMETHEUS_PORT "$prometheus_port"
    set_in LISTEN "127.0.0.1:$port"
    set_in BROKER_PORT "$broker_port"
    set_in EDGE_NETWORK "$project"
}

# Without an account: it starts, and says what it lacks.
up_without_account() {
    type_line "${start_lines[3]}"
    # `up` ends when the containers have started; nginx listens a moment later.
    local limit=$((SECONDS + 30))
    until curl -fs --max-time 5 "http://127.0.0.1:$port/livez" >/dev/null; do
        ((SECONDS < limit)) || die "the balancer does not answer"
        sleep 0.2
    done
    practice_joins
    type_line "${start_lines[4]}"
    note="$(count adapter) adapters"
    [[ $(count adapter) == 2 ]] || die "not two adapters"
}

# The site is where broker and adapters have their ways out.
practice_joins() {
    local name
    for name in adapter broker; do
        docker network connect --alias practice "${project}_$name-sites" "$project-practice"
    done
}
practice_leaves() {
    local name
    for name in adapter broker; do docker network disconnect -f "${project}_$name-sites" "$project-practice"; done
}

# The password is typed; meanwhile a renderer of Chromium is looked for, and its namespaces are its own.
account() {
    local watcher
    watch_renderers >"$work/sandbox" &
    watcher=$!
    type_line "${start_lines[5]}" assword "$password" TOTP ''
    screen 'signed in'
    kill "$watcher" 2>/dev/null || true
    wait "$watcher" 2>/dev/null || true
    [[ -s $work/sandbox ]] || die "no renderer of Chromium with namespaces and a filter of its own was seen: its sandbox is off"
    note=$(head -n 1 "$work/sandbox")
}

# Prints a line once a renderer of the broker runs in namespaces of its own, under a second seccomp filter. It looks at
# the broker's processes alone, since a login is short and the machine may run other browsers.
watch_renderers() {
    local broker processes end=$((SECONDS + line_limit)) pid filters
    broker=$(pid_of "$(containers broker)")
    processes=$(processes_of "$broker")
    while ((SECONDS < end)); do
        while read -r pid; do
            is_renderer "$pid" || continue
            filters=$(sed -n 's/^Seccomp_filters:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
            if own_namespaces "$pid" "$broker" && ((${filters:-0} >= 2)); then
                echo "sandbox: a renderer has its own user, pid and net namespace and $filters seccomp filters"
                return
            fi
        done <"$processes"
        sleep 0.02
    done
}
is_renderer() {
    local words=()
    mapfile -d '' -t words 2>/dev/null <"/proc/$1/cmdline" || return 1
    [[ " ${words[*]} " == *" --type=renderer "* ]]
}
# processes_of PID: the file in which the kernel lists all of its container.
processes_of() {
    local group path file
    while IFS=: read -r _ group path; do
        for file in "/sys/fs/cgroup/${group##*,}$path/cgroup.procs" "/sys/fs/cgroup$path/cgroup.procs"; do
            if [[ -e $file ]]; then echo "$file"; return; fi
        done
    done < <(grep -E '^[0-9]+:(memory)?:' "/proc/$1/cgroup")
    die "the kernel names no group of processes for the broker"
}
own_namespaces() {
    local kind
    for kind in user pid net; do
        [[ $(readlink "/proc/$1/ns/$kind") != "$(readlink "/proc/$2/ns/$kind")" ]] || return 1
    done
}

# One answer through the balancer; then steady streams until load_off.
first_answer() {
    load_on 1 1s --each 1
    wait "$load" || { cat "$load_log" >&2; die "no answer through the balancer"; }
    load=
}
steady() {
    local from
    from=$(milliseconds)
    load_on "$at_once" "${seconds}s"
    until (($(answers whole "$from") > 0)); do
        kill -0 "$load" 2>/dev/null || die "the load ended by itself"
        sleep 0.5
    done
}

scale() {
    will_edit "$(set_in ADAPTERS "$1")"
    # shellcheck disable=SC2016 # the operator's own words
    type_line '$EDITOR .env'
    type_lines procedure "have more or fewer adapters"
    [[ $(count adapter) == "$1" ]] || die "$(count adapter) adapters run, $1 are to be"
}
scale_to_five() { scale 5; }

# Streams of 45 s, most of them at adapters that go meanwhile.
scale_to_one() {
    local long_log=$work/long long steady=$load
    : >"$long_log"
    load_log=$long_log load_on 5 45s --each 1
    long=$load load=$steady
    until (($(open_everywhere) >= 5 + at_once)); do
        kill -0 "$long" 2>/dev/null || fail_with "streams of 45 s" "$(<"$long_log")"
        sleep 0.2
    done
    scale 1
    wait "$long" || fail_with "streams of 45 s" "$(<"$long_log")"
    note="$(awk '$1 == "whole" && $4 - $3 > 40000' "$long_log" | wc -l) streams of 45 s whole"
    [[ $note == 5* ]] || die "$note, of 5"
}

# One adapter is killed as by the kernel: only what it had at that moment is lost, and each of it is named: answers in
# their middle, and a request that was sent and had no word of its answer yet, which the balancer sends to nobody else.
kill_one() {
    local from at id pid open lost others wrong ended
    from=$(milliseconds)
    until id=$(busiest) && [[ -n $id ]]; do sleep 0.2; done
    pid=$(pid_of "$id")
    open=$(open_at "$pid")
    at=$(milliseconds)
    kill -KILL "$pid"
    # Whoever was cut hears of it at once; then a whole round of streams.
    sleep $((seconds + 2))
    lost=$(broken "$from")
    wrong=$(awk -v at="$at" 'NF && ($1 !~ /^(middle|refused)$/ || $3 > at || $4 - at > 5000)' <<<"$lost")
    [[ -z $wrong ]] || fail_with "one killed, others hurt" "$wrong"
    ended=$(grep -c . <<<"$lost" || true)
    ((ended <= open)) || fail_with "one killed, and only $open streams were open there" "$lost"
    others=$(for each in $(containers adapter); do docker logs "$each" 2>&1; done)
    while read -r _ request _; do
        [[ -z $request || $request == - ]] || ! grep -q "$request" <<<"$others" || fail_with "one killed, cut at another adapter" "$request"
    done <<<"$lost"
    expected=$lost
    note="$open streams were open at the killed one, ${id:0:12}, and $ended were cut"
    [[ -z $lost ]] || note+=": $(awk '{print $2}' <<<"$lost" | paste -sd ' ')"
}

# open_at PID: connections to port 7802 in the network of that process.
open_at() { awk '$2 ~ /:1E7A$/ && $4 == "01"' "/proc/$1/net/tcp" "/proc/$1/net/tcp6" | wc -l; }
open_everywhere() {
    local id open=0
    for id in $(containers adapter); do open=$((open + $(open_at "$(pid_of "$id")"))); done
    echo "$open"
}
busiest() {
    local id most=0 open found=
    for id in $(containers adapter); do
        open=$(open_at "$(pid_of "$id")")
        if ((open > most)); then most=$open found=$id; fi
    done
    echo "$found"
}

restart_broker() { type_line "docker compose restart broker"; }
restart_redis() { type_line "docker compose restart redis"; }

# Another image under another tag, and the README's row.
upgrade() {
    local name newest=one
    [[ -z $earlier ]] || newest=new
    for name in broker adapter ops; do
        docker build -q -t "$images/$name:two" - >>"$log" 2>&1 <<-TEXT
		FROM $images/$name:$newest
		LABEL latchkey.trial=two
		TEXT
    done
    name_images two
    type_lines procedure upgrade
    all_run two
}
# Also what the newer one has written is read by the older one.
back_and_forth() {
    name_images one
    type_line "./roll"
    all_run one
    login_again
    name_images two
    type_line "./roll"
    all_run two
    note="from ${earlier:0:12} and back"
}
name_images() {
    local name
    for name in broker adapter ops; do bash -c "$(set_in "${name^^}_IMAGE" "$images/$name:$1")" _ "$here/.env"; done
}
all_run() {
    local name
    for name in broker adapter; do
        [[ $(containers "$name" | xargs docker inspect --format '{{.Config.Image}}' | sort -u) == "$images/$name:$1" ]] ||
            die "not every $name runs the image $1"
    done
}

shared_secret() {
    local lines old new
    mapfile -t lines < <(procedure "rotate the shared secret")
    old=$(<"$here/secrets/shared.secret") new=$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s\n%s\n' "$old" "$new" >"$here/secrets/shared.secret"
    type_line "${lines[0]}"
    # "change the key in new-api": here, in the client.
    printf '%s\n' "$new" >"$work/client.secret"
    printf '%s\n' "$new" >"$here/secrets/shared.secret"
    type_line "${lines[1]}"
    [[ $(status_with "$old") == 401 ]] || die "the old secret is still taken"
}
status_with() {
    curl -s -o /dev/null -w '%{http_code}' --max-time 10 -H @- "http://127.0.0.1:$port/v1/models" <<<"Authorization: Bearer $1"
}

redis_passwords() {
    local before
    before=$(sha256sum "$here"/secrets/*-redis-url)
    type_lines procedure "give Redis new passwords"
    [[ $(sha256sum "$here"/secrets/*-redis-url | sort | uniq -c | wc -l) == 2 && $(sha256sum "$here"/secrets/*-redis-url) != "$before" ]] ||
        die "the passwords are the old ones"
}

admin_token() { type_lines procedure "rotate the admin token"; }

# rotate RING: the README's six lines, its two ids exchanged for those that the ring has.
rotate() {
    local lines old new
    mapfile -t lines < <(block "**Key rings**" | sed "s/--ring session/--ring $1/")
    old=$(sed -n '1s/:.*//p' "$here/secrets/$1.keys")
    type_line "${lines[0]}"
    new=$(sed -n 's/.*keys promote \([0-9a-f]*\) --ring.*/\1/p' "$work/screen" | head -n 1)
    [[ -n $new ]] || die "keys add told no id"
    list_until "${lines[1]}" "$new" held
    type_line "${lines[2]/promote */promote $new --ring $1}"
    list_until "${lines[3]}" "$old" unused
    type_line "${lines[4]}"
    type_line "${lines[5]/retire */retire $old --ring $1}"
    [[ $(sed 's/:.*//' "$here/secrets/$1.keys") == "$new" ]] || die "secrets/$1.keys has not the new key alone"
}
# list_until LINE KEY held|unused
list_until() {
    local end=$((SECONDS + 60)) row
    while :; do
        type_line "$1"
        # RING KEY SEALS-AT HELD of SERVICES RECORDS
        row=$(tr -d '\r' <"$work/screen" | awk -v key="$2" '$2 == key')
        if [[ $3 == held ]]; then
            awk '{exit !($4 == $6 && $6 > 0)}' <<<"$row" && return
        else
            awk '{exit !($3 == 0)}' <<<"$row" && return
        fi
        ((SECONDS < end)) || die "key $2 is not $3 after 60 s: $row"
    done
}
session_ring() { rotate session; }
credentials_ring() { rotate credentials; }

# What the rotated credentials open: another login.
login_again() {
    type_line "docker compose exec broker latchkey-broker account login $username"
    screen 'signed in'
}

backup() { type_line "./backup $work/backup.$flavour"; }

# A fresh host: no images, no volumes, no secrets, no containers; then one answer, without a new login.
restore() {
    local lines end
    practice_leaves
    type_line "docker compose down --volumes --timeout 20"
    rm -rf "$here/secrets"
    load_images
    mapfile -t lines < <(block "**Backup.**" | sed "s,FILE,$work/backup.$flavour,")
    type_line "${lines[0]}"
    type_line "${lines[1]}"
    practice_joins
    end=$((SECONDS + 60))
    until load_on 1 1s --each 1 && wait "$load"; do
        ((SECONDS < end)) || fail_with "no answer after the restore" "$(tail -n 3 "$load_log")"
        sleep 1
    done
    load=
}
