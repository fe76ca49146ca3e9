#!/bin/sh
# The whole test suite, from a fresh machine: sets up a software Vulkan driver if there is no adapter, or only GL's, then
# runs unit tests, PyTorch's golden vectors, every case on every adapter and backend (of those of `bench` some on GL), doc tests,
# and random cases.
set -eu
cd "$(dirname "$0")/.."

# Mesa's libraries complain about its absence on every start.
export XDG_RUNTIME_DIR="${XDG_RUNTIME_DIR:-${TMPDIR:-/tmp}}"

# With what the tests need of the same dependencies, which are built once then.
cargo build --release --locked --bins --tests
wgcnn=target/release/wgcnn
backends() {
    "$wgcnn" devices --json 2>/dev/null | sed -n 's/.*"backend": "\(.*\)".*/\1/p' | sort -u
}

# GL alone is not enough: many machines have Mesa's GL without its Vulkan, and Vulkan is what most users run.
if ! backends | grep -qvx Gl; then
    echo "no adapter but GL: installing Mesa's software Vulkan driver"
    if [ "$(id -u)" = 0 ]; then sudo=""; else sudo="sudo -n"; fi
    if command -v apt-get >/dev/null && $sudo true 2>/dev/null; then
        $sudo apt-get update -qq
        $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
            mesa-vulkan-drivers libvulkan1 libegl1 libgles2 libgl1-mesa-dri libegl-mesa0 >/dev/null
    else
        echo "no right to install it here: install mesa-vulkan-drivers, or a GPU driver" >&2
    fi
fi
# Fails if there is still no adapter.
"$wgcnn" devices

export REQUIRE_GPU=1
cargo test --locked --release
# Each backend that is there: the named cases have run.
for backend in $(backends); do
    "$wgcnn" check --random 200 --no-named --backend "$backend"
done
