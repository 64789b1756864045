#!/bin/sh
# Compiles the kernels into the fat binary that the jar carries, and records what it was made of.
# Code for 8.0 runs on all of Ampere. Needs nvcc 13.0; run it after every change of a .cu or .cuh file.
set -eu
cd "$(dirname "$0")"
out=../resources/dev/stowage/gpu
options="-O3 -std=c++17"
if [ "${1:-}" != --ptx ]; then
  nvcc $options --threads 0 --fatbin -Xfatbin -compress-all \
    -gencode arch=compute_75,code=compute_75 \
    -gencode arch=compute_80,code=sm_80 \
    -gencode arch=compute_89,code=sm_89 -gencode arch=compute_90,code=sm_90 \
    kernels.cu -o "$out/kernels.fatbin"
fi
ptx=$(nvcc $options --ptx -arch=compute_75 kernels.cu -o - | grep -v '^//' | sha256sum | cut -d' ' -f1)
if [ "${1:-}" = --ptx ]; then
  echo "ptx $ptx"
else
  {
    echo "sources $(cat ./*.cuh kernels.cu | sha256sum | cut -d' ' -f1)"
    echo "ptx $ptx"
    echo "binary $(sha256sum < "$out/kernels.fatbin" | cut -d' ' -f1)"
  } > "$out/kernels.sha256"
fi
