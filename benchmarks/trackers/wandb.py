"""Weights & Biases: a run of the same name, its keys as config; WANDB_MODE=offline writes to disk only."""

from pathlib import Path
from typing import Any

import wandb

from dp_common.errors import Problem

QUIET = {
    "silent": True,
    "console": "off",
    "disable_git": True,
    "disable_code": True,
    "x_disable_stats": True,
}  # this process is not the run


class Tracker:
    """Writes the events of one run."""

    def __init__(self, out: Path, run_id: str, values: dict[str, Any], project: str) -> None:
        out.mkdir(parents=True, exist_ok=True)
        try:
            self.run = wandb.init(
                project=project,
                id=run_id,
                name=run_id,
                group=f"{values.get('task')} {values.get('strategy')}",
                config=values,
                dir=str(out),
                resume="allow",
                reinit="create_new",
                settings=wandb.Settings(**QUIET),
            )
        except wandb.errors.Error as error:
            raise Problem(f"wandb: {' '.join(str(error).split())}") from error
        self.run.define_metric("*", step_metric="images_seen")

    def write(self, events: list[Any]) -> None:
        """Write events."""
        for event in events:
            self.run.log({"images_seen": event.step, "ledger_time": event.time, **event.values})

    def void(self, step: int) -> None:
        """W&B forgets nothing: what follows stands beside what was logged before, at the same images_seen."""

    def close(self) -> None:
        """End."""
        self.run.finish()
