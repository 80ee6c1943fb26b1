"""Draws docs/images/jet_blue.png: the blue channel of Matplotlib's jet, as bytes. Needs matplotlib."""
import matplotlib
import numpy as np

matplotlib.use("Agg")
import matplotlib.pyplot as plt

s = np.arange(256) / 256
blue = (255 * matplotlib.colormaps["jet"](s)[:, 2]).astype(np.uint8)
figure, axes = plt.subplots(figsize=(7, 3.4), dpi=110)
axes.imshow(matplotlib.colormaps["jet"](s)[None, :, :3], extent=(0, 1, -32, -12), aspect="auto")
axes.step(s, blue, where="post", color="#0072b2", linewidth=2)
for knee in (0.113, 0.34, 0.648):
    axes.axvline(knee, color="#888888", linewidth=0.8, linestyle=":")
    axes.text(knee + 0.008, 128, f"{knee}", color="#555555", fontsize=9)
axes.set(xlim=(0, 1), ylim=(-32, 265), xlabel="saliency, scaled to 0..1", ylabel="blue channel (0 to 255)")
axes.spines[["top", "right"]].set_visible(False)
figure.tight_layout()
figure.savefig("docs/images/jet_blue.png")
