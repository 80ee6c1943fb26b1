"""pytorch-grad-cam: its CAMs at the last block and at block 4f; each before (`raw`) and after its own scaling."""
import torch
from pytorch_grad_cam import (AblationCAM, EigenCAM, FullGrad, GradCAM, GradCAMPlusPlus, HiResCAM, LayerCAM, XGradCAM)
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch.nn.utils.fusion import fuse_conv_bn_eval

import model
from common import WEIGHTS, Family

CHEAP = {"gradcam": GradCAM, "hirescam": HiResCAM, "gradcam++": GradCAMPlusPlus, "xgradcam": XGradCAM,
         "layercam": LayerCAM, "eigencam": EigenCAM}


def observed(cam, name):
    """Keeps what the method `name` of this instance returns."""
    kept, original = [], getattr(cam, name)

    def keep(*arguments):
        kept.append(original(*arguments))
        return kept[-1]
    setattr(cam, name, keep)
    return kept


def put(family, name, cam, x, target, keep="every2"):
    raw = observed(cam, "get_cam_image")
    final = cam(x.clone().requires_grad_(), [ClassifierOutputTarget(target)])[0]
    family.put(f"{name}.raw", raw[0][0])
    family.put(name, final, keep=keep)


class FirstRowOnly(torch.nn.Module):
    """The network for AblationCAM, whose ablation layer ignores its input: of a batch of equal pictures it takes the
    first as far as layer3 and leaves it to layer4 (replaced by then) to return a full batch. Saves 2016 forwards."""

    def __init__(self, net):
        super().__init__()
        self.net = net

    def forward(self, x):
        net = self.net
        x = net.maxpool(net.pad(net.relu(net.bn1(net.conv1(x[:1])))))
        return net.fc(net.flatten(net.avgpool(net.layer4(net.layer3(net.layer2(net.layer1(x)))))))


def folded():
    """BatchNorm merged into the convolutions, as most inference engines have it: FullGrad sees other biases then."""
    net = model.load(WEIGHTS)
    pairs = [(net, "conv1", "bn1")]
    for _, block in net.blocks():
        pairs += [(block, f"conv{i}", f"bn{i}") for i in (1, 2, 3)]
        if block.downsample is not None:
            pairs.append((block.downsample, "0", "1"))
    for module, conv, norm in pairs:
        setattr(module, conv, fuse_conv_bn_eval(getattr(module, conv), getattr(module, norm)))
        setattr(module, norm, torch.nn.Identity())
    return net.requires_grad_(False)


def full_grad(subject, family, name, net):
    cam = FullGrad(net, [])
    raw = observed(cam, "compute_cam_per_layer")
    final = cam(subject.x.clone(), [ClassifierOutputTarget(subject.top)])[0]
    family.put(f"{name}.raw", raw[0][0, 0], keep="every2")
    family.put(name, final, keep="every2")


def run(subject, full):
    family = Family("pytorch_grad_cam", full, version="grad-cam 1.5.7, torch 2.11.0, float64", target=subject.top)
    for name, method in CHEAP.items():
        for layer in ("layer4", "layer3"):
            cam = method(subject.net, [getattr(subject.net, layer)])
            put(family, f"{name}.{layer}", cam, subject.x, subject.top, "all" if (name, layer) == ("gradcam", "layer4") else "every2")
            if name == "gradcam":
                put(family, f"{name}.{layer}.second", cam, subject.x, subject.second)
    family.write()
    full_grad(subject, family, "fullgrad", subject.net)
    full_grad(subject, family, "fullgrad.folded", folded())
    net = FirstRowOnly(subject.net)
    put(family, "ablationcam.layer4", AblationCAM(net, [subject.net.layer4]), subject.x, subject.top)
    family.write()
