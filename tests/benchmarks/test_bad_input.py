"""What nobody can run with, over all applications: exit code 2, one line that names the key, nothing written."""

import os
import subprocess
import sys
from importlib import import_module

import pytest

from benchmarks.cli import guarded
from dp_common.errors import BadInput
from tests.processes import ROOT

BAD = [  # application, words, how its one line begins
    ("run", "strateg=dp", "strateg=dp: no such key. Did you mean strategy?"),
    ("run", "strategy=dpp", "strategy=dpp: one of"),
    ("run", "dp", "dp: expected key=value"),
    ("run", "--dryrun", "--dryrun: no such key. Did you mean --dry-run?"),
    ("run", "quiet=perhaps", "quiet=perhaps: yes or no"),
    ("run", "--quiet scale=0", "scale=0: at least 1"),
    ("run", "--quiet scale=1.5", "scale=1.5: a whole number"),
    ("run", "--quiet seed=1 seeds=2", "seed=2: given twice"),
    ("run", "--quiet train.lr=fast", "train.lr=fast: expected a number"),
    ("run", "--quiet train.lr=nan", "train.lr=nan: a finite number"),
    ("run", "--quiet data.monitor=half", "data.monitor=half: one of disjoint, paper"),
    ("run", "--quiet preset=paper/nothing", "preset=paper/nothing: one of"),
    ("run", "--dry-run root=FILE/runs", "root=FILE/runs: cannot write there"),
    ("run", "--quiet root=FILE/runs", "root=FILE/runs: cannot write there"),
    ("run", "--quiet learner=no/such/model", "learner=no/such/model: "),
    ("run", "--quiet learner=vit_tny", "learner=vit_tny: "),
    ("run", "--quiet dp.score=random", "dp.score=random: "),
    ("run", "--quiet device=tpu", "device=tpu: "),
    # what a method cannot have: as a run, planned, and in a sweep
    *(
        (app, f"{given} {words}", said)
        for app, given in (("run", "--dry-run"), ("sweep", "--dry-run seed=0,1"), ("sweep", "seed=0"))
        for words, said in (
            ("strategy=lgd lgd.score=random", "lgd.score=random: a score that looks at the learner"),
            ("strategy=mix mix.real_per_class=2000 scale=30k", "mix.real_per_class=2000: at most 278, "),
            ("dp.score=chamfer exemplars.per_class=900", "exemplars.per_class=900: at most 278, "),
            ("strategy=prune prune.rule=covariance prune.rule_args.real_per_class=900", "prune.rule_args.real_per"),
        )
    ),
    ("run", "--dry-run dp.score=nll teacher=unet", "dp.score=nll: it needs a teacher whose density is known"),
    ("run", "--dry-run dp.score=bald dp.feedback=first", "dp.score=bald: by a frozen learner not with heads.source="),
    ("run", "--dry-run dp.score=bald dp.rounds=1 dp.at=0.001", "dp.interval=1280: two evaluations on monitor before"),
    ("run", "--dry-run strategy=dp sampler.exact=true", "sampler.exact=yes: no with strategy=dp, which guides"),
    ("run", "--quiet sampler.exact=true sampler.cfg_scale=2", "sampler.exact=yes: no at a sampler.cfg_scale other"),
    ("run", "--dry-run sampler.temperature=0", "sampler.temperature=0: more than 0"),
    # every kind of key: whole numbers, shares, choices, words, places, mappings, plugins
    ("run", "--quiet scale=", "scale=: a whole number"),
    ("run", "--quiet scale=-5", "scale=-5: at least 1"),
    ("run", "--quiet scale=1e3", "scale=1e3: a whole number"),
    ("run", "--quiet scale=٣", "scale=٣: a whole number"),
    ("run", "--quiet scale=4K", "scale=4K: a whole number"),
    ("run", "--quiet scale=99999999999999999999", "scale=99999999999999999999: at most"),
    ("run", "--quiet scale=2000000000", "scale=2000000000: at most 1000000000"),
    ("run", "--quiet seed=-1", "seed=-1: at least 0"),
    ("run", "--quiet seed=0..4", "seed=0..4: one whole number; python -m benchmarks.sweep takes ranges"),
    ("run", "--quiet seed=9223372036854775808", "seed=9223372036854775808: at most 9223372036854775807"),
    ("run", "--quiet seed=true", "seed=true: a whole number"),
    ("run", "--quiet threads=0", "threads=0: at least 1"),
    ("run", "--quiet threads=9999", "threads=9999: at most 1024"),
    ("run", "--quiet precision=fp8", "precision=fp8: one of fp32, bf16"),
    ("run", "--quiet evaluate=never", "evaluate=never: one of end, curve"),
    ("run", "--quiet probe=hard", "probe=hard: one of none, hardness, truth"),
    ("run", "--quiet guide_with=both", "guide_with=both: one of ema, raw"),
    ("run", "--quiet train.batch=0", "train.batch=0: at least 1"),
    ("run", "--quiet train.seen=-1k", "train.seen=-1k: at least 1"),
    ("run", "--quiet train.lr=0", "train.lr=0: more than 0"),
    ("run", "--quiet train.lr=inf", "train.lr=inf: a finite number"),
    ("run", "--quiet train.lr=1,5", "train.lr=1,5: expected a number"),
    ("run", "--quiet train.weight_decay=-1", "train.weight_decay=-1: at least 0"),
    ("run", "--quiet train.label_smoothing=0.9", "train.label_smoothing=0.9: at most 0.5"),
    ("run", "--quiet train.ema=1", "train.ema=1: at most 0.99999"),
    ("run", "--quiet train.crop=0", "train.crop=0: more than 0"),
    ("run", "--quiet train.flip=maybe", "train.flip=maybe: yes or no (or true, false)"),
    ("run", "--quiet train.order=random", "train.order=random: one of uniform, block"),
    ("run", "--quiet train.micro=3", "train.micro=3: a divisor of train.batch, 128"),
    ("run", "--quiet train.mixup=1 train.batch=100", "train.batch=100: a multiple of 64 with train.mixup"),
    ("run", "--quiet train.model_args=3", "train.model_args=3: expected {name: value"),
    ("run", "--quiet train.model_args={a:", "train.model_args={a:: not YAML"),
    ("run", "--quiet train.epochs=3", "train.epochs=3: no such key"),
    ("run", "--quiet train.lrr=3", "train.lrr=3: no such key. Did you mean train.lr?"),
    ("run", "--quiet batch=3", "batch=3: no such key. Did you mean train.batch?"),
    ("run", "--quiet bald=3", "bald=3: no such key. --help lists them all."),
    ("run", "--quiet data.split=-1", "data.split=-1: at least 0"),
    ("run", "--quiet data.split=4294967296", "data.split=4294967296: at most"),
    ("run", "--quiet data.limit=-1", "data.limit=-1: at least 0"),
    ("run", "--quiet data.train=nowhere", "data.train=nowhere: a key of task=folder"),
    ("run", "--quiet images.quality=0", "images.quality=0: at least 1"),
    ("run", "--quiet images.quality=50", "images.quality=50: only with images.format=jpeg or webp"),
    ("run", "--quiet data.root=RUNS", "data.root=runs: a key of task=cifar10, cifar100, fashion-mnist"),
    ("run", "--dry-run task=folder data.root=RUNS", "data.root=runs: a key of task=cifar10"),
    ("run", "--quiet deterministic=maybe", "deterministic=maybe: yes or no (or true, false)"),
    ("run", "--dry-run dp.score=FILE.py", "dp.score=file.py: no such file"),
    ("sweep", "--dry-run seed=0..4:2", "seed=0..4:2: a range is first..last"),
    ("train_teacher", "task=digits data.root=RUNS", "data.root=runs: a key of task=cifar10"),
    ("train_teacher", "task=digits data.train=RUNS", "data.train=runs: a key of task=folder; this run has task=digits"),
    ("run", "--quiet images.format=bmp", "images.format=bmp: one of png, jpeg, webp"),
    ("run", "--quiet images.path=x", "images.path=x: a key of teacher=images"),
    ("run", "--quiet sampler.steps=1001", "sampler.steps=1001: at most 1000"),
    ("run", "--quiet sampler.eta=2", "sampler.eta=2: at most 1"),
    ("run", "--quiet sampler.temperature=0", "sampler.temperature=0: more than 0"),
    ("run", "--quiet sampler.spacing=even", "sampler.spacing=even: one of leading"),
    ("run", "--quiet sampler.mode_variance=1", "sampler.mode_variance=1.0: 0 at sampler.temperature=1"),
    ("run", "--quiet shard=100", "shard=100: a multiple of sampler.block, 512"),
    ("run", "--quiet limit=soon", "limit=soon: "),
    ("run", "--quiet lease_ttl=0", "lease_ttl=0: more than 0"),
    ("run", "--quiet rank_timeout=1", "rank_timeout=1: more than 2"),
    ("run", "--quiet ranks=0", "ranks=0: at least 1"),
    ("run", "--quiet ranks=two", "ranks=two: a whole number"),
    ("run", "--quiet ranks=2 root=FILE/runs", "root=FILE/runs: cannot write there"),
    ("run", "--quiet pool=yes root=FULL", "pool=yes: no: FULL/pool: cannot write there: "),
    ("run", "--dry-run pool=yes root=FULL", "pool=yes: no: FULL/pool: cannot write there: "),
    ("sweep", "strategy=static pool=yes root=FULL", "pool=yes: no: FULL/pool: cannot write there: "),
    ("pool", "fill n=64 root=FULL", "root=FULL: FULL/pool: cannot write there: "),
    ("pool", "fill --dry-run n=64 root=FULL", "root=FULL: FULL/pool: cannot write there: "),
    ("run", "--quiet decoded=/proc/none", "decoded=/proc/none: cannot write there: "),
    ("run", "--dry-run decoded=FILE/here", "decoded=FILE/here: cannot write there: "),
    ("run", "--quiet root=", "root: a folder for the runs"),
    ("run", "--quiet root=/proc/none", "root=/proc/none: cannot write there"),
    ("run", "--dry-run root=/proc/none", "root=/proc/none: cannot write there"),
    ("run", "--quiet scale=999M task=folder", "data.train: task=folder reads your own images"),
    ("run", "--quiet scale=1000M train.seen=1000M", "root=results/runs: 1,000,000,000 images take at least"),
    ("run", "--quiet task=cats", "task=cats: one of"),
    ("run", "--quiet task=cifar10", "data.root=data: torchvision's CIFAR10 is not there: no data/cifar-10-batches-py"),
    ("run", "--quiet task=svhn data.root=RUNS", "data.root=RUNS: torchvision's SVHN is not there"),
    ("run", "--quiet task=imagenet100", "data.root=data: no folder data/train nor data/val"),
    ("run", "--quiet task=folder", "data.train: task=folder reads your own images"),
    ("run", "--quiet task=folder data.train=nowhere", "data.train=nowhere: no such folder or file"),
    ("run", "--quiet task=folder data.train=FILE", "data.train=FILE: a file that is no .tar"),
    ("run", "--quiet task=folder data.train=RUNS", "data.train=RUNS: no images there"),
    ("run", "--quiet preset=folder-laptop", "data.train: task=folder reads your own images"),
    ("run", "--quiet teacher=gan", "teacher=gan: one of"),
    ("run", "--quiet teacher=unet unet.weights=nowhere", "unet.weights=nowhere: no such file: nowhere"),
    ("run", "--dry-run teacher=unet unet.weights=nowhere", "unet.weights=nowhere: no such file: nowhere"),
    ("run", "--quiet teacher=unet unet.dtype=int8", "unet.dtype=int8: one of fp32, bf16, fp16"),
    ("run", "--quiet teacher=images", "images.path: teacher=images needs"),
    ("run", "--quiet teacher=images strategy=static images.path=nowhere", "images.path=nowhere: no such folder"),
    ("run", "--quiet teacher=images strategy=static images.path=RUNS", "images.path=RUNS: no images there"),
    ("run", "--quiet teacher=images sampler.temperature=2 images.path=FILE", "sampler.temperature=2.0: 1 with teacher"),
    ("run", "--quiet mixture.components=0", "mixture.components=0: at least 1"),
    (
        "run",
        "--quiet teacher=stable-diffusion stable_diffusion.weights=/none",
        "stable_diffusion.weights=/none: no such",
    ),
    (
        "run",
        "--quiet teacher=stable-diffusion stable_diffusion.weights=RUNS",
        "stable_diffusion.weights=RUNS: RUNS has",
    ),
    ("run", "--dry-run teacher=stable-diffusion stable_diffusion.weights=RUNS", "stable_diffusion.weights=RUNS: RUNS"),
    ("run", "--quiet teacher=stable-diffusion stable_diffusion.template=cat", "stable_diffusion.template=cat: a text"),
    ("run", "--quiet teacher=stable-diffusion stable_diffusion.dtype=fp64", "stable_diffusion.dtype=fp64: one of"),
    (
        "run",
        "--quiet learner=resnet18 train.model_args.checkpoint_path=none.pth",
        "train.model_args.checkpoint_path=none",
    ),
    ("run", "--quiet strategy=FILE", "strategy=FILE: one of"),
    ("run", "--quiet strategy=./none.py", "strategy=./none.py: no such file: none.py"),
    ("run", "--quiet strategy=static dp.omega=1", "dp.omega=1: a key of strategy=dp; this run has strategy=static"),
    ("run", "--quiet dp.omega=x", "dp.omega=x: expected a number"),
    ("run", "--quiet dp.rule=sideways", "dp.rule=sideways: one of"),
    ("run", "--quiet dp.score=entropi", "dp.score=entropi: one of"),
    ("run", "--quiet dp.schedule=odd", "dp.schedule=odd: one of"),
    ("run", "--quiet strategy=prune prune.rule=best", "prune.rule=best: one of"),
    ("run", "--quiet seed=${nothing}", "seed=${nothing}: a whole number"),
    ("run", "--quiet =4", "=4: expected key=value"),
    ("run", "--quiet scale", "scale: expected key=value"),
    ("run", "--quiet device=gpu", "device=gpu: auto, cpu, cuda, cuda:N or mps"),
    ("run", "--quiet device=cuda:x", "device=cuda:x: auto, cpu, cuda, cuda:N or mps"),
    ("run", "--quiet device=cpu:3", "device=cpu:3: auto, cpu, cuda, cuda:N or mps"),
    ("run", "--dry-run device=tpu", "device=tpu: auto, cpu, cuda, cuda:N or mps"),
    ("check_images", "", "path: needed"),
    ("check_images", "nowhere", "path=nowhere: "),
    ("sweep", "launcher=slurmm", "launcher=slurmm: one of local, slurm. Did you mean slurm?"),
    ("sweep", "profile=cpu", "profile: only with launcher=slurm"),
    ("sweep", "slurm.time=5", "slurm.time: only with launcher=slurm"),
    ("sweep", "launcher=slurm", "profile: launcher=slurm needs one of"),
    ("sweep", "launcher=slurm profile=cpuu", "profile=cpuu: one of"),
    ("sweep", "launcher=slurm profile=cpu slurm.tme=5", "slurm.tme: no such key"),
    ("sweep", "launcher=slurm profile=cpu slurm.time=1", "slurm.time=1: at least"),
    ("sweep", "launcher=slurm profile=cpu workers=2", "workers=2: only with launcher=local"),
    ("sweep", "workers=-1", "workers=-1: at least 0"),
    ("sweep", "workers=many", "workers=many: a whole number"),
    ("sweep", "scale=1k scale=2k", "scale=2k: given twice, first as 1k"),
    ("sweep", "grid=nothing", "grid=nothing: one of"),
    ("sweep", "grid=digits grid=table1", "grid=table1: given twice"),
    ("sweep", "seed=4..0", "seed=4..0: "),
    ("sweep", "scale=1k,,2k", "scale=1k,,2k: "),
    ("sweep", "strategy=static dp.omega=0,1", "dp.omega"),
    ("sweep", "strategy=static,foo", "strategy=foo: one of"),
    ("sweep", "strategy=dp dp.omega=0,x", "dp.omega=x: expected a number"),
    ("sweep", "seed=0..", "seed=0..: "),
    ("sweep", "seed=0..1000001", "seed=0..1000001: "),
    ("sweep", "task=cifar10 strategy=static", "data.root=data: torchvision's CIFAR10 is not there"),
    ("sweep", "strategy=static teacher=unet unet.weights=none", "unet.weights=none: no such file"),
    ("sweep", "strategy=static root=/proc/none", "root=/proc/none: cannot write there"),
    ("sweep", "strategy=static device=tpu", "device=tpu: auto, cpu, cuda, cuda:N or mps"),
    ("sweep", "strategy=static scale=1k,1000M", "root=results/runs: 1,000,000,000 images take at least"),
    ("sweep", "root=FILE/runs strategy=static", "root=FILE/runs: cannot write there"),
    ("sweep", "--dry-run root=FILE/runs strategy=static", "root=FILE/runs: cannot write there"),
    ("status", "nowhere", "root=nowhere: no such folder"),
    ("status", "FILE", "root=FILE: not a folder"),
    ("status", "a a", "root=a: given twice"),
    ("status", "--al", "--al: no such key. Did you mean --all?"),
    ("status", "all=some", "all=some: yes or no"),
    ("cancel", "root=nowhere", "root=nowhere: no such folder"),
    ("cancel", "root=RUNS sweep=0123456789", "sweep=0123456789: no sweep of these keys"),
    ("cancel", "root=RUNS sweep=0123456789 seed=1", "sweep=0123456789: either"),
    ("table", "nowhere", "root=nowhere: no such folder"),
    ("table", "RUNS", "root=RUNS: holds no runs"),
    ("table", "RUNS figures=maybe", "figures=maybe: all, no, or some of"),
    ("table", "RUNS tables=scale,reech", "tables=reech: all, or some of"),
    ("table", "RUNS target=200", "target=200: auto, or percent correct"),
    ("table", "RUNS seeds=x", "seed=x: all, or numbers"),
    ("table", "RUNS table=all", "table=all: no such key. Did you mean tables?"),
    ("report", "RUNS", "root=RUNS: holds no runs"),
    ("report", "RUNS prices=nothing.csv", "prices=nothing.csv: no such file"),
    ("report", "RUNS fast=yes", "fast=yes: no such key"),
    ("claims", "RUNS prices=digits-unett", "prices=digits-unett: no such file"),
    (
        "claims",
        "RUNS prices=results/measured/speed/digits-unet.csv",
        "prices=results/measured/speed/digits-unet.csv: is",
    ),
    ("claims", "a a", "root=a: given twice"),
    ("follow", "RUNS", "to: needed: one of tensorboard, wandb"),
    ("follow", "RUNS to=tensorbord", "to=tensorbord: one of tensorboard, wandb. Did you mean tensorboard?"),
    ("follow", "RUNS to=tensorboard every=0", "every=0: more than 0"),
    ("follow", "RUNS to=tensorboard once=maybe", "once=maybe: yes or no"),
    ("speed", "repeat=0", "repeat=0: at least 1"),
    ("speed", "block=-1", "block=-1: at least 1"),
    ("speed", "suite=digit", "suite=digit: some of digits"),
    ("speed", "suite=digits,digits", "suite=digits,digits: different values"),
    ("speed", "suite=digits strategy=dp", "strategy=dp: keys of a run go with suite="),
    ("speed", "suite=digits out=FILE/x.csv", "out=FILE/x.csv: cannot write there"),
    ("speed", "suite=digits out=a/../../../../../../../../proc/x.csv", "out=a/../.."),
    ("speed", "suite=digits out=FILE", "out=FILE: is there already: name a new file, or remove it first"),
    ("gpu_check", "device=cpu out=FILE", "out=FILE: is there already: name a new file, or remove it first"),
    ("gpu_check", "device=cpu out=FILE/x.jsonl", "out=FILE/x.jsonl: cannot write there"),
    ("flops", "units=yes out=FILE/x.csv", "out=FILE/x.csv: cannot write there"),
    ("flops", "units=yes out=RUNS", "out=RUNS: a file: that is a folder"),
    ("table", "RUNS out=FILE/x", "out=FILE/x: cannot write there"),
    ("report", "RUNS out=FILE/x", "out=FILE/x: cannot write there"),
    ("claims", "RUNS out=FILE/x", "out=FILE/x: cannot write there"),
    ("archive", "RUNS out=FILE/x", "out=FILE/x: cannot write there"),
    ("speed", "suite=unet device=tpu", "device=tpu: "),
    ("theory", "repeats=1", "repeats=1: at least 2"),
    ("theory", "lam=1,1", "lam=1,1: different values"),
    ("theory", "n=100,200,300,400,500", "n=100,200,300,400,500: at most 4 different values"),
    ("theory", "rho=nan", "rho=nan: a finite number"),
    ("theory", "root=FILE/runs", "out=FILE/runs/theory: cannot write there"),
    ("theory", "root=new out=FILE/out", "out=FILE/out: cannot write there"),
    ("train_teacher", "", "task: needed"),
    ("train_teacher", "task=digit", "task=digit: one of"),
    ("train_teacher", "task=digits steps=0", "steps=0: at least 1"),
    ("train_teacher", "task=digits stepps=3", "stepps=3: no such key. Did you mean steps?"),
    ("train_teacher", "task=digits out=weights.bin", "out=weights.bin: a file name that ends in .safetensors"),
    ("train_teacher", "task=digits out=FILE/t.safetensors", "out=FILE/t.safetensors: cannot write there"),
    ("train_teacher", "task=digits out=/proc/none/t.safetensors", "out=/proc/none/t.safetensors: cannot write there"),
    ("train_teacher", "task=digits-1797 out=new/t.safetensors device=cuda:9", "device=cuda:9: this machine has"),
    ("speed", "suite=digits out=new/x.csv device=cuda:9", "device=cuda:9: this machine has"),
    ("gpu_check", "out=new/x.jsonl device=cuda:9", "device=cuda:9: this machine has"),
    ("speed", "items=smaple.plain", "items=smaple.plain: matches none of 9 items, such as sample.plain"),
    ("train_teacher", "task=digits samples=1", "samples=1: at least 10"),
    ("train_teacher", "task=digits save=fp8", "save=fp8: one of fp32, bf16"),
    ("__main__", "statsu", "statsu: one of run, sweep, status"),
    ("__main__", "speed repeat=0", "repeat=0: at least 1"),
    ("table", "a nowhere", "root=a: no such folder"),
    ("table", "RUNS nowhere", "root=nowhere: no such folder"),
    ("table", "FILE", "root=FILE: not a folder"),
    ("table", "RUNS FILE", "root=FILE: not a folder"),
    ("table", "RUNS root=RUNS", "root=RUNS: given twice"),
    ("table", "RUNS figures=hardnes", "figures=hardnes: all, no, or some of"),
    ("table", "RUNS figures=hours,hours", "figures=hours,hours: different values"),
    ("table", "RUNS figures=no,hours", "figures=no: all, no, or some of"),
    ("table", "RUNS tables=versus,no", "tables=no: all, or some of"),
    ("table", "RUNS figures=", "figures=: a value is missing"),
    ("table", "RUNS tables=", "tables=: a value is missing"),
    ("table", "RUNS tables=./none.py", "tables=./none.py: no such file"),
    ("table", "RUNS tables=no figures=no", "tables=no: with figures=no too there is nothing to make"),
    ("table", "RUNS target=93,", "target=93,: auto, or percent correct"),
    ("table", "RUNS code=oldest", "code=oldest: one of newest, all"),
    ("table", "RUNS open=maybe", "open=maybe: yes or no"),
    ("table", "RUNS exclude=", "exclude=: a value is missing"),
    ("table", "RUNS seed=4..0", "seed=4..0: first..last"),
    ("table", "RUNS seed=-1", "seed=-1: all, or numbers"),
    ("report", "FILE", "root=FILE: not a folder"),
    ("report", "RUNS nowhere", "root=nowhere: no such folder"),
    ("report", "RUNS figures=hours", "figures=hours: no such key"),
    ("report", "RUNS open=5", "open=5: yes or no"),
    ("report", "RUNS seed=1,1", "seed=1,1: different values"),
    ("claims", "FILE", "root=FILE: not a folder"),
    ("claims", "RUNS", "root=RUNS: holds no runs"),
    ("claims", "RUNS nowhere", "root=nowhere: no such folder"),
    ("claims", "RUNS only=C1", "only=C1: no such key"),
    ("claims", "RUNS code=new", "code=new: one of newest, all"),
    ("status", "RUNS nowhere", "root=nowhere: no such folder"),
    ("status", "RUNS json=perhaps", "json=perhaps: yes or no"),
    ("status", "root=", "root=: a value is missing"),
    ("forget", "", "forget: say which"),
    ("forget", "RUNS", "forget: say which"),
    ("forget", "RUNS yes=yes", "forget: say which"),
    ("forget", "nowhere --all", "root=nowhere: no such folder"),
    ("forget", "FILE --all", "root=FILE: not a folder"),
    ("forget", "RUNS run=digits-x", "run=digits-x: no run of this id there"),
    ("forget", "RUNS state=running", "state=running: any, or some of failed"),
    ("forget", "RUNS state=faild", "state=faild: any, or some of failed"),
    ("forget", "RUNS state=failed,failed", "state=failed,failed: different values"),
    ("forget", "RUNS code=newest", "code=newest: one of older"),
    ("forget", "RUNS --all strategy=dp", "all=yes: alone"),
    ("forget", "RUNS --al", "--al: no such key. Did you mean --all?"),
    ("forget", "RUNS seed=4..0", "seed=4..0: first..last"),
    ("forget", "RUNS strategy=dp,,static", "strategy=dp,,static: an empty value"),
    ("forget", "RUNS --force", "--force: no such key"),
    ("forget", "RUNS yes=please", "yes=please: yes or no"),
    ("export", "", "run: needed"),
    ("export", "RUNS", "to: needed: one of imagefolder"),
    ("export", "RUNS to=zip out=x", "to=zip: one of imagefolder"),
    ("export", "RUNS to=parquet", "out: needed"),
    ("export", "RUNS to=parquet out=RUNS", "out=RUNS: is there already"),
    ("export", "RUNS to=parquet out=FILE/x", "out=FILE/x: cannot write there"),
    ("export", "RUNS to=parquet out=x", "run=RUNS: not the folder of a run"),
    ("export", "none to=parquet out=x root=RUNS", "run=none: no such folder, and no run of this id"),
    ("export", "none to=parquet out=x root=nowhere", "run=none: no such folder, and no run of this id"),
    ("check_images", "a b", "path=b: given twice, first as a"),
    ("check_images", "FILE", "path=FILE: "),
    ("check_images", "RUNS", "path=RUNS: "),
    ("sweep", "slurm.time=", "slurm.time: only with launcher=slurm"),
    ("sweep", "launcher=", "launcher: one of local, slurm"),
    ("sweep", "--dry-run strategy=static,statik", "strategy=statik: one of"),
    ("sweep", "--dry-run strategy=", "strategy=: expected key=value"),
    ("sweep", "--dry-run seed=0..", "seed=0..: a range is first..last"),
    ("sweep", "--dry-run workers=2 workers=3", "workers=3: given twice, first as 2"),
    ("cancel", "root=RUNS strategy=dp", "sweep="),
    ("cancel", "FILE", "root=FILE: not a folder"),
    ("follow", "FILE to=tensorboard", "root=FILE: not a folder"),
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The working folder, with an empty folder of runs, a file where folders are wanted, and a root whose pool is on
    something that takes no files.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    monkeypatch.setattr("benchmarks.run.stop_on_signals", lambda: bool)  # no handlers in this process
    (tmp_path / "runs").mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "pool").symlink_to("/proc")
    return tmp_path


