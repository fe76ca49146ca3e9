"""Golden vectors: what PyTorch answers, so that the Rust tests need no PyTorch.

    python generate.py [outdir [layer...]]        (default: the folder of this script, all layers)

Made with PyTorch 2.15.0 on the CPU, one thread, f32 and some f16, no gradients. One file per layer,
`<op>.safetensors`, with tensors `<case>.<tensor>` and this metadata:

    torch       the PyTorch version
    generator   tests/golden/generate.py
    cases       JSON array of {"name", "call", "attributes"}

`call` is the Python text that was executed, with `torch`, `F` (torch.nn.functional) and `nn` imported and the input
tensors of the case as variables. It assigns the outputs: `y`, and for batch norm in training the `*_after` buffers and
what it saves for a gradient, `saved_*`.
After writing, every file is loaded again, every call repeated from its recorded text, every bit compared.

Each case draws its data after torch.manual_seed(crc32("<op>/<case>")), so cases can be added, moved or removed without
changing the others. Two runs on one machine write the same bytes. On another CPU the last bits of random inputs and of
outputs that are rounded (conv, batch norm, average pool, sigmoid, unit) may differ: compare those within a bound.
NaN payloads and NaN signs of outputs are not part of the golden.
"""

import json
import math
import pathlib
import struct
import sys
import warnings
import zlib

import safetensors
import safetensors.torch
import torch
import torch.nn.functional as F
from torch import nn

NAN = math.nan
INF = math.inf
LOWEST = -3.4e38
F32_MAX = torch.finfo(torch.float32).max
DENORMAL = 1e-40
IMAGENET_MEAN = [0.485, 0.456, 0.406]
IMAGENET_STD = [0.229, 0.224, 0.225]


# ---------------------------------------------------------------- recording


class Golden:
    """The cases of one layer, in the order in which they were recorded."""

    def __init__(self, op):
        self.op = op
        self.tensors = {}
        self.cases = []
        self.name = None

    def begin(self, name):
        """Start a case: its random numbers depend on the layer and this name only."""
        assert all(case["name"] != name for case in self.cases), f"{self.op}/{name} twice"
        self.name = name
        torch.manual_seed(zlib.crc32(f"{self.op}/{name}".encode()))

    def record(self, call, attributes, **inputs):
        """Execute `call` on the inputs; keep the inputs, the outputs, the text and the attributes."""
        inputs = {key: tensor.contiguous() for key, tensor in inputs.items()}
        for key, tensor in {**inputs, **execute(call, inputs)}.items():
            self.tensors[f"{self.name}.{key}"] = tensor.detach().contiguous().clone()
        self.cases.append({"name": self.name, "call": call, "attributes": attributes})


def execute(call, inputs):
    """The outputs that the text `call` assigns, given the inputs as variables. The inputs are not changed."""
    variables = {"torch": torch, "F": F, "nn": nn}
    variables.update({key: tensor.clone() for key, tensor in inputs.items()})
    exec(call, variables)
    return {key: variables[key] for key in variables if is_output(key)}


def is_output(key):
    return key == "y" or key.endswith("_after") or key.startswith("saved_")


def save(golden, path):
    """Write a safetensors file. The library orders the metadata at random, so the header is written again, in order."""
    metadata = {
        "torch": torch.__version__.split("+")[0],
        "generator": "tests/golden/generate.py",
        "cases": json.dumps(golden.cases, allow_nan=False),
    }
    data = safetensors.torch.save(golden.tensors, metadata)
    header_length = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8 : 8 + header_length])
    del header["__metadata__"]
    header = json.dumps({"__metadata__": metadata, **header}, separators=(",", ":")).encode()
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + data[8 + header_length :])


def verify(path):
    """Load a file, repeat each recorded call, and compare every bit. Returns the number of cases."""
    tensors = safetensors.torch.load_file(path)
    with safetensors.safe_open(path, "pt") as file:
        cases = json.loads(file.metadata()["cases"])
    compared = 0
    for case in cases:
        prefix = case["name"] + "."
        own = {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}
        stored = {key: tensor for key, tensor in own.items() if is_output(key)}
        again = execute(case["call"], {key: tensor for key, tensor in own.items() if not is_output(key)})
        assert stored.keys() == again.keys() and "y" in stored, f"{path.name} {case['name']}: outputs"
        for key in stored:
            assert same_bits(stored[key], again[key]), f"{path.name} {case['name']}.{key}: not reproduced"
        compared += len(own)
    assert compared == len(tensors), f"{path.name}: tensors that belong to no case"
    return len(cases)


def same_bits(a, b):
    same_type = a.dtype == b.dtype and a.shape == b.shape
    return same_type and a.contiguous().numpy().tobytes() == b.contiguous().numpy().tobytes()


# ---------------------------------------------------------------- data


def row(*values):
    """Values as a tensor of one image, one channel, one spatial dimension."""
    return torch.tensor(values, dtype=torch.float32).view(1, 1, -1)


def bits(*words):
    """f32 values from their bits: the only way to write a NaN of a given sign and payload."""
    signed = [word - 2**32 if word >= 2**31 else word for word in words]
    return torch.tensor(signed, dtype=torch.int32).view(torch.float32)


def nans():
    """Quiet, negative quiet, signalling, all ones, with a payload."""
    return bits(0x7FC00000, 0xFFC00000, 0x7F800001, 0xFFFFFFFF, 0x7FC12345)


# ---------------------------------------------------------------- convolution


