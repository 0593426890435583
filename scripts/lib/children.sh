# shellcheck shell=bash
# The processes that this script starts: each has a log, and each is stopped by the pid it was started with.

# shellcheck disable=SC2154,SC2034 # state is the directory of the site, set by open_state; whoever starts reads child
children=()
busy=

# start NAME LOG COMMAND...: runs it in the background; its pid is then in $child.
start() {
    local name=$1 log=$2
    shift 2
    "$@" >>"$log" 2>&1 </dev/null &
    adopt "$name" $!
}

# adopt NAME PID: what is started by other means is stopped by the same.
adopt() {
    child=$2
    children+=("$2:$1")
    echo "$2" >>"$state/pids"
}

# wait_until LABEL SECONDS PID LOG COMMAND...: until COMMAND succeeds; ends the script when PID is gone or the time is up.
wait_until() {
    local label=$1 limit=$2 pid=$3 log=$4 start=$SECONDS
    shift 4
    until "$@" >/dev/null 2>&1; do
        kill -0 "$pid" 2>/dev/null || { clear_tick; show_log "$log"; die "$label stopped by itself"; }
        (($(seconds_since "$start") < limit)) || { clear_tick; show_log "$log"; die "$label was not ready within $limit s"; }
        tick "$label" "$start" "$log"
        sleep 0.2
    done
    clear_tick
}

answers() { curl -fsS -o /dev/null --max-time 3 "$1"; }

# Ends one process: asked first, made to after ten seconds.
stop_one() {
    local pid=$1 i
    kill -TERM "$pid" 2>/dev/null || return 0
    for ((i = 0; i < 100; i++)); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null || true
}

# Last started, first stopped: Redis goes when nobody needs it any more.
stop_children() {
    local i
    if [[ -n $busy ]]; then stop_one "$busy"; fi
    for ((i = ${#children[@]} - 1; i >= 0; i--)); do
        stop_one "${children[i]%%:*}"
    done
    children=()
}

# The name of the first child that is gone, if any.
first_gone() {
    local entry
    for entry in "${children[@]}"; do
        kill -0 "${entry%%:*}" 2>/dev/null || { echo "${entry#*:}"; return 0; }
    done
    return 1
}
