// Runs a CUDA kernel on the CPU: every thread of a block is a fibre, barriers switch between them.
#pragma once

#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#if !defined(__x86_64__)
#include <ucontext.h>
#endif

#define __global__
#define __device__
#define __forceinline__ inline
#define __shared__ static
#define __launch_bounds__(threads)

struct Dim { unsigned x, y, z; };
struct float4 { float x, y, z, w; };
struct uint4 { uint32_t x, y, z, w; };
static Dim threadIdx, blockIdx, blockDim, gridDim;

static inline int atomicAdd(int* to, int value) {
  int before = *to;
  *to += value;
  return before;
}
static inline float __fmul_rn(float a, float b) { return a * b; }
static inline float __fadd_rn(float a, float b) { return a + b; }
static inline float __fdiv_rn(float a, float b) { return a / b; }

static inline float decodeHalf(uint32_t h) {
  uint32_t sign = (h & 0x8000u) << 16, exponent = h >> 10 & 31, mantissa = h & 0x3ff, bits;
  float f;
  if (exponent == 0) {
    f = (float)mantissa * 0x1p-24f;
    return sign ? -f : f;
  }
  bits = exponent == 31 ? sign | 0x7f800000u | mantissa << 13 : sign | (exponent + 112) << 23 | mantissa << 13;
  memcpy(&f, &bits, 4);
  return f;
}

struct Halves {
  float number[1 << 16];
  Halves() {
    for (uint32_t h = 0; h < 1 << 16; h++) number[h] = decodeHalf(h);
  }
};
static const Halves allHalves;
static inline float emulatedHalfToFloat(uint32_t h) { return allHalves.number[h & 0xffff]; }

static inline uint32_t emulatedFloatToHalf(float f) {
  uint32_t bits;
  memcpy(&bits, &f, 4);
  uint32_t sign = bits >> 16 & 0x8000u;
  bits &= 0x7fffffffu;
  if (bits > 0x7f800000u) return sign | 0x7e00u | (bits >> 13 & 0x3ff);
  if (bits >= 0x47800000u) return sign | 0x7c00u;
  if (bits < 0x38800000u) {  // subnormal: a multiple of 2^-24, ties to even
    float a;
    memcpy(&a, &bits, 4);
    return sign | (uint32_t)nearbyintf(a * 0x1p24f);
  }
  uint32_t half = (bits - 0x38000000u) >> 13, rest = bits & 0x1fff;
  half += rest > 0x1000u || (rest == 0x1000u && (half & 1));
  return sign | half;
}

static inline float emulatedBf16ToFloat(uint32_t bits) {
  float f;
  bits <<= 16;
  memcpy(&f, &bits, 4);
  return f;
}

