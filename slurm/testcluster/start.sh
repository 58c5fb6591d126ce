#!/usr/bin/env bash
# Start a real one-machine SLURM cluster for a test suite, on Debian 12, as root, without systemd.
#
#   ./start.sh            install what is missing, configure, start, wait for an idle node
#   . "$SLURM_TEST_ROOT/env.sh" then sinfo/sbatch/srun/sacct and submitit talk to this cluster
#   ./stop.sh             stop what this started, and nothing else
#
# Everything it writes is under SLURM_TEST_ROOT, apart from the packages and, where needed, marked lines
# in /etc/hosts; it does not touch /etc/slurm, /etc/munge or a system munged. It listens on the address
# the host name resolves to (127.0.0.1, unless a container's name has an address of its own). Safe to run
# again: what already runs is kept, and a cluster whose wanted configuration differs is stopped first.
#
# Settings (environment):
#   SLURM_TEST_ROOT        where state, logs and pid files go    [/var/tmp/slurm-test]
#   SLURM_TEST_ACCOUNTING  1: slurmdbd + a private mariadbd, so that sacct works; 0: none  [1]
#   SLURM_TEST_ENFORCE     1 (needs accounting): account 'lab' and QOS 'low' exist, others are refused  [0]
#   SLURM_TEST_NODES       how many nodes; more than 1: virtual ones (one slurmd each), named HOST-n0,
#                          HOST-n1, ..., which are added to /etc/hosts                     [1]
#   SLURM_TEST_CPUS        CPUs each node claims (may exceed the real ones)       [nproc]
#   SLURM_TEST_GPUS        fake GPUs each node claims (0: none)                           [2]
#   SLURM_TEST_MEM_MB      memory each node claims            [85% of the machine's, split]
#   SLURM_TEST_PORT        slurmctld's port; slurmdbd +1, slurmd +10, +11, ...          [6817]
set -euo pipefail

ROOT=${SLURM_TEST_ROOT:-/var/tmp/slurm-test}
ACCOUNTING=${SLURM_TEST_ACCOUNTING:-1}
ENFORCE=${SLURM_TEST_ENFORCE:-0}
NODES=${SLURM_TEST_NODES:-1}
CPUS=${SLURM_TEST_CPUS:-$(env -u OMP_NUM_THREADS -u OMP_THREAD_LIMIT nproc)}  # nproc heeds OMP_NUM_THREADS, which is no wish for nodes
GPUS=${SLURM_TEST_GPUS:-2}
PORT=${SLURM_TEST_PORT:-6817}
MEM=${SLURM_TEST_MEM_MB:-$(awk -v n="$NODES" '/^MemTotal:/ {print int($2 / 1024 * 0.85 / n)}' /proc/meminfo)}
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
STEP="starting"

