"""Source of docs/tutorial.ipynb, which `python -m docs.notebook` makes and runs.

Cells begin at `# %%`; this one is left out of the notebook.
"""

# A notebook shows a cell's last expression, and imports what a cell needs where it needs it;
# annotations would stand in a reader's way. It is run instead.
# ruff: noqa: B018, E402
# mypy: ignore-errors

# %% [markdown]
# # Receptive fields: by hand, by theory, by measurement
#
# The *field* of an output position of a neural network is the set of input elements that can
# change it. This notebook finds it in four ways, makes them agree, and shows where each of them
# goes wrong. It takes less than a minute on a CPU and downloads nothing.
#
# Some words, each with one meaning. An *axis* is a direction of a tensor, its *extent* is its
# length, a *position* is the index of an output element. A field's *size* is the number of
# elements from the first to the last one read, per axis; its *stride* is how far it moves from
# one position to the next, and its *start* is where that of position 0 begins. The *support* is
# the exact set, gaps included, the *hull* the box around it, and *density* the share of the hull
# that is really read.

# %%
from dataclasses import replace
from functools import partial

import numpy as np
import torch
from IPython.display import Math
from skimage import data, filters
from torch import nn

import fieldscope

# %% [markdown]
# ## 1. A chain by hand
#
# Three convolutions, one after the other: a kernel of 9, one of 3, and one of 3 with stride 2,
# then once more 3. Each window of kernel $k$ adds $k - 1$ steps on the map that it reads, and a
# step on that map is as long as all the strides before it together:
#
# $$r_0 = 1 + \sum_{l=1}^{L} (k_l - 1) \prod_{i=1}^{l-1} s_i$$
#
# ([Araujo, Norris, Sim 2019](https://distill.pub/2019/computing-receptive-fields); a dilation
# $d$ makes $k - 1$ into $d\,(k - 1)$.) `chain` needs the numbers alone, no model: kernel,
# stride, and if you like dilation and padding.

# %%
chain = fieldscope.chain([(9, 1), (3, 1), (3, 2), (3, 1)])
print(chain)

# %% [markdown]
# *jump* is the stride behind all steps so far. The formula with its numbers:

# %%
Math(chain.closed_form().latex)

# %% [markdown]
# Order matters: what stands behind a stride counts for more. With the step of 2 taken first, the
# same four kernels read further. And where one window follows another without any stride, only
# the sum of $k - 1$ counts: three kernels of 3 read as far as one of 7.

# %%
early = fieldscope.chain([(9, 2), (3, 1), (3, 1), (3, 1)])
threes = fieldscope.chain([(3, 1), (3, 1), (3, 1)])
print(early.size, early.closed_form())
print(threes.size, threes.closed_form())

# %% [markdown]
# ## 2. VGG16: three answers, all the same
#
# Real networks are more than a chain, and nobody should type in their numbers. fieldscope takes
# the model itself. This one has random weights, since a field comes from the architecture.
# (`torchvision.models.vgg16()` makes the same model; `build` also works where torchvision's
# compiled operators are missing.)

# %%
from fieldscope.frontends.torch.zoo import build

vgg, shape = build("torchvision", "vgg16", values=True)
report = fieldscope.analyze(vgg, shape, name="vgg16")
report["features.28"].size, report["features.28"].stride, report["features.28"].start

# %% [markdown]
# That is the first answer, *theory*: the model is run once on shapes without data, and what each
# operator reads is followed forward.
#
# The second one is the *support*: the mask of one position is followed backward, element by
# element. The third one is a *measurement*: the gradient of that position with respect to the
# input. Taken as it is, a gradient can miss elements (section 6), so in the mode "structure"
# every operator is replaced by the mean of what it reads. Nothing of this touches the model, and
# none of the usual preparations is needed: no max pooling replaced, no weights filled with ones.

