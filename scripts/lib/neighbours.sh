# shellcheck shell=bash
# What stands around a stack that is tried: Prometheus, a gateway, a host that has not its images. Sourced after trials.sh.
# shellcheck disable=SC2154,SC2034 # scripts/compose sets what all share

# Prometheus over the networks that it shares with them: the broker and each adapter answer it, and its rules are read.
# Grafana is left out, as no Debian package has it.
watched() {
    local line end=$((SECONDS + 90)) wanted
    # shellcheck disable=SC2016 # Markdown's own
    line=$(grep -o '`docker compose --profile observability [^`]*`' "$clone/compose/README.md" | tr -d '`')
    [[ -n $line ]] || die "compose/README.md has no line that starts Prometheus"
    type_line "$line prometheus"
    wanted="adapter $(count adapter), broker 1"
    until [[ $(scraped) == "$wanted" ]]; do
        ((SECONDS < end)) || die "Prometheus reaches $(scraped), and $wanted run"
        sleep 1
    done
    curl -fs --max-time 10 "http://127.0.0.1:$prometheus_port/api/v1/rules" | grep -q '"name":"latchkey"' ||
        die "Prometheus has not read the alerts"
    note="Prometheus reaches $wanted"
}
# What is up, by job.
scraped() {
    local job answer
    for job in adapter broker; do
        answer=$(curl -fsG --max-time 10 --data-urlencode "query=sum(up{job=\"$job\"})" \
            "http://127.0.0.1:$prometheus_port/api/v1/query" | grep -o '"value":\[[^]]*\]' | grep -o '"[0-9]*"\]$' | tr -d '"]')
        echo "$job ${answer:-0}"
    done | paste -sd , | sed 's/,/, /'
}

# A gateway in a compose project of its own, on our network as ./init says, asks the balancer by its name, and reaches
# nothing else of ours.
gateway() {
    local files=(-p "$project-gateway" -f "$work/gateway.yaml" -f "$work/gateway-image.yaml") reached
    [[ $(wc -l <"$work/gateway.yaml") == 2 ]] || die "./init does not print the two lines for a gateway's own compose file"
    cat >"$work/gateway-image.yaml" <<-TEXT
	services:
	  new-api:
	    image: latchkey-base/nginx:forky
	    command: [sleep, infinity]
	    init: true
	    volumes: ["$work/client.secret:/key:ro"]
	TEXT
    as_compose "${files[@]}" up -d >>"$log" 2>&1 </dev/null || { show_log "$log"; die "the gateway does not start"; }
    as_compose "${files[@]}" exec -T new-api sh -c "$(asks_whole http://balancer:7800/new-api)" >>"$log" 2>&1 </dev/null ||
        { show_log "$log"; die "the gateway got no answer from the balancer"; }
    reached=$(as_compose "${files[@]}" exec -T new-api bash -c "$(knocks)" 2>>"$log" </dev/null)
    [[ -z $reached ]] || die "the gateway reaches $reached"
    as_compose "${files[@]}" down -t 1 >>"$log" 2>&1 </dev/null
    note="a gateway of its own project asks http://balancer:7800/new-api, and reaches neither broker nor adapter nor Redis"
}
# A script that prints each address of broker, adapters and Redis that it can connect to.
knocks() {
    local service id address
    for service in broker:7801 adapter:7802 redis:6379; do
        for id in $(containers "${service%:*}"); do
            for address in $(docker inspect --format '{{range .NetworkSettings.Networks}}{{.IPAddress}} {{end}}' "$id"); do
                printf 'timeout 3 bash -c "exec 3<>/dev/tcp/%s/%s" 2>/dev/null && echo %s at %s &\n' \
                    "$address" "${service#*:}" "${service%:*}" "$address"
            done
        done
    done
    echo wait
}
as_compose() { if [[ $flavour == v1 ]]; then docker-compose "$@"; else docker compose "$@"; fi; }
# asks_whole BASE_URL: a line for a container that has the shared secret in /key.
asks_whole() {
    local model
    model=$(curl -fsS --max-time 10 -H @- "http://127.0.0.1:$port/v1/models" <<<"Authorization: Bearer $(<"$work/client.secret")" |
        grep -o '"id":"[^"]*"' | head -n 1 | cut -d '"' -f 4)
    # shellcheck disable=SC2016 # for the shell there
    printf 'wget -q -T 60 -t 1 -O - --header "Authorization: Bearer $(cat /key)" --header "Content-Type: application/json" --post-data %q %s | grep %q' \
        "{\"model\":\"$model\",\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}" "$1/v1/chat/completions" \
        '"finish_reason":"stop"'
}

# Containers that join no network of ours: the balancer listens at the host's address for them. For a moment it answers
# nobody, so this is without load.
host_address() {
    local route gateway ask
    # As a container on it sees it: an engine that has just made its own network does not tell its gateway.
    # shellcheck disable=SC2016 # the container's shell reads it
    route=$(docker run --rm latchkey-base/nginx:forky sh -c \
        'while read -r _ to by _; do [ "$to" != 00000000 ] || echo "$by"; done </proc/net/route')
    gateway=$(printf '%d.%d.%d.%d' "0x${route:6:2}" "0x${route:4:2}" "0x${route:2:2}" "0x${route:0:2}")
    ask=$(asks_whole "http://$gateway:$port/new-api")
    cp "$here/.env" "$work/env"
    bash -c "$(set_in LISTEN "$gateway:$port")" _ "$here/.env"
    type_line "./roll balancer"
    docker run --rm -v "$work/client.secret:/key:ro" latchkey-base/nginx:forky sh -c "$ask" >>"$log" 2>&1 ||
        { show_log "$log"; die "a container on Docker's own network got no answer at $gateway"; }
    cp "$work/env" "$here/.env"
    note="a container without our network asks http://$gateway:$port/new-api"
}

# The images leave this host as the README says for one that is too small to compile; `restore` takes them back.
save_images() {
    local line
    # shellcheck disable=SC2016 # Markdown's own
    line=$(grep -o '`./images --save [^`]*`' "$clone/compose/README.md" | tr -d '`')
    type_line "${line/latchkey.tar.gz/$work/latchkey.tar.gz}"
    note=$(du -h "$work/latchkey.tar.gz" | cut -f 1)
}
# Only the names that .env has; the next flavour starts from the others.
load_images() {
    local line name names=()
    for name in broker adapter ops; do names+=("$images/$name:two"); done
    docker image rm "${names[@]}" >>"$log"
    # shellcheck disable=SC2016 # Markdown's own
    line=$(grep -o '`docker load -i [^`]*`' "$clone/compose/README.md" | tr -d '`')
    type_line "${line/latchkey.tar.gz/$work/latchkey.tar.gz}"
    docker image inspect "${names[@]}" >/dev/null || die "docker load did not bring the images"
    rm "$work/latchkey.tar.gz"
}