def conv_case(golden, name, x_shape, weight_shape, stride=None, padding=None, dilation=None, groups=1, bias=True):
    golden.begin(name)
    dims = len(x_shape) - 2
    attributes = {
        "stride": stride or [1] * dims,
        "padding": padding or [0] * dims,
        "dilation": dilation or [1] * dims,
        "groups": groups,
    }
    inputs = {"x": torch.randn(x_shape), "weight": torch.randn(weight_shape)}
    if bias:
        inputs["bias"] = torch.randn(weight_shape[0])
    arguments = ", ".join(f"{key}={value!r}" for key, value in attributes.items())
    call = f"y = F.conv{dims}d(x, weight, {'bias' if bias else 'None'}, {arguments})"
    golden.record(call, attributes, **inputs)


def conv(golden):
    def case(*arguments, **attributes):
        conv_case(golden, *arguments, **attributes)

    case("plain", (2, 3, 7, 9), (5, 3, 3, 3))
    case("no_bias", (2, 3, 5, 6), (5, 3, 3, 3), bias=False)
    case("one_channel", (3, 1, 5, 4), (1, 1, 2, 3))
    case("odd_channels", (2, 11, 4, 5), (13, 11, 3, 3), padding=[1, 1])
    case("stem_7x7_s2_p3", (1, 3, 11, 9), (4, 3, 7, 7), stride=[2, 2], padding=[3, 3], bias=False)
    case("stride_2x1", (2, 3, 7, 9), (5, 3, 3, 3), stride=[2, 1])
    case("stride_1x3", (2, 3, 7, 10), (5, 3, 3, 3), stride=[1, 3])
    case("stride_above_kernel", (2, 3, 9, 11), (4, 3, 2, 2), stride=[3, 4])
    case("padding_1x2", (2, 3, 5, 6), (5, 3, 3, 3), padding=[1, 2])
    case("padding_2x0", (2, 3, 5, 6), (5, 3, 3, 3), padding=[2, 0])
    case("padding_above_kernel", (2, 3, 3, 4), (5, 3, 2, 3), padding=[3, 4])
    case("dilation_2x3", (2, 3, 9, 11), (5, 3, 3, 3), dilation=[2, 3])
    case("stride_padding_dilation", (2, 3, 9, 11), (5, 3, 3, 2), stride=[2, 3], padding=[1, 2], dilation=[3, 2])
    case("groups_3_of_6_to_12", (2, 6, 6, 7), (12, 2, 3, 3), groups=3)
    case("groups_2_of_6_to_10", (2, 6, 5, 7), (10, 3, 3, 2), stride=[1, 2], padding=[1, 0], groups=2)
    case("groups_3_of_9_to_6", (2, 9, 5, 4), (6, 3, 1, 1), groups=3, bias=False)
    case("depthwise", (2, 5, 7, 6), (5, 1, 3, 3), padding=[1, 1], groups=5)
    case("depthwise_stride_dilation", (2, 5, 8, 7), (5, 1, 3, 3), [2, 1], [1, 2], [1, 2], groups=5)
    case("depthwise_multiplier_2", (2, 5, 6, 7), (10, 1, 3, 3), padding=[1, 1], groups=5)
    case("pointwise", (2, 7, 4, 5), (11, 7, 1, 1))
    case("pointwise_stride_2x3", (2, 7, 5, 7), (11, 7, 1, 1), stride=[2, 3])
    case("kernel_1x5", (2, 3, 5, 8), (5, 3, 1, 5), padding=[0, 2])
    case("kernel_3x1", (2, 3, 5, 8), (5, 3, 3, 1), padding=[1, 0])
    case("kernel_is_input", (2, 3, 4, 5), (5, 3, 4, 5))
    case("kernel_is_padded_input", (2, 3, 4, 5), (5, 3, 6, 5), padding=[1, 0])
    case("batch_0", (0, 3, 5, 6), (4, 3, 3, 3), padding=[1, 1])
    for width in range(1, 10):
        case(f"width_{width}", (2, 3, 3, width), (4, 3, 3, 3), padding=[1, 1])

    case("same_3x3", (2, 3, 5, 6), (5, 3, 3, 3), padding="same")
    case("same_2x4", (2, 3, 5, 6), (5, 3, 2, 4), padding="same")
    case("same_4x1_no_bias", (2, 3, 5, 6), (5, 3, 4, 1), padding="same", bias=False)
    case("same_2x2_dilation_3x2", (2, 3, 5, 6), (5, 3, 2, 2), padding="same", dilation=[3, 2])
    case("same_depthwise_2x3", (2, 5, 5, 6), (5, 1, 2, 3), padding="same", groups=5)
    case("same_kernel_above_input", (2, 3, 3, 2), (5, 3, 6, 5), padding="same")
    case("same_batch_0", (0, 3, 5, 6), (4, 3, 2, 2), padding="same")

    case("plain_1d", (2, 3, 11), (5, 3, 3))
    case("no_bias_1d", (2, 3, 11), (5, 3, 4), bias=False)
    case("stride_padding_dilation_1d", (2, 3, 17), (5, 3, 3), [3], [2], [2])
    case("groups_1d", (2, 6, 9), (9, 2, 3), stride=[2], padding=[1], groups=3)
    case("depthwise_multiplier_2_1d", (2, 5, 9), (10, 1, 3), padding=[1], groups=5)
    case("pointwise_1d", (2, 7, 5), (11, 7, 1))
    case("kernel_is_padded_input_1d", (2, 3, 5), (4, 3, 9), padding=[2])
    case("batch_0_1d", (0, 3, 5), (4, 3, 3))
    case("same_3_1d", (2, 3, 7), (5, 3, 3), padding="same")
    case("same_4_1d", (2, 3, 7), (5, 3, 4), padding="same")
    case("same_2_dilation_3_1d", (2, 3, 7), (5, 3, 2), padding="same", dilation=[3])


# ---------------------------------------------------------------- batch normalisation