# %%
print("layer        theory  support  gradient")
for number in (2, 4, 14, 16, 21, 28, 30):
    layer = f"features.{number}"
    theory = report[layer]
    support = fieldscope.support(report, layer=layer)
    measured = fieldscope.gradient(vgg, shape, layer=layer, mode="structure")
    print(f"{layer:<11} {theory.size[0]:7} {support.size[0]:8} {measured.size[0]:9}")

# %% [markdown]
# The whole network at a glance, against the extent of its input. Size grows by larger and larger
# steps, since each step is multiplied by the stride:

# %%
fieldscope.draw(report)

# %% [markdown]
# And the field of one position, on a photograph. The position is (9, 14) in a map of 28 × 28:

# %%
cat = data.chelsea()[20:244, 100:324]
found = fieldscope.support(report, layer="features.19", position=(9, 14))
found.to_image(cat)

# %%
found

# %% [markdown]
# ## 3. Why small inputs mislead
#
# A gradient is measured on some input, and an input ends somewhere. The same layer of the same
# network, `features.30`, measured on five of them:

# %%
for extent in (56, 98, 112, 224, 448):
    heat = fieldscope.gradient(vgg, (1, 3, extent, extent), layer="features.30", mode="structure")
    print(f"input {extent:3}: measured {heat.size[0]:3}, theory {report['features.30'].size[0]}")

# %% [markdown]
# Nothing in the first three numbers says that they are wrong. They are what is left of a field of
# 212 in an input that is smaller. Theory knows, so the heat map carries a remark, with the extent
# that would be enough (218, not 212: the position's field must also lie inside, not only fit):

# %%
fieldscope.gradient(vgg, (1, 3, 112, 112), layer="features.30", mode="structure").remarks

# %%
heat = fieldscope.gradient(vgg, (1, 3, 218, 218), layer="features.30", mode="structure")
heat.size, heat.hull

# %% [markdown]
# The other way round, a size larger than the image is no mistake: it is the size on an unbounded
# plane, most of which lies in the padding then. `report["features.30"].box((0, 0))` says what a
# position reads of the given input:

# %%
report["features.30"].box((0, 0)), report["features.30"].box((0, 0), clip=False)

# %% [markdown]
# ## 4. Gaps
#
# Size counts from the first to the last element; what lies between need not be read. Three
# convolutions of dilation 2 read every second element only (*gridding*). With the dilations
# 1, 2, 3 instead, *hybrid* ones, the same number of weights reads the same 13 × 13 without a gap
# ([Wang et al. 2018](https://arxiv.org/abs/1702.08502)):


# %%
def dilated(*dilations):
    return nn.Sequential(*(nn.Conv2d(1, 1, 3, dilation=d, padding=d) for d in dilations))


gridded = fieldscope.support(dilated(2, 2, 2), (1, 1, 40, 40))
hybrid = fieldscope.support(dilated(1, 2, 3), (1, 1, 40, 40))
for found in (gridded, hybrid):
    print(found.size, f"{found.density:.0%} read,", len(found.gaps[0]), "gaps along y")

# %%
fieldscope.draw(
    [replace(gridded, layer="dilations 2, 2, 2"), replace(hybrid, layer="dilations 1, 2, 3")],
    title="Same size, same number of weights",
)

# %% [markdown]
# The formula of section 1 can't tell these two apart. `found.mask` is a boolean array over the
# input, `found.gaps` lists the runs that nobody reads:

# %%
gridded.mask[20, 12:28].astype(int), gridded.gaps[1][:3]

# %% [markdown]
# ## 5. Three axes
#
# Nothing changes with more axes. This encoder for volumes looks along y and x first and along z
# only at the end, as is usual where slices lie further apart than pixels. It is drawn as the three
# slices through the hull's centre:

# %%
encoder = nn.Sequential(
    *(nn.Conv3d(1, 4, (1, 3, 3), padding=(0, 1, 1)), nn.ReLU(), nn.MaxPool3d((1, 2, 2))),
    *(nn.Conv3d(4, 8, (1, 3, 3), padding=(0, 1, 1)), nn.ReLU(), nn.MaxPool3d((1, 2, 2))),
    *(nn.Conv3d(8, 8, 3, padding=1), nn.ReLU()),
)
z, y, x = np.mgrid[:32, :64, :64]
body = ((z - 16) / 14) ** 2 + ((y - 32) / 27) ** 2 + ((x - 31) / 22) ** 2
organ = ((z - 13) / 5) ** 2 + ((y - 26) / 8) ** 2 + ((x - 36) / 6) ** 2
volume = np.where(organ < 1, 0.95, np.where(body < 1, 0.55 - 0.2 * body, 0.08))

found = fieldscope.support(encoder, (1, 1, 32, 64, 64), position=(14, 7, 8))
found.to_image(volume, title="An encoder for volumes")

# %%
found.size, found.hull

# %% [markdown]
# ## 6. What activation functions do to the heat map
#
# Now a gradient of a model *as it is*, with its weights and an input. It tells how strongly each
# element is felt, which theory doesn't; but it isn't the field. Eight convolutions of 3 have a
# field of 17, whatever stands between them:


# %%
def network(activation, width=4):
    torch.manual_seed(0)
    layers = []
    for inside in (3, *[width] * 7):
        layers += [nn.Conv2d(inside, width, 3, padding=1), activation()]
    return nn.Sequential(*layers)


photo = torch.tensor(cat[:96, :96] / 255, dtype=torch.float32).permute(2, 0, 1)[None]
ACTIVATIONS = (nn.Identity, nn.ReLU, nn.GELU, nn.Tanh, nn.Sigmoid)
for activation in ACTIVATIONS:
    report = fieldscope.analyze(network(activation), (1, 3, 96, 96))
    print(f"{activation.__name__:<9} {report.output.size}")

# %% [markdown]
# The same weights, the same photograph, and one position of the output:

# %% tags=["measured"]
heats = {}
for activation in ACTIVATIONS:
    heat = fieldscope.gradient(network(activation), photo, name="network")
    heats[activation.__name__] = heat
    strength = heat.values.sum()
    print(f"{activation.__name__:<9} {heat.density:5.0%} of the hull  strength {strength:.0e}")
heats["structure"] = fieldscope.gradient(network(nn.ReLU), photo, mode="structure", name="network")

# %%
fieldscope.draw(
    [
        replace(heat, layer=name, values=heat.values / heat.values.max(), remarks=())
        for name, heat in heats.items()
    ],
    title="Eight convolutions of 3, each map as shares of its peak",
)

# %% [markdown]
# - **Identity**: the network is one large kernel. It is strongest in the middle, since more ways
#   lead there, and fades towards the border: the *effective* field looks smaller than the field
#   ([Luo et al. 2016](https://arxiv.org/abs/1701.04128)).
# - **ReLU** switches units off. Where all ways to an element are switched off for this input, the
#   gradient is exactly 0, and the map has holes (light grey). Another input has others.
# - **GELU, tanh**: the slope is small somewhere but hardly ever 0, so there are no holes.
# - **Sigmoid**: its slope is a quarter at most, so that eight of them divide the gradient by
#   $4^8 = 65{,}536$ or more. The map's form is still that of identity; but in a much deeper network
#   its numbers become 0 one day: the gradient *vanishes*.
# - **structure** has none of this: means instead of activations, equal weights. It reaches what
#   can be read, and tells how many ways lead to it.
#
# What a heat map doesn't show is said in its remarks:

# %% tags=["measured"]
heats["ReLU"].remarks

# %% [markdown]
# With two channels instead of four, all units of some layer are switched off. The gradient is 0
# everywhere, and there would be no field at all:

# %% tags=["measured"]
dead = fieldscope.gradient(network(nn.ReLU, width=2), photo, name="network")
print(dead.count, "elements:", *dead.remarks)

# %% [markdown]
# More inputs help a little (`samples=` averages over random ones), but only structure and theory
# don't depend on luck. What theory can't tell is the picture of strengths: for a deep network on a
# photograph it is worth looking at both.

