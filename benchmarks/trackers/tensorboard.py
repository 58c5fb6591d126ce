"""TensorBoard: an event file per run; tensorboard --logdir shows the folder."""

from pathlib import Path
from typing import Any

from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter


class Tracker:
    """Writes the events of one run."""

    def __init__(self, out: Path, run_id: str, values: dict[str, Any], project: str) -> None:
        self.writer = EventFileWriter(str(out / run_id))

    def write(self, events: list[Any]) -> None:
        """Write events."""
        for event in events:
            scalars = [Summary.Value(tag=name, simple_value=value) for name, value in event.values.items()]
            self.writer.add_event(Event(wall_time=event.time, step=event.step, summary=Summary(value=scalars)))
        self.writer.flush()

    def void(self, step: int) -> None:
        """The mark at which TensorBoard forgets what it has read of this run from ``step`` on."""
        self.writer.add_event(Event(step=step, session_log=SessionLog(status=SessionLog.START)))

    def close(self) -> None:
        """End."""
        self.writer.close()
