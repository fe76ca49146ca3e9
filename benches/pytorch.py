"""Times the layers of `wgcnn bench` with PyTorch, under the names of its rows.

    python benches/pytorch.py [cpu|cuda] [REPEATS]

Prints a row's name and milliseconds: the median of 21 calls behind 0.3 s to warm up, by the host's clock; with REPEATS, the least
and the most of so many rounds through all rows. f32, without TF32; PyTorch takes the threads that it finds.
"""

import statistics
import sys
import time

import torch
import torch.nn.functional as F

WARM_UP = 0.3  # seconds

SHAPES = {
    "large": (8, 64, 112, 112),
    "odd": (4, 19, 75, 113),
    "picture": (1, 3, 300, 451),
    "tiny_planes": (64, 512, 7, 7),
    "few_channels": (20, 6, 65536),
    "many_channels": (128, 2048, 4, 4),
}


def layers(name, shape, device):
    """Names of rows, and what each of them computes of an input of this shape."""
    channels, of_batch_norm_alone = shape[1], name.endswith("_channels")
    x = torch.randn(shape, device=device)
    mean, variance, weight, bias = (torch.rand(channels, device=device) + 0.5 for _ in range(4))
    yield f"batch_norm/{name}_eval", lambda: F.batch_norm(x, mean, variance, weight, bias)
    yield f"batch_norm/{name}_train", lambda: F.batch_norm(x, mean, variance, weight, bias, training=True)
    if of_batch_norm_alone:
        return
    yield f"max_pool/{name}_2x2", lambda: F.max_pool2d(x, 2)
    yield f"max_pool/{name}_3x3", lambda: F.max_pool2d(x, 3, 2, 1)
    yield f"avg_pool/{name}_2x2", lambda: F.avg_pool2d(x, 2)
    yield f"avg_pool/{name}_3x3", lambda: F.avg_pool2d(x, 3, 2, 1)
    yield f"interpolate/{name}_x2", lambda: F.interpolate(x, scale_factor=2, mode="nearest")
    if name == "large":
        pictures = torch.randn(8, 3, 224, 224, device=device)
        shapes = [(64, 64, 3, 3), (64, 64, 1, 1), (64, 1, 3, 3), (64, 1, 5, 5), (64, 3, 7, 7)]
        square, pointwise, each, wide, first = (torch.randn(shape, device=device) * 0.05 for shape in shapes)
        yield "conv/large_3x3", lambda: F.conv2d(x, square, bias, padding=1)
        yield "conv/large_pointwise", lambda: F.conv2d(x, pointwise, bias)
        yield "conv/large_depthwise", lambda: F.conv2d(x, each, bias, padding=1, groups=64)
        yield "conv/large_depthwise_5x5", lambda: F.conv2d(x, wide, bias, padding=2, groups=64)
        yield "conv/large_first_layer", lambda: F.conv2d(pictures, first, bias, stride=2, padding=3)


def median_ms(layer, device):
    def call():
        layer()
        if device == "cuda":
            torch.cuda.synchronize()

    begin = time.perf_counter()
    while time.perf_counter() - begin < WARM_UP:
        call()
    times = []
    for _ in range(21):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def main():
    device = sys.argv[1] if len(sys.argv) > 1 else "cpu"
    repeats = int(sys.argv[2]) if len(sys.argv) > 2 else 1
    torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.benchmark = True
    rows = {}
    with torch.no_grad():
        for _ in range(repeats):
            for name, shape in SHAPES.items():
                for row, layer in layers(name, shape, device):
                    rows.setdefault(row, []).append(median_ms(layer, device))
    print(f"PyTorch {torch.__version__}, {device}, {torch.get_num_threads()} threads")
    for row, times in rows.items():
        print(f"{row:<32}{min(times):.4f} to {max(times):.4f}")


if __name__ == "__main__":
    main()