def batch_norm_case(golden, x, training, momentum=0.1, eps=1e-5, weight=True, bias=True, tracked=7):
    dims = {2: 1, 3: 1, 4: 2, 5: 3}[x.dim()]
    channels = x.shape[1]
    state = {}
    if weight:
        state["weight"] = torch.randn(channels)
    if bias:
        state["bias"] = torch.randn(channels)
    state["running_mean"] = torch.randn(channels)
    state["running_var"] = torch.rand(channels) + 0.5
    state["num_batches_tracked"] = torch.tensor(tracked)
    affine = f"affine={weight}, bias={bias}"
    names = ", ".join(f"{name!r}: {name}" for name in state)
    call = (
        f"m = nn.BatchNorm{dims}d({channels}, eps={eps!r}, momentum={momentum!r}, {affine}); "
        f"m.load_state_dict({{{names}}}); "
        f"m.train({training}); "
        "y = m(x)"
    )
    if training:
        buffers = ["running_mean", "running_var", "num_batches_tracked"]
        call += "".join(f"; {buffer}_after = m.{buffer}" for buffer in buffers)
        # It refuses an empty batch.
        if x.numel():
            call += f"; _, saved_mean, saved_invstd = torch.native_batch_norm(x, m.weight, m.bias, None, None, True, 0.0, {eps!r})"
    attributes = {"eps": eps, "momentum": momentum, "training": training}
    golden.record(call, attributes, x=x, **state)


def batch_norm(golden):
    def case(name, x_shape, training, **options):
        golden.begin(name)
        batch_norm_case(golden, torch.randn(x_shape) * 2 + 3, training, **options)

    shapes = {"nc": (5, 3), "ncl": (2, 3, 5), "nchw": (2, 3, 4, 5), "ncdhw": (2, 3, 2, 3, 5)}
    for shape_name, shape in shapes.items():
        case(f"{shape_name}_train", shape, True)
        case(f"{shape_name}_eval", shape, False)
    case("digits_2d_train", (1, 16, 7, 7), True)
    case("digits_2d_eval", (1, 16, 7, 7), False)
    case("long_1d_train", (16, 3, 28), True)
    case("long_1d_eval", (16, 3, 28), False)
    case("odd_channels_train", (3, 7, 5, 3), True)

    case("no_affine_train", (2, 3, 4, 5), True, weight=False, bias=False)
    case("no_affine_eval", (2, 3, 4, 5), False, weight=False, bias=False)
    case("weight_only_train", (2, 3, 4, 5), True, bias=False)
    case("weight_only_eval", (2, 3, 4, 5), False, bias=False)

    case("momentum_0_train", (2, 3, 4, 5), True, momentum=0.0)
    case("momentum_1_train", (2, 3, 4, 5), True, momentum=1.0)
    case("momentum_0_3_train", (2, 3, 4, 5), True, momentum=0.3)
    case("eps_1e_3_train", (2, 3, 4, 5), True, eps=1e-3)
    case("eps_1e_3_eval", (2, 3, 4, 5), False, eps=1e-3)
    case("tracked_41_train", (2, 3, 5), True, tracked=41)
    case("tracked_41_eval", (2, 3, 5), False, tracked=41)
    case("tracked_carry_train", (2, 3, 5), True, tracked=2**32 - 1)

    case("batch_1_train", (1, 3, 4, 5), True)
    case("two_values_nc_train", (2, 3), True)
    case("two_values_nchw_train", (1, 3, 1, 2), True)
    case("two_values_momentum_1_train", (2, 3, 1), True, momentum=1.0)
    case("one_value_eval", (1, 3, 1, 1), False)
    for shape_name, shape in shapes.items():
        case(f"batch_0_{shape_name}_train", (0,) + shape[1:], True)
        case(f"batch_0_{shape_name}_eval", (0,) + shape[1:], False)
    case("batch_0_momentum_1_train", (0, 3, 4, 5), True, momentum=1.0)

    batch_norm_numerics(golden)


def batch_norm_numerics(golden):
    for name, shape in {"large_mean_train": (4, 3, 5, 7), "large_mean_nc_train": (33, 3)}.items():
        golden.begin(name)
        batch_norm_case(golden, torch.randn(shape) * 1e-2 + 1e4, True, momentum=1.0)

    for name, training in {"constant_channel_train": True, "constant_channel_eval": False}.items():
        golden.begin(name)
        x = torch.randn(2, 4, 3, 5)
        x[:, 1] = 5.3
        x[:, 2] = 0.0
        batch_norm_case(golden, x, training)

    for name, training in {"nan_channel_train": True, "nan_channel_eval": False}.items():
        golden.begin(name)
        x = torch.randn(2, 3, 4, 5)
        x[1, 1, 2, 3] = NAN
        batch_norm_case(golden, x, training)

    golden.begin("nan_channel_momentum_0_train")
    x = torch.randn(2, 3, 4, 5)
    x[0, 2, 0, 0] = NAN
    batch_norm_case(golden, x, True, momentum=0.0)

    golden.begin("inf_channel_train")
    x = torch.randn(2, 3, 4, 5)
    x[0, 0, 3, 4] = INF
    batch_norm_case(golden, x, True)


# ---------------------------------------------------------------- max pooling


def max_pool_case(golden, x, kernel, stride, padding=None, dilation=None, ceil_mode=False):
    dims = x.dim() - 2
    attributes = {
        "kernel": kernel,
        "stride": stride,
        "padding": padding or [0] * dims,
        "dilation": dilation or [1] * dims,
        "ceil_mode": ceil_mode,
    }
    arguments = f"{kernel}, {stride}, {attributes['padding']}, {attributes['dilation']}, ceil_mode={ceil_mode}"
    golden.record(f"y = F.max_pool{dims}d(x, {arguments})", attributes, x=x)


