"""PAIR saliency: path methods, XRAI, SmoothGrad's aggregation; on the network, and on a function simple enough to
write down, where default step numbers cost nothing."""
import numpy as np
import saliency.core as pair
import torch
from saliency.core import xrai

from common import Family, hwc, wave

BATCH = 4
quantile = np.quantile
np.quantile = lambda a, q, interpolation: quantile(a, q, method=interpolation)   # guided IG uses the name NumPy dropped


def network(net, target):
    """The call-model function: logit of the class and its gradient for a batch of HWC pictures."""
    dtype = next(net.parameters()).dtype

    def call(batch, call_model_args=None, expected_keys=None):
        x = torch.from_numpy(np.ascontiguousarray(np.asarray(batch).transpose(0, 3, 1, 2))).to(dtype).requires_grad_()
        score = net(x)[:, target]
        gradient, = torch.autograd.grad(score.sum(), x)
        return {pair.INPUT_OUTPUT_GRADIENTS: gradient.numpy().transpose(0, 2, 3, 1), pair.OUTPUT_LAYER_VALUES: score.detach().numpy()}
    return call


def toy(shape):
    """f(x) = sum of w x + v x^2 / 200, with w = wave(0) and v = wave(7)."""
    w, v = wave(0, shape), wave(7, shape)

    def call(batch, call_model_args=None, expected_keys=None):
        batch = np.asarray(batch, np.float64)
        return {pair.INPUT_OUTPUT_GRADIENTS: w + v * batch / 100,
                pair.OUTPUT_LAYER_VALUES: (w * batch + v * batch ** 2 / 200).sum((1, 2, 3))}
    return call


def on_the_toy(family):
    shape = (12, 10, 3)
    x, call = 100 * wave(3, shape), toy(shape)
    family.put("toy.x", x, note="100 wave(3), 12 x 10 x 3; baselines zero; f(x) = sum of wave(0) x + wave(7) x^2 / 200")
    family.put("toy.ig", pair.IntegratedGradients().GetMask(x, call), note="defaults: 25 steps")
    family.put("toy.blur_ig", pair.BlurIG().GetMask(x, call), note="defaults: sigma 50, 100 steps, grad_step 0.01")
    family.put("toy.blur_ig.sqrt", pair.BlurIG().GetMask(x, call, sqrt=True))
    family.put("toy.guided_ig", pair.GuidedIG().GetMask(x, call), note="defaults: 200 steps, fraction 0.25, max_dist 0.02")
    family.put("toy.guided_ig.free", pair.GuidedIG().GetMask(x, call, x_steps=30, fraction=0.1, max_dist=1.0),
               note="30 steps, fraction 0.1, max_dist 1")
    family.put("toy.occlusion", pair.Occlusion().GetMask(x, call, size=5), note="5 x 5, value 0, stride 1; overlaps are summed")


def segments(subject, family, x):
    """Felzenszwalb's labels for the six scales, in the order in which XRAI turns them into masks."""
    picture = xrai._normalize_image(x, xrai._FELZENSZWALB_IM_VALUE_RANGE, xrai._FELZENSZWALB_IM_RESIZE)
    labels = np.stack([xrai.segmentation.felzenszwalb(picture, scale=scale, sigma=0.8, min_size=150) for scale in xrai._FELZENSZWALB_SCALE_VALUES])
    assert labels.max() < 256
    family.put("xrai.labels", labels.astype(np.uint8), note=f"scales {xrai._FELZENSZWALB_SCALE_VALUES}; before dilation")
    masks = xrai._get_segments_felzenszwalb(x)
    assert len(masks) == sum(l.max() + 1 for l in labels)
    family.put("xrai.mask_areas", [int(m.sum()) for m in masks], note="pixels of each mask, dilated by a disk of radius 5")
    return masks


def ranked(family, name, x, call, masks, **options):
    parameters = pair.XRAIParameters(steps=options.pop("steps", 100), return_ig_attributions=True, return_xrai_segments=True,
                                     algorithm=options.pop("algorithm", "full"))
    found = pair.XRAI().GetMaskWithDetails(x, call, segments=masks, extra_parameters=parameters, batch_size=BATCH, **options)
    family.put(name, found.attribution_mask, keep="every2")
    family.put(f"{name}.ranks", found.segments.astype(np.int16)[::2, ::2], note="rows and columns 0, 2, 4, ...; 1 is the best")
    return found


def run(subject, full):
    family = Family("pair", full, version="saliency 0.2.1, torch 2.11.0, scikit-image 0.26.0, float64", target=subject.top,
                    wave="wave(k) = sin(1 + k + 0.7 row + 1.3 column + 2.1 channel)")
    x, black, call = hwc(subject.x).copy(), hwc(subject.black).copy(), network(subject.net, subject.top)
    on_the_toy(family)
    family.put("ig.black", pair.IntegratedGradients().GetMask(x, call, x_baseline=black, batch_size=BATCH), keep="sum", note="25 steps")
    masks = segments(subject, family, x)
    given = family.full["pair.ig.black"]
    for algorithm in ("full", "fast"):
        ranked(family, f"xrai.given.{algorithm}", x, call, masks, base_attribution=given, algorithm=algorithm)
    family.put("xrai.given.base", given.max(-1), note="the given attribution (pair.ig.black) after the maximum over channels")
    family.write()
    family.put("blur_ig.20", pair.BlurIG().GetMask(x, call, steps=20, batch_size=BATCH), keep="sum2", note="sigma 50, 20 steps")
    family.put("guided_ig.30", pair.GuidedIG().GetMask(x, call, x_baseline=black, x_steps=30), keep="sum", note="black, 30 steps")
    family.write()

    original, np.random.normal = np.random.normal, None
    for magnitude in (True, False):
        count = iter(range(4))
        np.random.normal = lambda mean, deviation, shape: deviation * wave(next(count), shape)
        found = pair.GradientSaliency().GetSmoothedMask(x, call, nsamples=4, magnitude=magnitude)
        family.put("smoothgrad." + ("squared" if magnitude else "signed"), found, keep="sum2",
                   note="4 samples, stdev_spread 0.15, np.random.normal replaced: sample k gets standard deviation times wave(k)")
    np.random.normal = original

    found = ranked(family, "xrai.20", x, call, masks, steps=20)
    family.put("xrai.20.base", np.mean(found.ig_attribution, 0).max(-1), note="IG of 20 steps from the joint minimum and maximum, mean, maximum over channels")
    family.write()
    family.put("blur_ig", pair.BlurIG().GetMask(x, call, batch_size=BATCH), keep="sum2", note="defaults")
    family.write()
    many_steps(subject, family, x, masks)


def many_steps(subject, family, x, masks):
    """XRAI with its defaults: 200 gradients, so in float32."""
    call = network(subject.single(), subject.top)
    found = ranked(family, "xrai", x, call, masks)
    family.put("xrai.base", np.mean(found.ig_attribution, 0).max(-1), keep="every2", note="defaults: 100 steps; float32")
    family.write()
