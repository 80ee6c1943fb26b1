"""torchcam: 7 x 7 maps at the last block and 14 x 14 at block 4f, without its normalisation (`raw`) and with it."""
from torchcam.methods import GradCAM, GradCAMpp, LayerCAM, XGradCAM

from common import Family


def run(subject, full):
    family = Family("torchcam", full, version="torchcam 0.5.0, torch 2.11.0, float64", target=subject.top)
    for name, method in (("gradcam", GradCAM), ("gradcam++", GradCAMpp), ("xgradcam", XGradCAM), ("layercam", LayerCAM)):
        for layer in ("layer4", "layer3"):
            for suffix, normalized in ((".raw", False), ("", True)):
                with method(subject.net, layer) as cam:
                    scores = subject.net(subject.x.clone().requires_grad_())
                    family.put(f"{name}.{layer}{suffix}", cam(subject.top, scores, normalized=normalized)[0].detach().numpy()[0])
    family.write()