def max_pool(golden):
    def case(name, x_shape, *arguments, **attributes):
        golden.begin(name)
        max_pool_case(golden, torch.randn(x_shape), *arguments, **attributes)

    golden.begin("half")
    max_pool_case(golden, torch.randn(2, 3, 7, 9).half(), [3, 3], [2, 2], [1, 1])

    case("digits_k2_s2", (1, 16, 14, 14), [2, 2], [2, 2])
    case("k1_s2_on_6", (2, 3, 6), [1], [2])
    case("k1_s2_on_6_ceil", (2, 3, 6), [1], [2], ceil_mode=True)
    case("k2_s2_p1_on_5", (2, 3, 5), [2], [2], [1])
    case("k2_s2_p1_on_5_ceil", (2, 3, 5), [2], [2], [1], ceil_mode=True)
    case("k3_s1_1d", (2, 3, 8), [3], [1])
    case("k3_s2_p1", (2, 3, 7, 9), [3, 3], [2, 2], [1, 1])
    case("k3_s2_p1_ceil", (2, 3, 6, 8), [3, 3], [2, 2], [1, 1], ceil_mode=True)
    case("kernel_2x3_stride_3x1_padding_1x0", (2, 3, 7, 8), [2, 3], [3, 1], [1, 0])
    case("kernel_3x2_stride_2x3_ceil", (2, 3, 8, 9), [3, 2], [2, 3], ceil_mode=True)
    case("kernel_5x4_padding_2x2", (2, 3, 6, 5), [5, 4], [1, 2], [2, 2])
    case("stride_above_kernel", (2, 3, 8, 9), [2, 1], [3, 4])
    case("stride_above_kernel_ceil", (2, 3, 8, 11), [2, 2], [4, 5], [1, 1], ceil_mode=True)
    case("kernel_is_input", (2, 3, 4, 5), [4, 5], [1, 1])
    case("kernel_is_padded_input", (2, 3, 4, 5), [6, 7], [1, 2], [1, 1])
    case("ceil_kernel_above_input", (2, 3, 2, 4), [3, 6], [2, 3], ceil_mode=True)
    case("k2_s2_3d", (2, 3, 4, 5, 6), [2, 2, 2], [2, 2, 2])
    case("all_different_3d", (2, 3, 5, 6, 7), [2, 3, 2], [2, 1, 3], [1, 0, 1], [2, 1, 3])
    case("ceil_3d", (2, 3, 5, 4, 6), [3, 2, 3], [2, 3, 2], [1, 1, 0], ceil_mode=True)
    case("batch_0_1d", (0, 3, 5), [2], [2])
    case("batch_0_2d", (0, 3, 5, 7), [3, 2], [2, 1], [1, 0])
    case("batch_0_3d", (0, 3, 4, 5, 6), [2, 2, 2], [2, 2, 2])

    case("dilation_2", (2, 3, 8, 9), [3, 2], [1, 2], [0, 0], [2, 2])
    case("dilation_2x3_padding", (2, 3, 9, 10), [3, 3], [2, 1], [1, 1], [2, 3])
    case("dilation_3_padding_1d", (2, 3, 11), [3], [2], [1], [3])
    case("dilation_3x2_ceil", (2, 3, 9, 8), [2, 3], [3, 2], [1, 1], [3, 2], ceil_mode=True)
    case("window_in_padding_1d", (2, 3, 3), [2], [1], [1], [4])
    case("window_in_padding_2d", (2, 3, 5, 2), [2, 2], [2, 1], [1, 1], [2, 3])
    case("window_in_padding_3d", (2, 2, 3, 1, 4), [1, 2, 2], [1, 1, 2], [0, 1, 0], [1, 2, 1])
    case("window_in_padding_ceil", (2, 3, 1, 5), [3, 2], [3, 2], [1, 0], [2, 1], ceil_mode=True)

    max_pool_values(golden)


