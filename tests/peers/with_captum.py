"""captum: the gradient family, occlusion, Grad-CAM, and its two measures on perturbations that are formulas, not noise."""
import warnings

import numpy as np
import torch
from captum.attr import (Deconvolution, GuidedBackprop, GuidedGradCam, InputXGradient, IntegratedGradients, LayerGradCam,
                         Occlusion, Saliency)
from captum.metrics import infidelity, sensitivity_max

from common import Family, hwc, nchw, near, wave

warnings.filterwarnings("ignore", message=".*(hooks|required_grads).*")
RIEMANN = ("left", "right", "middle", "trapezoid")
BATCH = 4


def gradient_methods(subject, family):
    net, x = subject.net, subject.x
    for suffix, target in (("", subject.top), (".second", subject.second)):
        gradient = hwc(Saliency(net).attribute(x.clone(), target, abs=False))
        near(gradient, subject.golden["grad_second" if suffix else "grad_top1"], 1e-6)
        family.put("gradient" + suffix, gradient, keep="none", note="equal to grad_top1 and grad_second of chelsea.safetensors")
    family.put("input_x_gradient", hwc(InputXGradient(net).attribute(x.clone(), subject.top)), keep="sum2")
    for name, method, golden in (("guided", GuidedBackprop, "grad_guided"), ("deconvolution", Deconvolution, "grad_rectified")):
        found = hwc(method(net).attribute(x.clone(), subject.top))
        near(found, subject.golden[golden], 1e-6)
        family.put(name, found, keep="none", note=f"equal to {golden} of chelsea.safetensors")


def integrated_gradients(subject, family):
    for name, method, steps in [("gausslegendre_50", "gausslegendre", 50)] + [(f"riemann_{r}_16", f"riemann_{r}", 16) for r in RIEMANN]:
        found, delta = IntegratedGradients(subject.net).attribute(
            subject.x, subject.black, subject.top, n_steps=steps, method=method, internal_batch_size=BATCH, return_convergence_delta=True)
        family.put(f"ig.{name}", hwc(found), keep="sum" if steps == 50 else "sum2", note="baseline: RGB 0")
        family.put(f"ig.{name}.delta", delta.numpy())


def occlusion(subject, family):
    for name, fill in (("zero", 0), ("black", subject.black)):
        found = Occlusion(subject.net).attribute(subject.x, (3, 32, 32), (3, 16, 16), fill, subject.top, perturbations_per_eval=BATCH)
        found = hwc(found)
        assert (found == found[..., :1]).all()
        family.put(f"occlusion.{name}", found[..., 0], keep="every2", note="the same in all three channels")


def cams(subject, family):
    for suffix, target in (("", subject.top), (".second", subject.second)):
        for layer in ("layer4", "layer3"):
            cam = LayerGradCam(subject.net, getattr(subject.net, layer))
            raw = cam.attribute(subject.x.clone(), target)
            family.put(f"gradcam.{layer}{suffix}", raw.detach().numpy()[0, 0])
            positive = cam.attribute(subject.x.clone(), target, relu_attributions=True)
            assert (positive == raw.clamp(min=0)).all()
            if not suffix:
                family.put(f"gradcam_relu.{layer}", positive.detach().numpy()[0, 0])
                found = GuidedGradCam(subject.net, getattr(subject.net, layer)).attribute(subject.x.clone(), target)
                family.put(f"guided_gradcam.{layer}", hwc(found), keep="sum2", note="map up-sampled by nearest neighbour")
                if layer == "layer4":
                    found = GuidedGradCam(subject.net, subject.net.layer4).attribute(subject.x.clone(), target, interpolate_mode="bilinear")
                    family.put("guided_gradcam.layer4.bilinear", hwc(found), keep="sum2", note="align_corners=False")


SQUARES = [(0, 0), (32, 96), (64, 64), (80, 112), (96, 96), (120, 40), (144, 144), (192, 192)]


def square(x, k):
    """The part of x in the 32 x 32 square at row, column SQUARES[k]: subtracting it leaves the mean colour there."""
    (row, column), part = SQUARES[k], torch.zeros_like(x)
    part[..., row:row + 32, column:column + 32] = x[..., row:row + 32, column:column + 32]
    return part


def measures(subject, family):
    x, net = subject.x, subject.net
    gradient = Saliency(net).attribute(x.clone(), subject.top, abs=False)
    family.put("infidelity.squares", np.array(SQUARES, np.int32), note="row, column of the upper left corner; 32 x 32")
    for name, count, perturbation in (("square", len(SQUARES), lambda k: square(x, k)), ("wave", 4, lambda k: 2 * nchw(wave(k)))):
        parts = torch.cat([perturbation(k) for k in range(count)])

        def perturb(inputs):
            assert len(inputs) == count         # captum asks for all of them at once
            return parts, inputs - parts
        for normalize in (False, True):
            value = infidelity(net, perturb, x, gradient, target=subject.top, n_perturb_samples=count, normalize=normalize)
            family.put(f"infidelity.{name}" + (".normalized" if normalize else ""), value.numpy()[0])
        with torch.no_grad():
            drop = net(x)[0, subject.top] - net(x - parts)[:, subject.top]
        dot = (gradient * parts).sum((1, 2, 3))
        near(((dot - drop) ** 2).mean().item(), family.full[f"captum.infidelity.{name}"], 1e-9)
        family.put(f"infidelity.{name}.dots", dot.numpy(), note="gradient . perturbation")
        family.put(f"infidelity.{name}.drops", drop.numpy(), note="f(x) - f(x - perturbation)")
    waves = torch.cat([2 * nchw(wave(k)) for k in range(4)])

    def explanation(inputs):
        return Saliency(net).attribute((inputs[0].clone().detach(),), subject.top, abs=False)   # tuple in, tuple out
    value = sensitivity_max(explanation, x, perturb_func=lambda inputs: (x + waves,), n_perturb_samples=4)
    family.put("sensitivity_max.wave", value.numpy()[0], note="||g(x + wave) - g(x)|| / ||g(x)||, largest of 4, Frobenius norm")


def run(subject, full):
    family = Family("captum", full, version="captum 0.9.0, torch 2.11.0, float64", target=subject.top,
                    wave="perturbation k of 4 is 2 sin(1 + k + 0.7 row + 1.3 column + 2.1 channel)")
    for part in (gradient_methods, cams, measures, occlusion, integrated_gradients):
        part(subject, family)
        family.write()
