# shellcheck shell=bash
# What a person reads: one line per thing done, a line that moves for whatever takes longer than two seconds.

say() { printf '%s\n' "$*"; }
line() { printf '  %-14s %s\n' "$1" "$2"; }
die() {
    printf '\nerror: %s\n' "$*" >&2
    exit 1
}

# The last lines of a log, indented, on stderr.
show_log() {
    local log=$1 count=${2:-25}
    [[ -s $log ]] || return 0
    printf '  ... the last lines of %s:\n' "$log" >&2
    tail -n "$count" "$log" | sed 's/^/  | /' >&2
}

seconds_since() { echo $((SECONDS - $1)); }

# tick LABEL START LOG: moves the line on a terminal; elsewhere prints a new one after 2 s and then every 15 s.
tick() {
    local label=$1 elapsed tail=''
    elapsed=$(seconds_since "$2")
    if [[ -t 1 ]]; then
        [[ -s ${3:-} ]] && tail=$(tail -n 1 "$3" | tr -d '\r\033' | cut -c1-60)
        printf '\r\033[K  %-14s %s s  %s' "$label" "$elapsed" "$tail"
    elif ((elapsed == 2 || (elapsed > 0 && elapsed % 15 == 0))) && [[ ${ticked:-} != "$label $elapsed" ]]; then
        ticked="$label $elapsed"
        line "$label" "... $elapsed s"
    fi
}

clear_tick() { if [[ -t 1 ]]; then printf '\r\033[K'; fi; }

# run LABEL LOG COMMAND...: runs it with its output in LOG, shows that it moves, and ends the script if it fails.
run() {
    local label=$1 log=$2 start=$SECONDS pid status=0
    shift 2
    "$@" >>"$log" 2>&1 </dev/null &
    pid=$!
    # shellcheck disable=SC2034 # children.sh ends it
    busy=$pid
    while kill -0 "$pid" 2>/dev/null; do
        tick "$label" "$start" "$log"
        sleep 0.5
    done
    wait "$pid" || status=$?
    # shellcheck disable=SC2034
    busy=
    clear_tick
    if ((status != 0)); then
        show_log "$log"
        die "$label failed after $(seconds_since "$start") s (exit status $status)"
    fi
    line "$label" "done in $(seconds_since "$start") s"
}

# Asks on the terminal; --yes, and no terminal to ask on, mean yes.
agree() {
    local answer
    [[ ${assume_yes:-} == yes || ! -t 0 ]] && return 0
    read -r -p "  $1 [Y/n] " answer
    [[ -z $answer || $answer == [yY]* ]]
}