def place(text: str) -> str:
    return text.replace("RUNS", "runs").replace("FILE", "file").replace("FULL", "full")


@pytest.mark.parametrize(("application", "words", "line"), BAD, ids=lambda value: value.replace("/", "|"))
def test_it_is_one_line_and_exit_2_and_nothing_is_written(here, capsys, application, words, line):
    with pytest.raises(SystemExit) as ended:
        guarded(import_module(f"benchmarks.{application}").main, place(words).split())
    out, err = capsys.readouterr()
    assert ended.value.code == 2 and out == "", err
    *before, last = err.splitlines()
    assert last.startswith(f"error: {place(line)}"), err
    assert not before or application == "sweep", err  # a sweep says first how many runs it has
    left = sorted(str(path.relative_to(here)) for path in here.rglob("*"))
    assert left == ["file", "full", "full/pool", "runs"], left


@pytest.mark.parametrize(
    "words", ["task=mnist data.root=RUNS", "task=imagenet1k data.root=/data/imagenet", "task=svhn"]
)
def test_what_is_planned_for_another_machine_is_told_what_is_missing_here(here, capsys, words):
    from benchmarks import run, sweep

    assert run.main(["--dry-run", "teacher=mixture", *place(words).split()]) == 0
    assert "missing   data.root=" in capsys.readouterr().out
    assert sweep.main(["--dry-run", "teacher=mixture", "strategy=static", "seed=0..2", *place(words).split()]) == 0
    told = capsys.readouterr()
    assert told.err.count("missing   data.root=") == 1 and told.out.count("new   ") == 3
    with pytest.raises(BadInput, match="data.root="):
        run.main(["--quiet", "teacher=mixture", *place(words).split()])


