"""The numbers of the-post.md, from the command's own files.

    backlit saliency PHOTOGRAPHS --compat keras-vis-0.4.1 --format npy -o out/post
    backlit saliency PHOTOGRAPHS --format npy,safetensors -o out/honest
    python docs/the_post.py out/post out/honest                            # numpy, scipy, safetensors
    python docs/the_post.py out/post out/honest PHOTOGRAPHS WEIGHTS        # also the raw input; pillow, torch

PHOTOGRAPHS is a folder, WEIGHTS the Keras weights as a safetensors file. One line for each photograph: Spearman's rank
correlation of the honest map with the post's picture; shares of the pixels of the scaled gradient above 0.113 (the
blue channel is saturated), 0.34 (it falls) and 0.648 (it is 0); where in the post's picture, by rank (0 the darkest,
100 the brightest), the honest map's strongest pixel and the middle one of its strongest 1 % lie. With four arguments
also, in float64: the class and its logit for raw RGB, and the rank correlation of the smoothed gradient maps of both inputs.
"""
import glob
import os
import sys

import numpy as np
from safetensors.numpy import load_file
from scipy.ndimage import gaussian_filter
from scipy.stats import rankdata, spearmanr


def scaled(gradient):
    """|gradient|, maximum over the channels, to 0..1."""
    s = np.abs(gradient).max(-1)
    return (s - s.min()) / (s.max() - s.min() + 1e-7)


def two_inputs(network, photograph):
    """Class and logit, and the gradient maps of that class, for the preprocessed picture and for raw RGB."""
    import torch
    from PIL import Image, ImageOps

    picture = ImageOps.exif_transpose(Image.open(photograph)).convert("RGB").resize((224, 224), Image.BILINEAR)
    rgb = np.asarray(picture, np.float64)
    found, target = [], None
    for values in (rgb[..., ::-1] - [103.939, 116.779, 123.68], rgb):
        x = torch.from_numpy(values.transpose(2, 0, 1)[None].copy()).requires_grad_(True)
        logits = network(x)[0]
        target = int(logits.argmax()) if target is None else target
        gradient = torch.autograd.grad(logits[target], x)[0][0].numpy().transpose(1, 2, 0)
        found.append((int(logits.argmax()), logits[target].item(), scaled(gradient)))
    return found


def main(post, honest, photographs=None, weights=None):
    if weights:
        sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "peers"))
        import model
        network = model.load(weights)
    for file in sorted(glob.glob(os.path.join(honest, "*.npy"))):
        ours, theirs = np.load(file), np.load(os.path.join(post, os.path.basename(file)))
        s = scaled(load_file(file[:-4] + ".safetensors")["gradient"])
        place = 100 * rankdata(theirs.ravel()) / theirs.size
        strongest = ours.ravel() >= np.quantile(ours, 0.99)
        name = os.path.basename(file).split(".")[0]
        print(f"{name}: spearman {spearmanr(ours.ravel(), theirs.ravel())[0]:.3f}, grey {theirs.min():.0f}-{theirs.max():.0f},",
              "above 0.113 / 0.34 / 0.648:", " / ".join(f"{100 * (s > knee).mean():.2f} %" for knee in (0.113, 0.34, 0.648)),
              f"strongest pixel at {place[ours.argmax()]:.0f}, strongest 1 % at {np.median(place[strongest]):.0f}")
        if weights:
            original = glob.glob(os.path.join(photographs, name + ".*"))[0]
            (_, logit, fine), (best, raw_logit, raw) = two_inputs(network, original)
            smooth = [gaussian_filter(m, 5).ravel() for m in (fine, raw)]
            print(f"    logit {logit:.2f}, with raw RGB {raw_logit:.2f} (best class {best});",
                  f"spearman of the two maps {spearmanr(*smooth)[0]:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
