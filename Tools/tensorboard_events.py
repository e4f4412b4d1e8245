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
from google.protobuf import struct_pb2
from tensorboard.compat.proto import event_pb2, summary_pb2, tensor_pb2, tensor_shape_pb2
from tensorboard.plugins.hparams import api_pb2, plugin_data_pb2
from tensorboard.summary.writer.record_writer import RecordWriter


def values():
    """A histogram of 1, 1 and 1.5, a text, and what the HParams tab reads."""
    value = summary_pb2.Summary.Value
    # Four stretches between a power of two and the next; the first end is the lower one of the second stretch.
    histogram = summary_pb2.HistogramProto(
        min=1, max=1.5, num=3, sum=3.5, sum_squares=4.25, bucket_limit=[1, 1.25, 1.5, 1.75], bucket=[0, 2, 0, 1]
    )
    yield 7, value(tag="weights/a", histo=histogram)
    text = summary_pb2.SummaryMetadata(
        plugin_data=summary_pb2.SummaryMetadata.PluginData(plugin_name="text"),
        data_class=summary_pb2.DATA_CLASS_TENSOR,
    )
    string = tensor_pb2.TensorProto(
        dtype=7,
        tensor_shape=tensor_shape_pb2.TensorShapeProto(dim=[tensor_shape_pb2.TensorShapeProto.Dim(size=1)]),
        string_val=["**a** ü".encode()],
    )
    yield 8, value(tag="samples/1", tensor=string, metadata=text)
    start = plugin_data_pb2.SessionStartInfo(start_time_secs=1700000002.5)
    start.hparams["rate"].CopyFrom(struct_pb2.Value(number_value=0.001))
    end = plugin_data_pb2.SessionEndInfo(status=api_pb2.STATUS_SUCCESS, end_time_secs=1700000003.5)
    for tag, data in (
        ("_hparams_/session_start_info", plugin_data_pb2.HParamsPluginData(session_start_info=start)),
        ("_hparams_/session_end_info", plugin_data_pb2.HParamsPluginData(session_end_info=end)),
    ):
        metadata = summary_pb2.SummaryMetadata(
            plugin_data=summary_pb2.SummaryMetadata.PluginData(
                plugin_name="hparams", content=data.SerializeToString()
            )
        )
        yield 0, value(tag=tag, tensor=tensor_pb2.TensorProto(dtype=1), metadata=metadata)


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
    ] + [
        event_pb2.Event(wall_time=1700000000.5 + index, step=step, summary=summary_pb2.Summary(value=[entry]))
        for index, (step, entry) in enumerate(values())
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
