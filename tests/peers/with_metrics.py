"""Measures of fixed maps: Quantus, pytorch-grad-cam and torchcam by their own code, RISE's curves written out here."""
import os
from contextlib import nullcontext

import numpy as np
import quantus
import torch
from pytorch_grad_cam.metrics.cam_mult_image import DropInConfidence, IncreaseInConfidence
from pytorch_grad_cam.metrics.perturbation_confidence import (PerturbationConfidenceMetric, RemoveLeastRelevantFirst,
                                                              RemoveMostRelevantFirst)
from pytorch_grad_cam.metrics.road import NoisyLinearImputer
from pytorch_grad_cam.utils.model_targets import ClassifierOutputSoftmaxTarget, ClassifierOutputTarget
from safetensors.numpy import load_file
from scipy.ndimage import gaussian_filter
from torchcam.metrics import ClassificationMetric, DeletionInsertionMetric

from common import GOLDEN, Family, hwc

PERCENTILES = (20, 40, 60, 80)
BOX = (40, 60, 168, 196)                         # row, column, end row, end column


def maps(subject):
    """`smooth`: smooth_sigma5 of chelsea.safetensors; `gradcam`: pytorch_grad_cam.gradcam.layer4, 224 x 224 in [0, 1]."""
    cam = load_file(os.path.join(GOLDEN, "peers", "pytorch_grad_cam.safetensors"))["pytorch_grad_cam.gradcam.layer4"]
    return {"smooth": subject.golden["smooth_sigma5"], "gradcam": cam}


