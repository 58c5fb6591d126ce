#!/usr/bin/env bash
# Stop the cluster start.sh started: its jobs, then its daemons, each by its pid file, and only where
# the process with that pid is the right program and was started with SLURM_TEST_ROOT. SLURM_TEST_PURGE=1
# also removes SLURM_TEST_ROOT. Safe to run twice.
set -uo pipefail
ROOT=${SLURM_TEST_ROOT:-/var/tmp/slurm-test}
say() { printf 'testcluster: %s\n' "$*"; }
export SLURM_CONF=$ROOT/etc/slurm.conf
[ -e "$SLURM_CONF" ] || { say "nothing at $ROOT"; exit 0; }

pid_of() {  # prints the pid when it lives and is ours: right program, ROOT on its command line or in its environment
  local pid
  pid=$(cat "$ROOT/run/$1.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "${1%%-*}" ] || return 1
  cat "/proc/$pid/cmdline" "/proc/$pid/environ" 2>/dev/null | tr '\0' '\n' | grep -F -- "$ROOT/" >/dev/null || return 1
  echo "$pid"
}
stop() {
  local pid i
  pid=$(pid_of "$1") || { rm -f "$ROOT/run/$1.pid"; return 0; }
  kill -TERM "$pid"
  for ((i = 0; i < 100; i++)); do
    pid_of "$1" >/dev/null || { rm -f "$ROOT/run/$1.pid"; say "stopped $1 ($pid)"; return 0; }
    sleep 0.2
  done
  say "$1 ($pid) ignored SIGTERM for 20 s, sending SIGKILL"
  kill -KILL "$pid"; rm -f "$ROOT/run/$1.pid"
}

if pid_of slurmctld >/dev/null; then
  # Jobs live in slurmstepd processes that outlast slurmd: end them while there is a controller to ask.
  timeout 20 squeue -h -o %A | sort -u | xargs -r timeout 20 scancel
  for _ in $(seq 60); do [ -z "$(timeout 10 squeue -h -o %A 2>/dev/null)" ] && break; sleep 0.5; done
  left=$(timeout 10 squeue -h -o '%A(%t)' 2>/dev/null | tr '\n' ' ')
  [ -z "$left" ] || say "WARNING: jobs still there: $left"
fi
for f in "$ROOT"/run/slurmd-*.pid; do [ -e "$f" ] && stop "$(basename "$f" .pid)"; done
stop slurmctld
stop slurmdbd
stop mariadbd
stop munged
# The lines start.sh added; written in place, since /etc/hosts cannot be replaced in a container.
if grep -qF -- "# slurm-test $ROOT" /etc/hosts; then
  kept=$(grep -vF -- "# slurm-test $ROOT" /etc/hosts) && printf '%s\n' "$kept" >/etc/hosts
fi
[ "${SLURM_TEST_PURGE:-0}" != 1 ] || rm -rf "$ROOT"
exit 0