say() { printf 'testcluster: %s\n' "$*"; }
die() { printf 'testcluster: ERROR: %s\n' "$*" >&2; exit 1; }
# On any failure name the step and show the end of each log, which is where SLURM says why.
on_exit() {
  local rc=$?
  rm -f "${POLICY_MADE:-}"
  [ "$rc" -eq 0 ] && return
  printf 'testcluster: failed (status %s) while %s\n' "$rc" "$STEP" >&2
  local f
  for f in "$ROOT"/log/*; do
    [ -s "$f" ] && { printf -- '---- %s\n' "$f" >&2; tail -n 15 "$f" >&2; }
  done
}
trap on_exit EXIT

# wait_for SECONDS WHAT COMMAND...: try COMMAND until it succeeds
wait_for() {
  local limit=$1 what=$2 i said=; shift 2
  for ((i = 0; i < limit * 5; i++)); do
    said=$("$@" 2>&1) && return 0
    # No use waiting for a configuration that does not parse.
    case $said in *"Unable to process configuration"*) die "$ROOT/etc/slurm.conf: $said" ;; esac
    sleep 0.2
  done
  die "$what did not happen within $limit s; the last try said: ${said:-nothing}"
}
# running NAME: does the process in NAME's pid file live, and is it ours (right program, and ROOT on its command
# line or in its environment: slurmdbd takes no path on its command line)?
running() {
  local pid
  pid=$(cat "$ROOT/run/$1.pid" 2>/dev/null) && [ -n "$pid" ] || return 1
  [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "${1%%-*}" ] || return 1
  cat "/proc/$pid/cmdline" "/proc/$pid/environ" 2>/dev/null | tr '\0' '\n' | grep -F -- "$ROOT/" >/dev/null
}

[ "$(id -u)" -eq 0 ] || die "run this as root"
command -v apt-get >/dev/null || die "apt-get not found: this recipe is for Debian"
case $ROOT in /*) ;; *) die "SLURM_TEST_ROOT must be an absolute path, not '$ROOT'" ;; esac
case $ROOT in *[[:space:]]*) die "SLURM_TEST_ROOT must not hold white space" ;; esac

# ---------------------------------------------------------------- packages
STEP="installing packages"
missing=()
need() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ] || missing+=("$1"); }
need slurm-wlm; need munge
if [ "$ACCOUNTING" = 1 ]; then need slurmdbd; need mariadb-server-core; need mariadb-client-core; fi
if [ ${#missing[@]} -gt 0 ]; then
  say "installing ${missing[*]}"
  # The packages must not start services of their own.
  if [ ! -e /usr/sbin/policy-rc.d ]; then
    POLICY_MADE=/usr/sbin/policy-rc.d
    printf '#!/bin/sh\nexit 101\n' >"$POLICY_MADE"; chmod 755 "$POLICY_MADE"
  fi
  install_log=$(mktemp)
  apt_install() {
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "${missing[@]}" >"$install_log" 2>&1
  }
  if ! apt_install; then
    # Stale or absent package lists: refresh, and go on even where some unrelated source is out of reach.
    say "package lists look stale, running apt-get update"
    apt-get update -q >"$install_log.update" 2>&1 || say "apt-get update complained (see below if the install fails too)"
    apt_install || { tail -n 20 "$install_log.update" "$install_log" >&2; die "apt-get install ${missing[*]} failed"; }
  fi
  rm -f "$install_log" "$install_log.update"
  [ -z "${POLICY_MADE:-}" ] || { rm -f "$POLICY_MADE"; POLICY_MADE=; }
fi

# ---------------------------------------------------------------- names and addresses
STEP="resolving the host name"
HOST=$(hostname -s)
ADDR=$(getent ahostsv4 "$HOST" | awk 'NR == 1 {print $1}')
[ -n "$ADDR" ] || die "host name '$HOST' does not resolve; add '127.0.1.1 $HOST' to /etc/hosts"
case $ADDR in
  127.0.0.1) ;;
  127.*)
    # Debian's own 127.0.1.1 will not do: srun would listen there only, while its connections come from 127.0.0.1, which
    # is where slurmd calls it back.
    OTHERWISE=1
    ADDR=127.0.0.1 ;;
  *) say "note: '$HOST' resolves to $ADDR, not to a loopback address; the daemons listen there" ;;
esac
if [ "$NODES" -eq 1 ]; then NODE_NAMES=("$HOST"); else
  NODE_NAMES=(); for ((i = 0; i < NODES; i++)); do NODE_NAMES+=("$HOST-n$i"); done
fi
# After a cluster of another configuration is stopped, for stop.sh takes these lines out. Written in place: a container's
# /etc/hosts is a mount.
name_hosts() {
  if [ -n "${OTHERWISE:-}" ]; then
    hosts=$(grep -vF -- "127.0.0.1 $HOST # slurm-test" /etc/hosts)
    printf '127.0.0.1 %s # slurm-test %s\n%s\n' "$HOST" "$ROOT" "$hosts" >/etc/hosts
  fi
  for name in "${NODE_NAMES[@]}"; do  # jobs look these names up: submitit gives torch the first as MASTER_ADDR
    getent ahostsv4 "$name" >/dev/null || printf '%s %s # slurm-test %s\n' "$ADDR" "$name" "$ROOT" >>/etc/hosts
  done
}

# ---------------------------------------------------------------- configuration
STEP="writing the configuration"
mkdir -p "$ROOT"; chmod 755 "$ROOT"
mkdir -p "$ROOT"/{etc,log,run,state} "$ROOT/munge"
# Job ids go on from the clock when the state is new: were they to begin at 1 again, submitit would find the result
# files of an earlier cluster's job 1 in a folder used before, and return those.
new_first_job_id() { echo "$(($(date +%s) % 60000000 + 1000))" >"$ROOT/first-job-id"; }
[ -s "$ROOT/first-job-id" ] || new_first_job_id
write_conf() {  # write_conf FOLDER
{
  cat <<CONF
# Written by start.sh; a second run with other settings rewrites it.
ClusterName=test
SlurmctldHost=$HOST($ADDR)
SlurmctldPort=$PORT
SlurmUser=root
SlurmdUser=root
# Listen on the host name's address only, not on every interface.
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
AuthType=auth/munge
CredType=cred/munge
# cred_expire: a requeued job may start again only this many seconds later (default 120). Keep it well above KillWait:
# a job of a node marked down is otherwise launched again while its old processes still end, and SLURM then holds it.
AuthInfo=socket=$ROOT/munge/munged.sock,cred_expire=8
StateSaveLocation=$ROOT/state/slurmctld
SlurmdSpoolDir=$ROOT/state/slurmd-%n
SlurmctldPidFile=$ROOT/run/slurmctld.pid
SlurmdPidFile=$ROOT/run/slurmd-%n.pid
SlurmctldLogFile=$ROOT/log/slurmctld.log
SlurmdLogFile=$ROOT/log/slurmd-%n.log
SlurmctldDebug=verbose
SlurmdDebug=verbose
MpiDefault=none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
# Refuse at submission what no node can ever run, rather than leave it pending.
EnforcePartLimits=ALL
# Believe the node lines below rather than the hardware; claim more CPUs or GPUs than exist.
SlurmdParameters=config_overrides
# Kill a step that uses more memory than it asked for (polled each second; no cgroups needed).
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
DefMemPerCPU=$((MEM / CPUS))
# Requeue on scontrol requeue, on preemption and on node failure.
JobRequeue=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
# Preemption sends the job's own --signal (submitit's USR2) GraceTime seconds before the kill, instead of SIGTERM.
SlurmctldParameters=preempt_send_user_signal
# Short waits: this is for tests.
KillWait=2
MessageTimeout=10
SlurmdTimeout=30
InactiveLimit=0
MinJobAge=600
FirstJobId=$(cat "$ROOT/first-job-id")
SchedulerType=sched/backfill
SchedulerParameters=bf_interval=1,sched_interval=2,sched_min_interval=0,batch_sched_delay=0
ReturnToService=1
GresTypes=gpu
CONF
  if [ "$ACCOUNTING" = 1 ]; then
    printf 'AccountingStorageType=accounting_storage/slurmdbd\nAccountingStorageHost=%s\nAccountingStoragePort=%s\nAccountingStoragePass=%s\n' \
      "$ADDR" "$((PORT + 1))" "$ROOT/munge/munged.sock"
    printf 'AccountingStorageTRES=gres/gpu\n'
    [ "$ENFORCE" != 1 ] || printf 'AccountingStorageEnforce=associations,limits,qos\n'
  else
    printf 'AccountingStorageType=accounting_storage/none\nJobCompType=jobcomp/filetxt\nJobCompLoc=%s\n' "$ROOT/log/jobcomp.txt"
  fi
  for i in "${!NODE_NAMES[@]}"; do
    printf 'NodeName=%s NodeHostname=%s NodeAddr=%s Port=%s CPUs=%s RealMemory=%s' \
      "${NODE_NAMES[$i]}" "$HOST" "$ADDR" "$((PORT + 10 + i))" "$CPUS" "$MEM"
    [ "$GPUS" -eq 0 ] || printf ' Gres=gpu:%s' "$GPUS"
    printf ' State=UNKNOWN\n'
  done
  printf 'PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE State=UP PriorityTier=1 PreemptMode=REQUEUE GraceTime=20\n'
  printf 'PartitionName=urgent Nodes=ALL MaxTime=INFINITE State=UP PriorityTier=10 PreemptMode=OFF\n'
} >"$1/slurm.conf"
# Fake GPUs. SLURM 22.05 drops gpu lines that have a Count but no File, and complains of plain files, so
# each GPU is a symlink to /dev/null: a valid character device that needs no mknod.
mkdir -p "$ROOT/dev"; rm -f "$ROOT"/dev/gpu*
for ((i = 0; i < GPUS; i++)); do ln -s /dev/null "$ROOT/dev/gpu$i"; done
{
  echo 'AutoDetect=off'
  [ "$GPUS" -eq 0 ] || echo "Name=gpu File=$ROOT/dev/gpu[0-$((GPUS - 1))]"
} >"$1/gres.conf"
# No cgroups are used, yet slurmd sets a cgroup plugin up as it starts. Left to choose, it fails where /sys/fs/cgroup
# is not mounted and where it is version 2 without systemd (containers); version 1's has nothing to do at that point.
echo 'CgroupPlugin=cgroup/v1' >"$1/cgroup.conf"
cat >"$1/slurmdbd.conf" <<CONF
AuthType=auth/munge
AuthInfo=$ROOT/munge/munged.sock
DbdHost=$HOST
DbdAddr=$ADDR
DbdPort=$((PORT + 1))
SlurmUser=root
PidFile=$ROOT/run/slurmdbd.pid
LogFile=$ROOT/log/slurmdbd.log
DebugLevel=verbose
CommunicationParameters=NoInAddrAny
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=root
StorageLoc=slurm_acct_db
CONF
}
new_conf=$(mktemp -d)
write_conf "$new_conf"
if [ -e "$ROOT/etc/slurm.conf" ] && ! diff -rq "$new_conf" "$ROOT/etc" >/dev/null; then
  say "the wanted configuration differs from the one in $ROOT/etc: stopping that cluster and dropping its state"
  SLURM_TEST_ROOT=$ROOT "$HERE/stop.sh"
  rm -rf "$ROOT/state"; mkdir -p "$ROOT/state"
  new_first_job_id
  write_conf "$new_conf"
fi
name_hosts
install -m 644 "$new_conf"/{slurm,gres,cgroup}.conf "$ROOT/etc/"
install -m 600 "$new_conf/slurmdbd.conf" "$ROOT/etc/"
rm -rf "$new_conf"
cat >"$ROOT/env.sh" <<CONF
export SLURM_CONF=$ROOT/etc/slurm.conf
CONF
export SLURM_CONF=$ROOT/etc/slurm.conf

# ---------------------------------------------------------------- munged (who is who)
STEP="starting munged"
if ! running munged; then
  [ -s "$ROOT/munge/munge.key" ] || (umask 077; head -c 1024 /dev/urandom >"$ROOT/munge/munge.key")
  chmod 600 "$ROOT/munge/munge.key"; chmod 755 "$ROOT/munge"
  munged --socket="$ROOT/munge/munged.sock" --key-file="$ROOT/munge/munge.key" --pid-file="$ROOT/run/munged.pid" \
    --log-file="$ROOT/log/munged.log" --seed-file="$ROOT/munge/munged.seed" --num-threads=2
fi
wait_for 10 "an answer from munged" sh -c "munge -S '$ROOT/munge/munged.sock' -n | unmunge -S '$ROOT/munge/munged.sock'"

# ---------------------------------------------------------------- mariadbd and slurmdbd (what sacct reads)
if [ "$ACCOUNTING" = 1 ]; then
  STEP="starting mariadbd"
  if ! running mariadbd; then
    if [ ! -d "$ROOT/state/mysql/mysql" ]; then
      mariadb-install-db --no-defaults --user=root --datadir="$ROOT/state/mysql" \
        --auth-root-authentication-method=socket --skip-test-db >"$ROOT/log/mariadb-install-db.log" 2>&1
    fi
    rm -f "$ROOT/run/mariadbd.sock"
    setsid mariadbd --no-defaults --user=root --datadir="$ROOT/state/mysql" --socket="$ROOT/run/mariadbd.sock" \
      --pid-file="$ROOT/run/mariadbd.pid" --skip-networking --innodb-buffer-pool-size=64M --innodb-log-file-size=16M \
      --innodb-lock-wait-timeout=900 --innodb-flush-log-at-trx-commit=0 --performance-schema=OFF \
      </dev/null >"$ROOT/log/mariadbd.log" 2>&1 &
    disown
  fi
  wait_for 30 "mariadbd's socket" test -S "$ROOT/run/mariadbd.sock"
  STEP="starting slurmdbd"
  if ! running slurmdbd; then
    # slurmdbd reads slurmdbd.conf from the folder SLURM_CONF is in.
    MYSQL_UNIX_PORT="$ROOT/run/mariadbd.sock" slurmdbd </dev/null
  fi
  wait_for 30 "an answer from slurmdbd" sacctmgr -n list cluster
  if [ "$ENFORCE" = 1 ] && [ -z "$(sacctmgr -nP list qos low format=Name)" ]; then
    STEP="adding the account and the QOS"
    {
      [ -n "$(sacctmgr -nP list cluster test format=Cluster)" ] || sacctmgr -i add cluster test
      sacctmgr -i add qos low
      sacctmgr -i add account lab Cluster=test
      sacctmgr -i add user root Account=lab DefaultAccount=lab Cluster=test
      sacctmgr -i modify user root set qos+=low
    } >"$ROOT/log/sacctmgr.log" 2>&1 || die "sacctmgr: $(cat "$ROOT/log/sacctmgr.log")"
  fi
fi

# ---------------------------------------------------------------- slurmctld, slurmd
STEP="starting slurmctld"
mkdir -p "$ROOT/state/slurmctld"
running slurmctld || slurmctld -f "$SLURM_CONF" </dev/null
wait_for 30 "an answer from slurmctld" sh -c "scontrol ping | grep -q 'is UP'"
for name in "${NODE_NAMES[@]}"; do
  STEP="starting slurmd for $name"
  mkdir -p "$ROOT/state/slurmd-$name"
  if ! running "slurmd-$name"; then slurmd -f "$SLURM_CONF" -N "$name" </dev/null; fi
done
STEP="waiting for the nodes"
usable() { [ "$(sinfo -h -N -p test -o %t | grep -cE '^(idle|mix|alloc|comp)$')" -eq "$NODES" ]; }
# A node that was drained or set down stays so until told.
for name in "${NODE_NAMES[@]}"; do
  case $(sinfo -h -N -p test -n "$name" -o %t) in down*|drain*|drng*|fail*) scontrol update NodeName="$name" State=RESUME 2>/dev/null || true ;; esac
done
wait_for 60 "all $NODES node(s) becoming idle" usable
STEP="done"
say "up: $(sinfo -h -N -p test -o '%N %t (%c CPUs, %m MB, %G);' | tr '\n' ' ')"
say "to use it: . $ROOT/env.sh"
