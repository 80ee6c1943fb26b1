"""Layer-wise relevance propagation by zennit: composites EpsilonPlus and EpsilonPlusFlat with a ResNet canonizer."""
import torch
from zennit.attribution import Gradient
from zennit.canonizers import AttributeCanonizer, CompositeCanonizer, SequentialMergeBatchNorm
from zennit.composites import EpsilonPlus, EpsilonPlusFlat
from zennit.layer import Sum

from common import Family, hwc
from model import Bottleneck


class ExactMerge(SequentialMergeBatchNorm):
    """zennit leaves epsilon in the BatchNorm that it has merged, so what should be the identity divides by
    sqrt(1 + epsilon). Harmless with torchvision's 1e-5, not with Keras' 1e-3. Here epsilon goes too."""

    def register(self, linears, batch_norm):
        super().register(linears, batch_norm)
        self.epsilon, batch_norm.eps = batch_norm.eps, 1e-300   # torch wants it positive

    def remove(self):
        super().remove()
        self.batch_norm.eps = self.epsilon


def sum_at_the_join(name, module):
    """What zennit.torchvision.ResNetBottleneckCanonizer does, for this project's Bottleneck: the addition becomes a
    module `Sum` over the stacked branches, so that a rule (Norm) can be hooked to it."""
    def forward(self, x):
        return self.relu3(self.canonizer_sum(torch.stack(self.branches(x), dim=-1)))
    if isinstance(module, Bottleneck):
        return {"forward": forward.__get__(module), "canonizer_sum": Sum()}


def relevance(subject, composite, target):
    """Relevance of the input, and of the outputs of the first pool and of the 16 blocks; 1 at the class's logit."""
    taps, handles = {}, []
    points = [("pool1", subject.net.maxpool), *subject.net.blocks()]
    for name, module in points:
        def keep(module, inputs, output, name=name):
            output.register_hook(lambda relevance: taps.__setitem__(name, relevance))
        handles.append(module.register_forward_hook(keep))
    one_hot = torch.eye(1000, dtype=torch.float64)[[target]]
    x = subject.x.clone().requires_grad_()
    with composite.context(subject.net) as net:
        logits = net(x)
        found, = torch.autograd.grad(logits, x, one_hot)   # fills the taps, too
    for handle in handles:
        handle.remove()
    return logits[0].detach().numpy(), hwc(found), {name: hwc(taps[name]) for name, _ in points}


def official(subject, composite, target):
    """The way of zennit's documentation, without taps."""
    with Gradient(model=subject.net, composite=composite) as attributor:
        return hwc(attributor(subject.x.clone(), torch.eye(1000, dtype=torch.float64)[[target]])[1])


def run(subject, full):
    family = Family("zennit", full, version="zennit 0.5.1, torch 2.11.0, float64", target=subject.top,
                    start="1 at the class's logit, 0 elsewhere; multiply by the logit for relevance in logits")
    exact = CompositeCanonizer((ExactMerge(), AttributeCanonizer(sum_at_the_join)))
    published = CompositeCanonizer((SequentialMergeBatchNorm(), AttributeCanonizer(sum_at_the_join)))
    for name, composite in (("epsilon_plus", EpsilonPlus(canonizers=[exact])),
                            ("epsilon_plus_flat", EpsilonPlusFlat(canonizers=[exact])),
                            ("epsilon_plus.epsilon_left", EpsilonPlus(canonizers=[published]))):
        logits, found, taps = relevance(subject, composite, subject.top)
        assert abs(found - official(subject, composite, subject.top)).max() == 0
        family.put(name, found, keep={"epsilon_plus": "all", "epsilon_plus_flat": "sum"}.get(name, "sum2"))
        family.put(f"{name}.logit", logits[subject.top])
        family.put(f"{name}.sums", [t.sum() for t in taps.values()], note="at " + ", ".join(taps))
        if name == "epsilon_plus":
            for at in ("pool1", "2c", "3d", "4f", "5c"):
                family.put(f"{name}.at_{at}", taps[at], keep="sum")
    _, found, _ = relevance(subject, EpsilonPlus(canonizers=[exact]), subject.second)
    family.put("epsilon_plus.second", found, keep="sum2")
    family.write()
