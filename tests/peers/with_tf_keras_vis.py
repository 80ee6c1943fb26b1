"""tf-keras-vis, which needs TensorFlow and so an environment of its own: `python with_tf_keras_vis.py [--full DIR]`."""
import argparse
import os
import time

import numpy as np
from PIL import Image
from safetensors.numpy import load_file, save_file

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
import tensorflow as tf                                                    # noqa: E402
from tf_keras_vis.gradcam import Gradcam                                   # noqa: E402
from tf_keras_vis.gradcam_plus_plus import GradcamPlusPlus                 # noqa: E402
from tf_keras_vis.layercam import Layercam                                 # noqa: E402
from tf_keras_vis.saliency import Saliency                                 # noqa: E402
from tf_keras_vis.utils.scores import CategoricalScore                     # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
GOLDEN = os.path.join(ROOT, "tests", "golden")
WEIGHTS = os.environ.get("BACKLIT_WEIGHTS", os.path.join(ROOT, "weights", "keras-resnet50-v1.safetensors"))
L = tf.keras.layers
tf.config.threading.set_intra_op_parallelism_threads(2)
tf.keras.backend.set_floatx("float64")


def network(weights):
    """The functional model under the layer names of 2017, linear at the end; block outputs are called 2a ... 5c."""
    def conv(x, name, bn, filters, size, stride=1, padding="valid"):
        return L.BatchNormalization(epsilon=1e-3, name=bn)(L.Conv2D(filters, size, stride, padding, name=name)(x))

    image = L.Input((224, 224, 3))
    x = L.ReLU()(conv(L.ZeroPadding2D(3)(image), "conv1", "bn_conv1", 64, 7, 2))
    x = L.MaxPooling2D(3, 2)(L.ZeroPadding2D(1)(x))
    for stage, blocks in ((2, "abc"), (3, "abcd"), (4, "abcdef"), (5, "abc")):
        width = 64 << (stage - 2)
        for letter in blocks:
            stride = 2 if letter == "a" and stage > 2 else 1
            name = [f"{kind}{stage}{letter}_branch" for kind in ("res", "bn")]
            y = L.ReLU()(conv(x, *(n + "2a" for n in name), width, 1, stride))
            y = L.ReLU()(conv(y, *(n + "2b" for n in name), width, 3, padding="same"))
            y = conv(y, *(n + "2c" for n in name), 4 * width, 1)
            x = conv(x, *(n + "1" for n in name), 4 * width, 1, stride) if letter == "a" else x
            x = L.ReLU(name=f"{stage}{letter}")(L.Add()([x, y]))
    model = tf.keras.Model(image, L.Dense(1000, name="fc1000")(L.GlobalAveragePooling2D()(x)))
    for layer in model.layers:
        if layer.weights:
            names = ("gamma", "beta", "moving_mean", "moving_variance") if isinstance(layer, L.BatchNormalization) else ("kernel", "bias")
            layer.set_weights([weights[f"{layer.name}/{n}"].astype(np.float64) for n in names])
    return model


def main(full):
    golden = load_file(os.path.join(GOLDEN, "chelsea.safetensors"))
    rgb = np.asarray(Image.open(os.path.join(ROOT, "assets", "chelsea.png")).convert("RGB").resize((224, 224), Image.BILINEAR))
    x = (rgb[..., ::-1].astype(np.float64) - [103.939, 116.779, 123.68])[None]
    model, top = network(load_file(WEIGHTS)), int(golden["targets"][0])
    logits = model(x).numpy()[0]
    assert np.abs(logits - golden["logits"]).max() < 1e-9 * np.abs(logits).max()
    everything, small, start = {}, {}, time.time()

    def put(name, value, keep_all=True):
        value = np.asarray(value, np.float64)
        everything[f"tf_keras_vis.{name}"] = value
        small[f"tf_keras_vis.{name}"] = np.ascontiguousarray((value if keep_all else value[::2, ::2]).astype(np.float32))
        print(f"{time.time() - start:7.1f} s  tf_keras_vis.{name} {value.shape} sum {value.sum():.9g} max|.| {np.abs(value).max():.9g}", flush=True)

    score = CategoricalScore(top)
    saliency = Saliency(model, clone=False)
    put("saliency", saliency(score, x)[0], keep_all=False)
    put("saliency.raw", saliency(score, x, normalize_map=False)[0], keep_all=False)
    for name, method in (("gradcam", Gradcam), ("gradcam++", GradcamPlusPlus), ("layercam", Layercam)):
        method = method(model, clone=False)
        for layer in ("5c", "4f", None):
            where = {"penultimate_layer": layer, "seek_penultimate_conv_layer": layer is None}
            put(f"{name}.{layer or 'default'}.raw", method(score, x, expand_cam=False, normalize_cam=False, **where)[0])
            put(f"{name}.{layer or 'default'}", method(score, x, **where)[0], keep_all=False)
    metadata = {"version": f"tf-keras-vis 0.8.7, tensorflow {tf.__version__}, keras {tf.keras.__version__}, float64", "target": str(top),
                "reduced": "224 x 224 maps: rows and columns 0, 2, 4, ...", "default": "no layer named: res5c_branch2c, the last convolution, before its BatchNorm"}
    for tensors, folder in ((small, os.path.join(GOLDEN, "peers")), (everything, full)):
        if folder:
            save_file(tensors, os.path.join(folder, "tf_keras_vis.safetensors"), metadata)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", metavar="DIR")
    main(parser.parse_args().full)