def max_pool_values(golden):
    golden.begin("all_negative_padding")
    max_pool_case(golden, -torch.rand(2, 3, 5, 6) - 1, [3, 3], [2, 2], [1, 1])
    golden.begin("all_negative_padding_ceil")
    max_pool_case(golden, -torch.rand(2, 3, 5, 8) - 1, [2, 3], [2, 2], [1, 1], ceil_mode=True)
    golden.begin("lowest_padding")
    max_pool_case(golden, torch.full((2, 1, 3, 4), LOWEST), [3, 2], [2, 1], [1, 1])
    golden.begin("f32_min_and_inf")
    max_pool_case(golden, row(-INF, -F32_MAX, -F32_MAX, LOWEST, -INF, -INF), [2], [1], [1])
    golden.begin("all_minus_inf")
    max_pool_case(golden, torch.full((1, 2, 4, 6), -INF), [2, 3], [2, 3])
    golden.begin("all_minus_inf_padding")
    max_pool_case(golden, torch.full((1, 2, 4, 5), -INF), [3, 3], [2, 2], [1, 1])
    golden.begin("plus_inf")
    max_pool_case(golden, row(1.0, INF, -INF, 3.0, INF, INF, F32_MAX, -1.0), [2], [2])
    golden.begin("denormals")
    max_pool_case(golden, row(DENORMAL, 0.0, -DENORMAL, -0.0, -DENORMAL, -2 * DENORMAL, 2e-45, 1e-45), [2], [2])

    golden.begin("nan_at_each_position")
    x = torch.randn(9, 1, 3, 3)
    for position in range(9):
        x[position, 0, position // 3, position % 3] = NAN
    max_pool_case(golden, x, [3, 3], [3, 3])
    golden.begin("nan_overlapping_padding")
    x = torch.randn(2, 3, 7, 8)
    x[0, 0, 0, 0] = x[0, 1, 3, 4] = x[0, 1, 6, 7] = x[1, 2, 2, 2] = NAN
    max_pool_case(golden, x, [3, 3], [2, 2], [1, 1])
    golden.begin("nan_several")
    x = torch.randn(2, 2, 4, 6)
    x[torch.rand(x.shape) < 0.4] = NAN
    max_pool_case(golden, x, [2, 3], [2, 3])
    golden.begin("nan_and_inf")
    max_pool_case(golden, row(NAN, INF, INF, NAN, -INF, NAN, NAN, -INF, NAN, NAN), [2], [2])
    golden.begin("nan_kinds")
    x = torch.stack([nans(), torch.ones(5), torch.ones(5), nans()]).t().reshape(1, 5, 2, 2)
    max_pool_case(golden, x.contiguous(), [1, 2], [1, 2])
    golden.begin("nan_3d")
    x = torch.randn(1, 2, 4, 4, 6)
    x[0, 0, 1, 2, 3] = x[0, 1, 3, 0, 5] = NAN
    max_pool_case(golden, x, [2, 2, 3], [2, 2, 3])

    golden.begin("signed_zero_ties")
    max_pool_case(golden, row(-0.0, 0.0, 0.0, -0.0, -0.0, -0.0, 0.0, 0.0), [2], [2])
    golden.begin("signed_zero_ties_2d")
    windows = [[-0.0, 0.0, 0.0, 0.0], [0.0, -0.0, -0.0, -0.0], [-1.0, 0.0, -0.0, -2.0], [-0.0, -3.0, 0.0, -0.0]]
    max_pool_case(golden, torch.tensor(windows).view(1, 4, 2, 2), [2, 2], [2, 2])
    golden.begin("signed_zero_ties_padding")
    max_pool_case(golden, row(-0.0, 0.0, -0.0, 0.0, 0.0), [3], [2], [1])


# ---------------------------------------------------------------- average pooling


def avg_pool_case(golden, x, kernel, stride, padding=None, ceil=False, include=True, divisor=None):
    dims = x.dim() - 2
    attributes = {
        "kernel": kernel,
        "stride": stride,
        "padding": padding or [0] * dims,
        "ceil_mode": ceil,
        "count_include_pad": include,
        "divisor_override": divisor,
    }
    arguments = f"{kernel}, {stride}, {attributes['padding']}, ceil_mode={ceil}, count_include_pad={include}"
    if dims > 1:
        arguments += f", divisor_override={divisor}"
    golden.record(f"y = F.avg_pool{dims}d(x, {arguments})", attributes, x=x)


def avg_pool(golden):
    def case(name, x_shape, *arguments, **attributes):
        golden.begin(name)
        avg_pool_case(golden, torch.randn(x_shape), *arguments, **attributes)

    for ceil, include in [(False, True), (False, False), (True, True), (True, False)]:
        name = ("ceil_" if ceil else "floor_") + ("include" if include else "exclude")
        golden.begin(f"ones_6x6_k3_s2_p1_{name}")
        avg_pool_case(golden, torch.ones(1, 1, 6, 6), [3, 3], [2, 2], [1, 1], ceil, include)
        case(f"k3x2_s2x3_p1_{name}", (2, 3, 8, 9), [3, 2], [2, 3], [1, 1], ceil, include)
        case(f"k3_s2_p1_1d_{name}", (2, 3, 8), [3], [2], [1], ceil, include)
        case(f"k3_s2_p1_3d_{name}", (2, 2, 4, 5, 6), [3, 2, 3], [2, 3, 2], [1, 0, 1], ceil, include)

    case("digits_k2_s2", (1, 16, 14, 14), [2, 2], [2, 2])
    case("k2_s2_1d", (2, 3, 7), [2], [2])
    case("k1_s2_on_6", (2, 3, 6), [1], [2])
    case("k2_s2_p1_on_5_ceil", (2, 3, 5), [2], [2], [1], ceil=True)
    case("k3_s1_overlapping", (2, 3, 5, 7), [3, 3], [1, 1], [1, 1])
    case("kernel_2x5_stride_1x3_padding_0x2", (2, 3, 5, 9), [2, 5], [1, 3], [0, 2])
    case("stride_above_kernel", (2, 3, 8, 9), [2, 1], [3, 4])
    case("stride_above_kernel_padding_ceil", (2, 3, 8, 11), [2, 3], [4, 5], [1, 1], ceil=True)
    case("ceil_overhang_two", (2, 3, 7, 6), [4, 5], [3, 4], ceil=True)
    case("ceil_overhang_two_exclude", (2, 3, 7, 6), [4, 5], [3, 4], [2, 1], ceil=True, include=False)
    case("ceil_kernel_above_input", (2, 3, 2, 4), [3, 6], [2, 3], ceil=True)
    case("kernel_is_input", (2, 3, 4, 5), [4, 5], [1, 1])
    case("kernel_is_padded_input", (2, 3, 4, 5), [6, 7], [1, 2], [1, 1])
    case("kernel_is_padded_input_exclude", (2, 3, 4, 5), [6, 7], [1, 2], [1, 1], include=False)
    case("k2_s2_3d", (2, 3, 4, 5, 6), [2, 2, 2], [2, 2, 2])

    case("divisor_5", (2, 3, 5, 7), [2, 3], [2, 2], divisor=5)
    case("divisor_5_padding_ceil", (2, 3, 6, 8), [3, 3], [2, 2], [1, 1], ceil=True, divisor=5)
    case("divisor_5_padding_exclude", (2, 3, 6, 8), [3, 3], [2, 3], [1, 1], include=False, divisor=5)
    case("divisor_1_is_sum", (2, 3, 5, 7), [2, 3], [2, 2], divisor=1)
    case("divisor_minus_4", (2, 3, 5, 7), [2, 2], [2, 1], divisor=-4)
    case("divisor_minus_3_3d", (2, 2, 3, 4, 5), [2, 2, 2], [1, 2, 2], divisor=-3)

    case("batch_0_1d", (0, 3, 5), [2], [2])
    case("batch_0_2d", (0, 3, 5, 7), [3, 2], [2, 1], [1, 0])
    case("batch_0_3d", (0, 3, 4, 5, 6), [2, 2, 2], [2, 2, 2])

    golden.begin("nan")
    x = torch.randn(2, 3, 7, 8)
    x[0, 0, 0, 0] = x[0, 1, 3, 4] = x[1, 2, 6, 7] = NAN
    avg_pool_case(golden, x, [3, 3], [2, 2], [1, 1])
    golden.begin("nan_3d")
    x = torch.randn(1, 2, 4, 4, 6)
    x[0, 1, 3, 0, 5] = NAN
    avg_pool_case(golden, x, [2, 2, 3], [2, 2, 3])
    golden.begin("inf")
    avg_pool_case(golden, row(1.0, INF, -INF, 2.0, INF, INF, INF, -INF, NAN, INF), [2], [2])


# ---------------------------------------------------------------- nearest interpolation


def interpolate_case(golden, x, size=None, scale_factor=None):
    argument = f"size={size}" if size is not None else f"scale_factor={scale_factor}"
    call = f'y = F.interpolate(x, {argument}, mode="nearest")'
    golden.record(call, {"size": size, "scale_factor": scale_factor}, x=x)


def interpolate(golden):
    def case(name, x_shape, **attributes):
        golden.begin(name)
        interpolate_case(golden, torch.randn(x_shape), **attributes)

    case("size_up", (2, 3, 4, 5), size=[7, 11])
    case("size_down", (2, 3, 9, 11), size=[4, 3])
    case("size_up_and_down", (2, 3, 4, 11), size=[9, 5])
    case("size_same", (2, 3, 4, 5), size=[4, 5])
    case("size_to_1", (2, 3, 4, 5), size=[1, 1])
    case("size_from_1", (2, 3, 1, 1), size=[3, 4])
    case("size_3d", (2, 3, 3, 4, 5), size=[5, 3, 8])
    # Pairs in which the integer formula dst * in / out selects another source than f32; then the same for f64.
    integer_differs = [(2, 82), (26, 22), (39, 33), (45, 87), (52, 22), (58, 54), (75, 65)]
    f64_differs = [(30, 52), (42, 77), (60, 44), (85, 35)]
    for source, target in integer_differs + f64_differs:
        case(f"size_{source}_to_{target}", (1, 2, source), size=[target])
    # Pairs drawn once, at random.
    for source, target in [(13, 37), (53, 31), (71, 90), (88, 17), (29, 64), (97, 96)]:
        case(f"size_{source}_to_{target}", (1, 2, source), size=[target])
    case("size_2d_odd_pairs", (1, 1, 39, 2), size=[33, 82])

    case("digits_x2", (1, 16, 7, 7), scale_factor=[2.0, 2.0])
    case("digits_x3", (1, 16, 7, 7), scale_factor=[3.0, 3.0])
    case("factor_2_1d", (2, 3, 5), scale_factor=[2.0])
    case("factor_3_1d", (2, 3, 5), scale_factor=[3.0])
    case("factor_0_75_on_10", (2, 3, 10), scale_factor=[0.75])
    case("factor_0_5_on_7", (2, 3, 7), scale_factor=[0.5])
    case("factor_1_5", (2, 3, 7), scale_factor=[1.5])
    case("factor_1", (2, 3, 7), scale_factor=[1.0])
    case("factor_120_by_88_on_88", (1, 2, 88), scale_factor=[120 / 88])
    # 1/factor rounded once from f64 differs here from f32 division, from f64 throughout, and from in/out.
    case("factor_2_2_on_28", (1, 2, 28), scale_factor=[2.2])
    case("factor_2_3_on_31", (1, 2, 31), scale_factor=[2.3])
    case("factor_1_1_on_33", (1, 2, 33), scale_factor=[1.1])
    # The sizes floor(in * factor) are 63 and 62 in f64; f32 would make them 62 and 63.
    case("factor_2_1_on_30", (1, 2, 30), scale_factor=[2.1])
    case("factor_0_7_on_90", (1, 2, 90), scale_factor=[0.7])
    case("factors_2x3", (2, 3, 4, 5), scale_factor=[2.0, 3.0])
    case("factors_1_5x0_75", (2, 3, 5, 10), scale_factor=[1.5, 0.75])
    case("factors_0_5x2x1_3_3d", (2, 3, 4, 3, 5), scale_factor=[0.5, 2.0, 1.3])
    # An axis that keeps its extent, or doubles it: the 2-dimensional kernel does not look at the scale, the others do.
    case("factor_1_05_on_10_1d", (1, 2, 10), scale_factor=[1.05])
    case("factor_1_05_on_10_2d", (1, 2, 10, 10), scale_factor=[1.05, 3.0])
    case("factor_1_05_on_10_3d", (1, 2, 2, 2, 10), scale_factor=[1.0, 2.0, 1.05])
    case("factor_2_05_on_10_1d", (1, 2, 10), scale_factor=[2.05])
    case("factor_2_05_on_10_2d", (1, 2, 10, 10), scale_factor=[2.05, 1.0])
    case("factor_2_05_on_10_3d", (1, 2, 2, 2, 10), scale_factor=[1.0, 1.0, 2.05])
    # ... and only where height and width of the output add up to 128 at most.
    for height, factor in [(125, 1.005), (126, 1.005), (62, 2.005), (63, 2.005)]:
        name = f"factor_{factor}_on_{height}_2d".replace(".", "_")
        case(name, (1, 1, height, 3), scale_factor=[factor, 1.0])
    case("factor_2_3d", (1, 2, 2, 3, 4), scale_factor=[2.0, 2.0, 2.0])

    golden.begin("special_values")
    x = torch.cat([torch.tensor([-0.0, 0.0, INF, -INF, DENORMAL, -DENORMAL, F32_MAX]), nans()]).view(1, 2, 2, 3)
    interpolate_case(golden, x, scale_factor=[2.0, 1.5])
    case("batch_0_1d", (0, 3, 5), size=[7])
    case("batch_0_2d", (0, 3, 5, 4), scale_factor=[2.0, 1.5])
    case("batch_0_3d", (0, 3, 2, 3, 4), size=[3, 2, 5])


# ---------------------------------------------------------------- elementwise


def relu(golden):
    def case(x):
        golden.record("y = F.relu(x)", {}, x=x)

    for shape_name, shape in elementwise_shapes().items():
        golden.begin(shape_name)
        case(torch.randn(shape))
    golden.begin("special_values")
    case(special_values())
    golden.begin("nan_kinds")
    case(nans())
    golden.begin("zeros")
    case(torch.tensor([0.0, -0.0] * 9 + [-0.0]))
    golden.begin("half")
    case(torch.randn(2, 3, 5, 7).half())
    golden.begin("half_special_values")
    case(special_values().half())


def sigmoid(golden):
    def case(x):
        golden.record("y = torch.sigmoid(x)", {}, x=x)

    for shape_name, shape in elementwise_shapes().items():
        golden.begin(shape_name)
        case(torch.randn(shape) * 3)
    golden.begin("special_values")
    case(special_values())
    golden.begin("nan_kinds")
    case(nans())
    golden.begin("minus_100_to_100")
    case(torch.linspace(-100, 100, 401))
    golden.begin("uniform_100")
    case(torch.rand(3, 5, 7) * 200 - 100)


def add(golden):
    def case(a, b):
        golden.record("y = a + b", {}, a=a, b=b)

    for shape_name, shape in elementwise_shapes().items():
        golden.begin(shape_name)
        case(torch.randn(shape), torch.randn(shape))
    golden.begin("special_values")
    values = special_values()
    grid = torch.meshgrid(values, values, indexing="ij")
    case(grid[0].contiguous(), grid[1].contiguous())
    golden.begin("nan_kinds")
    case(nans(), torch.tensor([1.0, 0.0, INF, -INF, -0.0]))
    golden.begin("cancellation")
    case(torch.tensor([1e8, 1.0, 16777216.0, 0.1, -F32_MAX]), torch.tensor([-1e8, -1.0, 1.0, 0.2, F32_MAX]))
    golden.begin("half")
    case(torch.randn(2, 3, 5, 7).half(), torch.randn(2, 3, 5, 7).half())
    golden.begin("half_overflow")
    case(torch.tensor([65504.0, 65504.0, -65504.0]).half(), torch.tensor([16.0, 15.0, -16.0]).half())


def elementwise_shapes():
    """Lengths on both sides of a multiple of four and of a workgroup, shapes of rank 0 to 5."""
    lengths = {f"length_{length}": (length,) for length in [0, 1, 2, 3, 4, 5, 7, 63, 64, 65, 255, 257]}
    shapes = {"rank_0": (), "nc": (3, 5), "ncl": (2, 3, 7), "nchw": (2, 3, 5, 7), "ncdhw": (2, 3, 2, 3, 5)}
    return {**lengths, **shapes, "batch_0": (0, 3, 5, 7)}


def special_values():
    """Both signs of zero, of infinity, of the smallest and largest of normals and denormals, and NaN: 21 values."""
    smallest_normal = torch.finfo(torch.float32).tiny
    positive = [0.0, 1e-45, DENORMAL, smallest_normal, 1e-8, 1.0, 3.5, 88.0, F32_MAX, INF]
    return torch.tensor([sign * value for value in positive for sign in (1.0, -1.0)] + [NAN])


def cast(golden):
    def case(name, x, dtype):
        golden.begin(name)
        x = x() if callable(x) else x
        golden.record(f"y = x.to(torch.{dtype})", {"dtype": dtype}, x=x)

    case("narrow_nchw", lambda: torch.randn(2, 3, 5, 7), "float16")
    case("widen_nchw", lambda: torch.randn(2, 3, 5, 7).half(), "float32")
    case("narrow_special_values", special_values(), "float16")
    case("widen_special_values", special_values().half(), "float32")
    case("narrow_nan_kinds", nans(), "float16")
    case("same", lambda: torch.randn(2, 3, 5).half(), "float16")
    # The middles between neighbours, and the f32 next to them: subnormal numbers, around 1, and below infinity.
    words = torch.tensor([0, 1, 2, 0x3FE, 0x3FF, 0x400, 0x3BFE, 0x3BFF, 0x3C00, 0x3C01, 0x7BFD, 0x7BFE], dtype=torch.int16)
    below, above = words.view(torch.float16).float(), (words + 1).view(torch.float16).float()
    middles = torch.cat([(below + above) / 2, torch.tensor([65520.0])])
    up, down = torch.tensor(INF), torch.tensor(-INF)
    around = torch.cat([torch.nextafter(middles, down), middles, torch.nextafter(middles, up)])
    case("middles", torch.cat([around, -around]), "float16")
    case("every_f16", torch.arange(-32768, 32768, 7).to(torch.int16).view(torch.float16), "float32")


# ---------------------------------------------------------------- image normalisation


def normalize_case(golden, x, mean, std):
    """torchvision's ToTensor (permute, contiguous, to f32, div 255), then Normalize (sub_ mean, div_ std)."""
    permutation = "2, 0, 1" if x.dim() == 3 else "0, 3, 1, 2"
    call = (
        f"mean = torch.tensor({mean}, dtype=torch.float32).view(-1, 1, 1); "
        f"std = torch.tensor({std}, dtype=torch.float32).view(-1, 1, 1); "
        f"y = x.permute({permutation}).contiguous().to(torch.float32).div(255).sub_(mean).div_(std)"
    )
    golden.record(call, {"mean": mean, "std": std}, x=x)


def normalize(golden):
    def case(name, x_shape, mean, std):
        golden.begin(name)
        normalize_case(golden, torch.randint(0, 256, x_shape, dtype=torch.uint8), mean, std)

    golden.begin("all_bytes")
    channels = [torch.randperm(256).to(torch.uint8).view(8, 32) for _ in range(3)]
    normalize_case(golden, torch.stack(channels, dim=2), IMAGENET_MEAN, IMAGENET_STD)
    case("imagenet", (5, 7, 3), IMAGENET_MEAN, IMAGENET_STD)
    case("imagenet_batch", (2, 6, 9, 3), IMAGENET_MEAN, IMAGENET_STD)
    case("imagenet_width_1", (7, 1, 3), IMAGENET_MEAN, IMAGENET_STD)
    case("one_channel", (9, 7, 1), [0.1307], [0.3081])
    case("one_channel_batch", (3, 5, 3, 1), [0.5], [0.5])
    case("four_channels", (4, 5, 4), [0.1, 0.2, 0.3, 0.4], [0.9, 0.7, 0.5, 0.3])
    case("four_channels_batch", (2, 3, 7, 4), [0.1, 0.2, 0.3, 0.4], [0.9, 0.7, 0.5, 0.3])
    case("mean_0_std_1", (3, 5, 3), [0.0, 0.0, 0.0], [1.0, 1.0, 1.0])
    case("one_pixel", (1, 1, 3), IMAGENET_MEAN, IMAGENET_STD)
    case("batch_0", (0, 3, 5, 3), IMAGENET_MEAN, IMAGENET_STD)


# ---------------------------------------------------------------- convolution and what follows it


def concat(golden):
    def case(name, *shapes, dtype=torch.float32):
        golden.begin(name)
        tensors = {f"x{index}": torch.randn(shape).to(dtype) for index, shape in enumerate(shapes)}
        golden.record(f"y = torch.cat([{', '.join(tensors)}], dim=1)", {}, **tensors)

    case("nchw", (2, 3, 5, 7), (2, 4, 5, 7))
    case("half", (2, 3, 5, 7), (2, 2, 5, 7), dtype=torch.float16)
    case("three_ncl", (2, 3, 5), (2, 1, 5), (2, 4, 5))
    case("ncdhw", (2, 1, 2, 3, 4), (2, 2, 2, 3, 4))
    case("vectors", (5, 2), (5, 9))
    case("no_channels", (2, 0, 3), (2, 4, 3))
    case("batch_0", (0, 2, 3), (0, 1, 3))
    golden.begin("special_values")
    golden.record("y = torch.cat([x0, x1], dim=1)", {}, x0=special_values().view(1, -1), x1=nans().view(1, -1))


def unit(golden):
    """A 3x3 convolution, then batch norm (running statistics), max pool and ReLU in each of the six orders."""
    steps = {
        "batch_norm": "h = F.batch_norm(h, running_mean, running_var, bn_weight, bn_bias, training=False, eps=1e-05)",
        "max_pool": "h = F.max_pool2d(h, [2, 2], [2, 2])",
        "relu": "h = F.relu(h)",
    }
    orders = [
        ["batch_norm", "max_pool", "relu"],
        ["batch_norm", "relu", "max_pool"],
        ["max_pool", "batch_norm", "relu"],
        ["max_pool", "relu", "batch_norm"],
        ["relu", "batch_norm", "max_pool"],
        ["relu", "max_pool", "batch_norm"],
    ]
    for order in orders:
        golden.begin("_then_".join(order))
        call = ["h = F.conv2d(x, weight, bias, padding=[1, 1])"] + [steps[step] for step in order] + ["y = h"]
        golden.record(
            "; ".join(call),
            {"order": order, "eps": 1e-5},
            x=torch.randn(2, 3, 9, 10),
            weight=torch.randn(5, 3, 3, 3),
            bias=torch.randn(5),
            # Both signs: a negative weight does not commute with the maximum.
            bn_weight=torch.tensor([1.0, -1.0, 1.0, -1.0, -1.0]) * (torch.rand(5) + 0.5),
            bn_bias=torch.randn(5),
            running_mean=torch.randn(5),
            running_var=torch.rand(5) + 0.5,
        )


# ---------------------------------------------------------------- main

LAYERS = [conv, batch_norm, max_pool, avg_pool, interpolate, relu, sigmoid, add, cast, concat, normalize, unit]


def main():
    torch.set_grad_enabled(False)
    torch.set_num_threads(1)
    # padding="same" with an even kernel warns that it copies its input; that copy is what the case is about.
    warnings.filterwarnings("ignore", message="Using padding='same'")
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).resolve().parent
    folder.mkdir(parents=True, exist_ok=True)
    total = 0
    wanted = sys.argv[2:] or [layer.__name__ for layer in LAYERS]
    for layer in LAYERS:
        if layer.__name__ not in wanted:
            continue
        golden = Golden(layer.__name__)
        layer(golden)
        path = folder / f"{golden.op}.safetensors"
        save(golden, path)
        size = path.stat().st_size
        total += size
        print(f"{golden.op:12} {verify(path):4} cases {size:8} bytes")
        assert size <= 150_000, f"{path.name} is too large"
    print(f"{'total':12} {'':10} {total:8} bytes")
    assert total <= 800_000, "the folder is too large"


if __name__ == "__main__":
    main()