namespace fibres {

enum State { READY, AT_WARP, AT_BLOCK, DONE };

const int MOST = 1024;
const size_t STACK = 64 << 10;

struct Fibre {
#if defined(__x86_64__)
  void* stack;
#else
  ucontext_t context;
#endif
  State state;
  unsigned phase;
};

static Fibre fibre[MOST];
static char* stacks;
static int current;
static void (*body)(void*);
static void* argument;
static uint32_t exchanged[MOST / 32][2][32];
static float fragments[MOST / 32][2][32][12];

// The shared memory that a launch asked for, up against memory that cannot be reached.
const size_t SHARED = 1 << 20;
static char* sharedEnd;
static size_t sharedBytes;

static unsigned char* dynamicShared() { return (unsigned char*)sharedEnd - sharedBytes; }

static void shareBytes(size_t bytes) {
  if (!sharedEnd) {
    char* low = (char*)mmap(nullptr, SHARED + 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    mprotect(low, SHARED, PROT_READ | PROT_WRITE);
    sharedEnd = low + SHARED;
  }
  sharedBytes = (bytes + 15) / 16 * 16;
  memset(sharedEnd - sharedBytes, 0xa5, sharedBytes);
}

#if defined(__x86_64__)
static void* scheduler;
extern "C" void stowage_switch(void** from, void* to);
__asm__(
    ".text\n.globl stowage_switch\n.hidden stowage_switch\n.type stowage_switch,@function\n"
    "stowage_switch:\n"
    "  push %rbp\n  push %rbx\n  push %r12\n  push %r13\n  push %r14\n  push %r15\n"
    "  mov %rsp, (%rdi)\n  mov %rsi, %rsp\n"
    "  pop %r15\n  pop %r14\n  pop %r13\n  pop %r12\n  pop %rbx\n  pop %rbp\n  ret\n"
    ".size stowage_switch,.-stowage_switch\n");
static void leave() { stowage_switch(&fibre[current].stack, scheduler); }
#else
static ucontext_t scheduler;
static void leave() { swapcontext(&fibre[current].context, &scheduler); }
#endif

static void begin() {
  body(argument);
  fibre[current].state = DONE;
  leave();
  abort();
}

static void prepare(int t) {
  char* low = stacks + STACK * t;
  fibre[t].state = READY;
  fibre[t].phase = 0;
#if defined(__x86_64__)
  void** top = (void**)(low + STACK);
  *--top = nullptr;  // aligns the stack as a call would
  *--top = (void*)begin;
  top -= 6;
  memset(top, 0, 6 * sizeof(void*));
  fibre[t].stack = top;
#else
  getcontext(&fibre[t].context);
  fibre[t].context.uc_stack.ss_sp = low;
  fibre[t].context.uc_stack.ss_size = STACK;
  fibre[t].context.uc_link = nullptr;
  makecontext(&fibre[t].context, (void (*)())begin, 0);
#endif
}

static void resume(int t) {
  current = t;
  threadIdx = Dim{(unsigned)t, 0, 0};
#if defined(__x86_64__)
  stowage_switch(&scheduler, fibre[t].stack);
#else
  swapcontext(&scheduler, &fibre[t].context);
#endif
}

// Runs the threads of a warp until each waits for the block or is done.
static void runWarp(int from, int to) {
  while (true) {
    bool waits = false;
    for (int t = from; t < to; t++) {
      if (fibre[t].state == READY) resume(t);
      waits |= fibre[t].state == AT_WARP;
    }
    if (!waits) return;
    for (int t = from; t < to; t++) {
      if (fibre[t].state == AT_WARP) fibre[t].state = READY;
    }
  }
}

static void runBlock(int threads) {
  for (int t = 0; t < threads; t++) prepare(t);
  while (true) {
    bool waits = false;
    for (int t = 0; t < threads; t += 32) runWarp(t, t + 32 < threads ? t + 32 : threads);
    for (int t = 0; t < threads; t++) {
      if (fibre[t].state == AT_BLOCK) {
        fibre[t].state = READY;
        waits = true;
      }
    }
    if (!waits) return;
  }
}

static void launch(Dim grid, unsigned threads, void (*kernel)(void*), void* args) {
  if (!stacks) stacks = (char*)mmap(nullptr, STACK * MOST, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  body = kernel;
  argument = args;
  gridDim = grid;
  blockDim = Dim{threads, 1, 1};
  for (unsigned y = 0; y < grid.y; y++) {
    for (unsigned x = 0; x < grid.x; x++) {
      blockIdx = Dim{x, y, 0};
      runBlock((int)threads);
    }
  }
}

}  // namespace fibres

static inline void __syncthreads() {
  fibres::fibre[fibres::current].state = fibres::AT_BLOCK;
  fibres::leave();
}

// What a thread writes in one phase is read before it can write there again, two phases later.
static inline float __shfl_sync(unsigned, float value, int lane) {
  int t = fibres::current;
  unsigned phase = fibres::fibre[t].phase++ & 1;
  memcpy(&fibres::exchanged[t / 32][phase][t % 32], &value, 4);
  fibres::fibre[t].state = fibres::AT_WARP;
  fibres::leave();
  memcpy(&value, &fibres::exchanged[t / 32][phase][lane], 4);
  return value;
}

static inline float __shfl_xor_sync(unsigned all, float value, int lanes) {
  return __shfl_sync(all, value, fibres::current % 32 ^ lanes);
}

// c += A B over a warp's fragments of m16n8k16; the numbers of 16 bits as the type says.
template <float (*toFloat)(uint32_t)>
static inline void emulatedMma(float* c, const uint32_t* a, const uint32_t* b) {
  int t = fibres::current, lane = t % 32;
  unsigned phase = fibres::fibre[t].phase++ & 1;
  float(*all)[12] = fibres::fragments[t / 32][phase];
  for (int i = 0; i < 4; i++) {
    all[lane][2 * i] = toFloat(a[i] & 0xffff);
    all[lane][2 * i + 1] = toFloat(a[i] >> 16);
  }
  for (int i = 0; i < 2; i++) {
    all[lane][8 + 2 * i] = toFloat(b[i] & 0xffff);
    all[lane][8 + 2 * i + 1] = toFloat(b[i] >> 16);
  }
  fibres::fibre[t].state = fibres::AT_WARP;
  fibres::leave();
  for (int e = 0; e < 4; e++) {
    int row = e / 2, column = lane % 4 * 2 + e % 2;  // of A: lane / 4, or eight below
    float sum = c[e];
    for (int half = 0; half < 2; half++) {
      for (int u = 0; u < 4; u++) {
        const float* x = all[lane / 4 * 4 + u] + 4 * half + 2 * row;
        const float* y = all[column * 4 + u] + 8 + 2 * half;
        sum += x[0] * y[0] + x[1] * y[1];
      }
    }
    c[e] = sum;
  }
}

// c += A B over a warp's fragments of m16n8k8, of numbers cut after eleven bits.
static inline void emulatedMmaTf32(float* c, const float* a, const float* b) {
  int t = fibres::current, lane = t % 32;
  unsigned phase = fibres::fibre[t].phase++ & 1;
  float(*all)[12] = fibres::fragments[t / 32][phase];
  for (int i = 0; i < 6; i++) {
    uint32_t bits;
    memcpy(&bits, i < 4 ? a + i : b + i - 4, 4);
    bits &= 0xffffe000u;
    memcpy(&all[lane][i], &bits, 4);
  }
  fibres::fibre[t].state = fibres::AT_WARP;
  fibres::leave();
  for (int e = 0; e < 4; e++) {
    int row = e / 2, column = lane % 4 * 2 + e % 2;  // of A: lane / 4, or eight below
    float sum = c[e];
    for (int half = 0; half < 2; half++) {
      for (int u = 0; u < 4; u++) sum += all[lane / 4 * 4 + u][2 * half + row] * all[column * 4 + u][4 + half];
    }
    c[e] = sum;
  }
}
