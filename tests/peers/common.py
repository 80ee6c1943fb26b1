"""What every peer's script needs: the photograph, the check of the network, layouts, and the golden files."""
import os
import time

import numpy as np
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file

import model

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
GOLDEN = os.path.join(ROOT, "tests", "golden")
WEIGHTS = os.environ.get("BACKLIT_WEIGHTS", os.path.join(ROOT, "weights", "keras-resnet50-v1.safetensors"))
MEAN_BGR = np.array([103.939, 116.779, 123.68])


def photograph():
    """assets/chelsea.png as bytes, 224 x 224 x 3 RGB, by Pillow's bilinear filter."""
    picture = Image.open(os.path.join(ROOT, "assets", "chelsea.png")).convert("RGB")
    return np.asarray(picture.resize((224, 224), Image.BILINEAR))


def preprocessed(rgb):
    """RGB of 0 ... 255 (HWC) to BGR minus mean (NCHW)."""
    bgr = np.asarray(rgb, np.float64)[..., ::-1] - MEAN_BGR
    return nchw(bgr)


def hwc(tensor):
    """1 x C x H x W to H x W x C."""
    return tensor.detach().numpy()[0].transpose(1, 2, 0)


def wave(k, shape=(224, 224, 3)):
    """A formula where a peer would draw noise: sin(1 + k + 0.7 row + 1.3 column + 2.1 channel), HWC."""
    row, column, channel = np.meshgrid(*map(np.arange, shape), indexing="ij")
    return np.sin(1 + k + 0.7 * row + 1.3 * column + 2.1 * channel)


def nchw(picture):
    return torch.from_numpy(picture.transpose(2, 0, 1)[None].copy())


class Subject:
    """Network, picture and classes; refuses to start with a network that is not the golden one."""

    def __init__(self):
        golden = load_file(os.path.join(GOLDEN, "chelsea.safetensors"))
        self.golden, self.rgb = golden, photograph()
        assert (self.rgb == golden["rgb"]).all(), "the photograph or Pillow's resizing has changed"
        self.net, self.x = model.load(WEIGHTS), preprocessed(self.rgb)
        self.black = preprocessed(np.zeros_like(self.rgb))
        self.top, self.second = map(int, golden["targets"])
        x = self.x.clone().requires_grad_()
        logits = self.net(x)
        gradient, = torch.autograd.grad(logits[0, self.top], x)
        self.logits = logits[0].detach().numpy()
        near(self.logits, golden["logits"], 1e-9)
        near(hwc(gradient), golden["grad_top1"], 1e-6)

    def single(self):
        """The same network in float32, for peers that insist on it or take thousands of forwards."""
        return model.load(WEIGHTS, torch.float32)


def near(found, wanted, tolerance):
    error = np.abs(found - wanted).max() / np.abs(wanted).max()
    assert error <= tolerance, f"relative error {error:.1e} is above {tolerance:.0e}"


REDUCTIONS = {
    "all": (lambda v: v, None),
    "sum": (lambda v: v.sum(-1), "sum over the channels"),
    "every2": (lambda v: v[::2, ::2], "rows and columns 0, 2, 4, ..."),
    "sum2": (lambda v: v[::2, ::2].sum(-1), "sum over the channels, rows and columns 0, 2, 4, ..."),
    "none": (lambda v: None, "not kept"),
}


class Family:
    """One golden file. `small` is what the project keeps, `full` all of it in the peer's own precision (--full DIR)."""

    def __init__(self, name, full_folder, **metadata):
        self.name, self.full_folder, self.metadata = name, full_folder, metadata
        self.full, self.small, self.start = {}, {}, time.time()

    def put(self, name, value, keep="all", note=None):
        """keep: a key of REDUCTIONS; what was done stands in the file's metadata under the tensor's name, with the note."""
        value = np.asarray(value)
        assert np.isfinite(value).all(), f"{name} is not finite"
        key = f"{self.name}.{name}"
        self.full[key] = value
        reduce, how = REDUCTIONS[keep]
        reduced = reduce(value)
        if reduced is not None:
            exact = reduced.size <= 4096 or reduced.dtype != np.float64
            self.small[key] = np.ascontiguousarray(reduced if exact else reduced.astype(np.float32))
        if how or note:
            self.metadata[key] = "; ".join(filter(None, (how, note)))
        print(f"{time.time() - self.start:7.1f} s  {key} {value.shape} sum {value.sum():.9g} max|.| {np.abs(value).max():.9g}", flush=True)

    def write(self):
        metadata = {k: str(v) for k, v in self.metadata.items() if v}
        folder = os.path.join(GOLDEN, "peers")
        os.makedirs(folder, exist_ok=True)
        save_file(self.small, os.path.join(folder, f"{self.name}.safetensors"), metadata)
        if self.full_folder:
            os.makedirs(self.full_folder, exist_ok=True)
            save_file({k: np.ascontiguousarray(v) for k, v in self.full.items()}, os.path.join(self.full_folder, f"{self.name}.safetensors"), metadata)
