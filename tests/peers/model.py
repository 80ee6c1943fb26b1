"""Keras' ResNet-50 of 2017 (variant v1) as a PyTorch module that the peers' tools can take apart.

Written for hooks: every ReLU is a module of its own (captum and zennit hook them), BatchNorm is not folded
(zennit folds it itself), the stages are called layer1 ... layer4 (what CAM examples expect), and nothing works in
place. Input: BGR minus mean, NCHW.
"""
import numpy as np
import torch
from safetensors.numpy import load_file
from torch import nn

BN_EPSILON = 1e-3                               # Keras' default; torchvision has 1e-5
STAGES = {2: "abc", 3: "abcd", 4: "abcdef", 5: "abc"}


class Bottleneck(nn.Module):
    """1x1, 3x3, 1x1; the stride sits in the FIRST 1x1 (v1), not in the 3x3 (torchvision's v1.5)."""

    def __init__(self, inputs, width, stride, project):
        super().__init__()                      # in the order of the forward pass: zennit looks for conv, BatchNorm pairs
        self.conv1 = nn.Conv2d(inputs, width, 1, stride)
        self.bn1 = nn.BatchNorm2d(width, BN_EPSILON)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.bn2 = nn.BatchNorm2d(width, BN_EPSILON)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(width, 4 * width, 1)
        self.bn3 = nn.BatchNorm2d(4 * width, BN_EPSILON)
        self.downsample = None
        if project:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, 4 * width, 1, stride), nn.BatchNorm2d(4 * width, BN_EPSILON))
        self.relu3 = nn.ReLU()

    def branches(self, x):
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return (x if self.downsample is None else self.downsample(x)), out

    def forward(self, x):
        identity, out = self.branches(x)
        return self.relu3(identity + out)


class ResNet50(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3)
        self.bn1 = nn.BatchNorm2d(64, BN_EPSILON)
        self.relu = nn.ReLU()
        self.pad = nn.ZeroPad2d(1)              # Keras pads with zeros; MaxPool2d(padding=1) would pad with -inf
        self.maxpool = nn.MaxPool2d(3, 2)
        inputs = 64
        for index, (stage, blocks) in enumerate(STAGES.items()):
            width, layer = 64 << index, []
            for i in range(len(blocks)):
                layer.append(Bottleneck(inputs, width, 2 if i == 0 and stage > 2 else 1, project=i == 0))
                inputs = 4 * width
            setattr(self, f"layer{index + 1}", nn.Sequential(*layer))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.flatten = nn.Flatten()
        self.fc = nn.Linear(2048, 1000)

    def forward(self, x):
        x = self.maxpool(self.pad(self.relu(self.bn1(self.conv1(x)))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.flatten(self.avgpool(x)))

    def blocks(self):
        """(Keras name, module) of the 16 blocks, first to last."""
        for index, (stage, letters) in enumerate(STAGES.items()):
            for letter, block in zip(letters, getattr(self, f"layer{index + 1}")):
                yield f"{stage}{letter}", block


def load(weights, dtype=torch.float64):
    """The network in evaluation mode; its parameters ask for no gradient (captum's and zennit's examples do the same)."""
    tensors = load_file(weights)
    net = ResNet50()

    def convolution(module, name):
        module.weight.data = torch.from_numpy(np.ascontiguousarray(tensors[f"{name}/kernel"].transpose(3, 2, 0, 1)))
        module.bias.data = torch.from_numpy(tensors[f"{name}/bias"])

    def batch_norm(module, name):
        for ours, theirs in (("weight", "gamma"), ("bias", "beta"), ("running_mean", "moving_mean"), ("running_var", "moving_variance")):
            getattr(module, ours).data = torch.from_numpy(tensors[f"{name}/{theirs}"])

    convolution(net.conv1, "conv1")
    batch_norm(net.bn1, "bn_conv1")
    for name, block in net.blocks():
        for i, letter in enumerate("abc", 1):
            convolution(getattr(block, f"conv{i}"), f"res{name}_branch2{letter}")
            batch_norm(getattr(block, f"bn{i}"), f"bn{name}_branch2{letter}")
        if block.downsample is not None:
            convolution(block.downsample[0], f"res{name}_branch1")
            batch_norm(block.downsample[1], f"bn{name}_branch1")
    net.fc.weight.data = torch.from_numpy(np.ascontiguousarray(tensors["fc1000/kernel"].T))
    net.fc.bias.data = torch.from_numpy(tensors["fc1000/bias"])
    return net.to(dtype).eval().requires_grad_(False)