# %%
image = torch.tensor(cat / 255, dtype=torch.float32).permute(2, 0, 1)[None]
heat = fieldscope.gradient(vgg, image, layer="features.30", name="vgg16")
heat.to_image(cat, log=True, title="VGG16 before training: features.30 at the centre")

# %% [markdown]
# ## 7. Black boxes
#
# Sometimes there is a function and nothing else: an exported file, a filter of a library.
# `probe` changes regions of the input and looks whether the position changes; by bisection that
# takes few calls. How far do these filters of scikit-image read?

# %%
for name, function in {
    "sobel": filters.sobel,
    "farid": filters.farid,
    "gaussian, sigma 1": partial(filters.gaussian, sigma=1),
    "gaussian, sigma 2": partial(filters.gaussian, sigma=2),
}.items():
    probed = fieldscope.probe(function, (64, 64), (32, 20), axes=(0, 1))
    print(f"{name:<18} {probed.size}  {probed.calls} calls")

# %% [markdown]
# A Gaussian never ends; that of scikit-image is cut off at four sigma, which gives
# $2 \cdot 4 \cdot 2 + 1 = 17$.
#
# An ONNX Runtime session is asked in the same way. Here is a small one, made by hand:

# %%
import onnx
import onnxruntime
from onnx import helper, numpy_helper

rng = np.random.default_rng(0)
first = rng.normal(size=(8, 3, 5, 3)).astype(np.float32)
second = rng.normal(size=(8, 8, 3, 3)).astype(np.float32)
graph = helper.make_graph(
    [
        helper.make_node("Conv", ["image", "first"], ["a"], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["c", "second"], ["map"]),
    ],
    "small",
    [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["n", 3, 64, 96])],
    [helper.make_tensor_value_info("map", onnx.TensorProto.FLOAT, ["n", 8, None, None])],
    [numpy_helper.from_array(first, "first"), numpy_helper.from_array(second, "second")],
)
file = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
session = onnxruntime.InferenceSession(file.SerializeToString(), providers=["CPUExecutionProvider"])
probed = fieldscope.probe(session, (1, 3, 64, 96), position=(6, 10))
probed.size, probed.hull

# %% [markdown]
# By hand it is the same, one chain per axis:

# %%
fieldscope.chain([(5, 2), (2, 2), (3, 1)]).size, fieldscope.chain([(3, 2), (2, 2), (3, 1)]).size

# %% [markdown]
# A probe gives the hull alone, without the gaps inside. Where there is a model that can be
# traced, `support` knows more and needs no luck.
#
# ## 8. Don't believe it: verify
#
# Theory is code, and code can be wrong. `verify` holds it against measurements of your own model,
# at some positions of each layer: the support against the gradient of the neutralised model,
# element by element; that model's output with 0 on the support and 1 elsewhere, which has to
# be 0; and the gradient of the model as it is, which has to stay inside.

# %%
model = nn.Sequential(
    nn.Conv2d(3, 8, (5, 3)),
    nn.ReLU(),
    nn.Conv2d(8, 8, (3, 2), padding=1),
    nn.BatchNorm2d(8),
    nn.Conv2d(8, 8, (5, 3), stride=2),
    nn.MaxPool2d(3, stride=2, padding=1),
    nn.ConvTranspose2d(8, 4, 4, stride=2, padding=1),
    nn.Conv2d(4, 1, 3, dilation=2),
)
checked = fieldscope.verify(model, (1, 3, 60, 90))
checked

# %% [markdown]
# From the shell it is `fieldscope verify torchvision:resnet18`, and the exit code says whether all
# agree. Go on with
#
# - [What the numbers mean](numbers.md): padding, U-Nets, context, exact and bound
# - [Measuring](measuring.md): all functions of this notebook, with their options
# - [Pictures](pictures.md): what can be drawn, and how it is read
#
# The photograph is Chelsea the cat by Stéfan van der Walt, CC0, as it comes with scikit-image.