def rise(subject, family, net, name, saliency, step):
    """Insertion and deletion as in RISE's published evaluation: `step` pixels at a time, most salient first, of equal
    ones the last in row-major order first; probability after the softmax, both end points, trapezoid."""
    order = np.flip(np.argsort(saliency.reshape(-1), kind="stable")).copy()
    impulse = np.zeros((11, 11))
    impulse[5, 5] = 1
    kernel = torch.from_numpy(gaussian_filter(impulse, 5))       # SciPy's reflection folds the tails back into the 11 x 11
    family.put("rise.kernel", kernel.numpy(), note="sums to 1; applied with zero padding to the preprocessed input")
    blurred = torch.nn.functional.conv2d(subject.x, kernel[None, None].repeat(3, 1, 1, 1), padding=5, groups=3)
    family.put("rise.blurred", hwc(blurred), keep="every2")
    for mode, start, finish in (("insertion", blurred, subject.x), ("deletion", subject.x, torch.zeros_like(subject.x))):
        current, finish, scores = start.float().flatten(2).clone(), finish.float().flatten(2), []
        steps = -(-order.size // step)
        for i in range(steps + 1):
            with torch.no_grad():
                scores.append(net(current.view(1, 3, 224, 224)).softmax(1)[0, subject.top].item())
            at = order[step * i:step * (i + 1)]
            current[:, :, at] = finish[:, :, at]
        scores = np.array(scores)
        family.put(f"rise.{mode}.{name}.{step}", scores, note=f"float32 forwards, {steps} steps of {step} pixels")
        family.put(f"rise.{mode}.{name}.{step}.auc", (scores.sum() - scores[0] / 2 - scores[-1] / 2) / steps)


def road(subject, family, net, name, saliency):
    """pytorch-grad-cam's ROAD with noise 0: logit (peer) and probability (from the imputed picture that it returns)."""
    saliency = np.ascontiguousarray(saliency, np.float32)
    for mode, remove in (("morf", RemoveMostRelevantFirst), ("lerf", RemoveLeastRelevantFirst)):
        rows = []
        for percentile in PERCENTILES:
            metric = PerturbationConfidenceMetric(remove(percentile, NoisyLinearImputer(noise=0)))
            logit, imputed = metric(subject.x.float(), saliency[None], [ClassifierOutputTarget(subject.top)], net,
                                    return_visualization=True, return_diff=False)
            with torch.no_grad():
                rows.append((logit[0], net(imputed).softmax(1)[0, subject.top].item()))
            if (mode, percentile) == ("morf", 40):
                family.put(f"road.{mode}.{name}.imputed", hwc(imputed), keep="every2", note="percentile 40: the 60 % above it are imputed; preprocessed BGR")
        family.put(f"road.{mode}.{name}", np.array(rows, np.float64), note=f"percentiles {PERCENTILES} by (logit, probability); no noise; float32")


def confidence(subject, family, name, saliency):
    for kind, target in (("logit", ClassifierOutputTarget), ("probability", ClassifierOutputSoftmaxTarget)):
        arguments = subject.x, saliency[None], [target(subject.top)], subject.net
        family.put(f"drop.{name}.{kind}", DropInConfidence()(*arguments)[0], note="max(0, clean - masked), not divided by clean")
        family.put(f"increase.{name}.{kind}", IncreaseInConfidence()(*arguments)[0])


class Fixed:
    """A torchcam extractor that returns the map that it was given."""

    def __init__(self, model, saliency):
        self.model, self.saliency = model, torch.from_numpy(saliency.copy())[None]

    def __call__(self, *_, **__):
        return [self.saliency]

    def fuse_cams(self, cams):
        return cams[0]

    def _hooks_off(self):
        return nullcontext()


def torchcam(subject, family, net, name, saliency):
    for metric in (ClassificationMetric, DeletionInsertionMetric):
        metric = metric(Fixed(net, saliency), lambda logits: logits.softmax(-1))
        with torch.no_grad():
            metric.update(subject.x.float(), subject.top)
        for key, value in metric.summary().items():
            family.put(f"torchcam.{key}.{name}", value, note="probabilities, float32" + ("; 20 steps" if "auc" in key else ""))


def of_the_map_alone(subject, family, name, saliency):
    picture, attribution = subject.x.numpy(), saliency.astype(np.float64)[None, None]
    inside = np.zeros_like(attribution)
    inside[..., BOX[0]:BOX[2], BOX[1]:BOX[3]] = 1
    options = {"disable_warnings": True, "abs": True, "normalise": True}
    for key, metric in (("sparseness", quantus.Sparseness), ("complexity", quantus.Complexity)):
        value = metric(**options)(model=subject.net, x_batch=picture, y_batch=np.array([subject.top]), a_batch=attribution.copy(), device="cpu")
        family.put(f"{key}.{name}", value[0], note="Quantus' defaults: absolute value, divided by the maximum")
    for key, metric in (("pointing_game", quantus.PointingGame), ("mass_accuracy", quantus.RelevanceMassAccuracy),
                        ("rank_accuracy", quantus.RelevanceRankAccuracy)):
        value = metric(**options)(model=subject.net, x_batch=picture, y_batch=np.array([subject.top]), a_batch=attribution.copy(), s_batch=inside, device="cpu")
        family.put(f"{key}.{name}", float(np.ravel(value[0])[0]), note=f"box {BOX}: row, column, end row, end column")


def run(subject, full):
    family = Family("metrics", full, target=subject.top, version="Quantus 0.6.0, grad-cam 1.5.7, torchcam 0.5.0, torch 2.11.0",
                    maps=maps.__doc__)
    net, given = subject.single(), maps(subject)
    for name, saliency in given.items():
        of_the_map_alone(subject, family, name, saliency)
        confidence(subject, family, name, saliency)
        torchcam(subject, family, net, name, saliency)
    gradient = subject.golden["grad_top1"].astype(np.float64).sum(-1)
    of_the_map_alone(subject, family, "gradient_sum", gradient)
    family.write()
    for name, saliency in given.items():
        road(subject, family, net, name, saliency)
        family.write()
    rise(subject, family, net, "gradcam", given["gradcam"], 1792)
    rise(subject, family, net, "smooth", given["smooth"], 1792)
    family.write()
    rise(subject, family, net, "smooth", given["smooth"], 224)
    family.write()
