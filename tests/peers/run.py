"""Writes tests/golden/peers/FAMILY.safetensors: `python run.py [FAMILY ...] [--full DIR]`, all families if none is named."""
import argparse
import importlib

from common import Subject

FAMILIES = ("zennit", "captum", "pytorch_grad_cam", "pair", "metrics", "torchcam", "scorecam")

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("families", nargs="*", metavar="FAMILY", help=f"of {', '.join(FAMILIES)}")
parser.add_argument("--full", metavar="DIR", help="also write the unreduced float64 tensors there")
arguments = parser.parse_args()
subject = Subject()
for family in arguments.families or FAMILIES:
    importlib.import_module(f"with_{family}").run(subject, arguments.full)
