"""Score-CAM by pytorch-grad-cam and by torchcam: on a function that can be written down, then, 2048 forwards each, on
the network."""
import torch
from pytorch_grad_cam import ScoreCAM as Pytorch
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torchcam.methods import ScoreCAM as Torchcam

from common import Family, nchw, wave


class Toy(torch.nn.Module):
    """Activations: |wave(11)| of 7 x 7 x 12, whatever the picture. Score of class 0: sum of wave(0) x / 1e6."""

    def __init__(self):
        super().__init__()
        self.layer4 = torch.nn.Conv2d(1, 12, 1, bias=False).double()
        self.layer4.weight.data = torch.ones_like(self.layer4.weight)
        self.activations, self.weights = nchw(abs(wave(11, (7, 7, 12)))), nchw(wave(0))

    def forward(self, x):
        self.layer4(torch.zeros(1, 1, 7, 7, dtype=torch.float64))   # only so that a hook finds it
        return (x * self.weights).sum((1, 2, 3))[:, None] / 1e6


def on(family, name, net, x, target, keep):
    net.requires_grad_(False)
    replace = isinstance(net, Toy) and net.layer4.register_forward_hook(lambda *_: net.activations.clone())
    scores = []

    class Target(ClassifierOutputTarget):
        def __call__(self, output):
            scores.append(super().__call__(output).item())
            return super().__call__(output)
    cam, raw = Pytorch(net, [net.layer4]), []
    image = cam.get_cam_image
    cam.get_cam_image = lambda *a: raw.append(image(*a)) or raw[-1]
    final = cam(x.clone(), [Target(target)])[0]
    family.put(f"{name}.pytorch_grad_cam.scores", scores)
    family.put(f"{name}.pytorch_grad_cam.raw", raw[0][0])
    family.put(f"{name}.pytorch_grad_cam", final, keep=keep)
    with Torchcam(net, "layer4", input_shape=(3, 224, 224)) as cam, torch.no_grad():
        weights, original = [], cam._get_weights
        cam._get_weights = lambda *a, **k: weights.append(original(*a, **k)) or weights[-1]
        family.put(f"{name}.torchcam.raw", cam(target, net(x), normalized=False)[0].numpy()[0])
        family.put(f"{name}.torchcam.weights", weights[0][0].numpy()[0], note="after the softmax over channels")
    if replace:
        replace.remove()


def run(subject, full):
    family = Family("scorecam", full, version="grad-cam 1.5.7, torchcam 0.5.0, torch 2.11.0", target=subject.top, toy=Toy.__doc__,
                    wave="wave(k) = sin(1 + k + 0.7 row + 1.3 column + 2.1 channel); the toy's picture is 100 wave(3), 224 x 224 x 3")
    on(family, "toy", Toy(), 100 * nchw(wave(3)), 0, "every2")
    family.write()
    on(family, "layer4", subject.single(), subject.x.float(), subject.top, "every2")
    family.write()