def test_it_is_so_in_an_interpreter_of_its_own(tmp_path):
    for module, words in (("run", ["dp.score=random", "--quiet"]), ("sweep", ["scale=1k", "scale=2k"])):
        command = [sys.executable, "-m", f"benchmarks.{module}", *words, f"root={tmp_path / 'new'}"]
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1), done.stderr
    assert not (tmp_path / "new").exists()


def test_old_words_of_the_readme_still_mean_what_they_did():
    from benchmarks import cli, follow, status, table

    options = cli.parse(["root=a", "seeds=0..1", "figures=no", "tables=reach,costs", "target=93"], table.Options)
    assert (options.root, options.seed, options.figures) == (("a",), (0, 1), ("no",))
    assert options.tables == ("reach", "costs") and options.target == (0.93,)
    assert cli.parse(["a", "to=wandb", "once=yes"], follow.Options).once
    assert cli.parse(["a", "--all"], status.Options) == cli.parse(["root=a", "all=yes"], status.Options)


def test_home_is_expanded(here, monkeypatch):
    from benchmarks import cli, table

    monkeypatch.setenv("HOME", str(here))
    assert cli.parse(["root=~/x", "~/y"], table.Options).root == (f"{here}/x", f"{here}/y") and os.path.expanduser(
        "~"
    ) == str(here)
