# shellcheck shell=bash
# A Docker engine: the one that runs here, or one of our own that ends with us. Sourced after say, machine, children.

# How long an engine may take to start, and to stop with what it still has.
engine_start=60
engine_stop=60
engine=

# What an engine of our own would lack, in words; nothing when all is there or one answers already.
engine_lacks() {
    local program lacking=()
    docker info >/dev/null 2>&1 && return 0
    ((EUID == 0)) || lacking+=("root (you are $(id -un))")
    for program in docker=docker.io dockerd=docker.io containerd=containerd runc=runc iptables=iptables; do
        has "${program%=*}" || lacking+=("${program%=*} (apt-get install ${program#*=})")
    done
    [[ -d /sys/fs/cgroup/memory || -f /sys/fs/cgroup/cgroup.controllers ]] || lacking+=("cgroups, mounted at /sys/fs/cgroup")
    ((${#lacking[@]} == 0)) || (IFS=,; printf '%s' "${lacking[*]}" | sed 's/,/, /g')
}

# start_engine LOG: does nothing where one answers.
start_engine() {
    local log=$1 lacking
    if docker info >/dev/null 2>&1; then
        line engine "$(docker version --format '{{.Server.Version}}'), it ran already"
        return
    fi
    lacking=$(engine_lacks)
    [[ -z $lacking ]] || die "no Docker engine answers, and none can be started here; missing: $lacking"
    dockerd >>"$log" 2>&1 </dev/null &
    engine=$!
    wait_until engine "$engine_start" "$engine" "$log" docker info
    line engine "$(docker version --format '{{.Server.Version}}'), started (pid $engine)"
}

# Only what was started here. It takes containerd with it, which a killed one would leave.
stop_engine() {
    local end=$((SECONDS + engine_stop))
    [[ -n $engine ]] || return 0
    kill -TERM "$engine" 2>/dev/null || return 0
    while kill -0 "$engine" 2>/dev/null && ((SECONDS < end)); do sleep 0.2; done
    kill -KILL "$engine" 2>/dev/null || true
    engine=
}
