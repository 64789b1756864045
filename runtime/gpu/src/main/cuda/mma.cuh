// What tensor cores and asynchronous copies do, for a warp: the instruction on a GPU that has it, the
// same arithmetic by other means elsewhere.
//
// Fragments are those of mma.m16n8k16 (PTX ISA, "Matrix Fragments for mma.m16n8k16"): with g = lane / 4 and
// t = lane % 4, a lane holds A's rows g and g + 8, B's column g, and of C the rows g and g + 8 in the columns
// 2t and 2t + 1. Which k a lane's numbers stand for is free, as long as A and B agree: here a lane takes
// eight neighbouring numbers of every 32, so that a fragment is loaded with one access of 16 bytes.
#pragma once

#include "numbers.cuh"

#define ALL 0xffffffffu

// c += A B for a warp, F16 numbers, F32 sums.
__device__ __forceinline__ void mmaF16(float* c, const uint32_t* a, const uint32_t* b) {
#ifdef STOWAGE_EMULATED
  emulatedMma<emulatedHalfToFloat>(c, a, b);
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
#pragma unroll
  for (int half = 0; half < 2; half++) {
    asm volatile(
        "mma.sync.aligned.m16n8k8.row.col.f32.f16.f16.f32 {%0,%1,%2,%3}, {%4,%5}, {%6}, {%0,%1,%2,%3};"
        : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
        : "r"(a[2 * half]), "r"(a[2 * half + 1]), "r"(b[half]));
  }
#endif
}

// Likewise for BF16 numbers, which GPUs before compute capability 8.0 do not multiply.
__device__ __forceinline__ void mmaBf16(float* c, const uint32_t* a, const uint32_t* b) {
#ifdef STOWAGE_EMULATED
  emulatedMma<emulatedBf16ToFloat>(c, a, b);
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
#else
  __trap();
#endif
}

// c += A B for a warp, m16n8k8: F32 numbers of which the first eleven bits are taken (TF32), F32 sums. A lane
// holds A's rows g and g + 8 at the numbers t, then t + 4 of k, and B's column g at t and t + 4; C as above.
__device__ __forceinline__ void mmaTf32(float* c, const float* a, const float* b) {
#ifdef STOWAGE_EMULATED
  emulatedMmaTf32(c, a, b);
#elif __CUDA_ARCH__ >= 800
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, {%0,%1,%2,%3};"
      : "+f"(c[0]), "+f"(c[1]), "+f"(c[2]), "+f"(c[3])
      : "r"(__float_as_uint(a[0])), "r"(__float_as_uint(a[1])), "r"(__float_as_uint(a[2])), "r"(__float_as_uint(a[3])),
        "r"(__float_as_uint(b[0])), "r"(__float_as_uint(b[1])));
#else
  __trap();
#endif
}

// Copies 16 bytes to shared memory, done after copiesDone; both ends lie at multiples of 16.
__device__ __forceinline__ void copy16(void* shared, const void* global) {
#if !defined(STOWAGE_EMULATED) && __CUDA_ARCH__ >= 800
  unsigned to = (unsigned)__cvta_generic_to_shared(shared);
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(global) : "memory");
#else
  *(uint4*)shared = *(const uint4*)global;
#endif
}

// Waits for this thread's copies; other threads see them after __syncthreads.
__device__ __forceinline__ void copiesDone() {
#if !defined(STOWAGE_EMULATED) && __CUDA_ARCH__ >= 800
  asm volatile("cp.async.wait_all;" ::: "memory");
#endif
}

// Bytes 2 pair and 2 pair + 1 of four codes as the F16 numbers code - (bias - 1024), exactly; bias as F16 twice.
__device__ __forceinline__ uint32_t codesToHalves(uint32_t codes, int pair, uint32_t bias) {
#ifdef STOWAGE_EMULATED
  uint32_t two = codes >> 16 * pair;
  float off = emulatedHalfToFloat(bias & 0xffff) - 1024.0f;
  return emulatedFloatToHalf((float)(two & 255) - off) | emulatedFloatToHalf((float)(two >> 8 & 255) - off) << 16;
#else
  uint32_t biased = __byte_perm(codes, 0x64646464u, pair == 0 ? 0x4140 : 0x4342);
  __half2 number = __hsub2(*(__half2*)&biased, *(__half2*)&bias);
  return *(uint32_t*)&number;
#endif
}

#ifdef STOWAGE_EMULATED
#define DYNAMIC_SHARED(name) unsigned char* name = fibres::dynamicShared()
#else
#define DYNAMIC_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
#endif
