#!/usr/bin/env python3
"""Checks the event files against the tensorboard package (pip install tensorboard).

  tensorboard_events.py golden      prints, in hexadecimal, the records that TensorBoardEventTests expects
  tensorboard_events.py show DIR    prints what TensorBoard reads from a run's tensorboard/ folder
"""
import os
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto import event_pb2, summary_pb2
from tensorboard.summary.writer.record_writer import RecordWriter


def golden():
    value = summary_pb2.Summary.Value
    events = [
        event_pb2.Event(wall_time=1700000000.25, file_version="brain.Event:2"),
        event_pb2.Event(
            wall_time=1700000001.5,
            step=301,
            session_log=event_pb2.SessionLog(status=event_pb2.SessionLog.START),
        ),
        event_pb2.Event(
            wall_time=1700000002.75,
            step=1000000,
            summary=summary_pb2.Summary(
                value=[
                    value(tag="train/loss", simple_value=7.25),
                    value(tag="long/" + "x" * 130, simple_value=-0.1),
                    value(tag="bad", simple_value=float("nan")),
                ]
            ),
        ),
    ]
    for event in events:
        with tempfile.TemporaryFile() as file:
            RecordWriter(file).write(event.SerializeToString())
            file.seek(0)
            print(file.read().hex())


def show(directory):
    accumulator = EventAccumulator(directory, size_guidance={"scalars": 0})
    accumulator.Reload()
    for tag in accumulator.Tags()["scalars"]:
        for event in accumulator.Scalars(tag):
            print(f"{tag}\t{event.step}\t{event.value:.7g}")


if __name__ == "__main__":
    if sys.argv[1:] == ["golden"]:
        golden()
    elif len(sys.argv) == 3 and sys.argv[1] == "show":
        show(sys.argv[2])
    else:
        sys.exit(__doc__)
