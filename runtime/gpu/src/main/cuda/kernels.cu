// The operations of dev.stowage.runtime.kernel.Kernels on a GPU's memory: same names, same formulas.
//
// Every kernel takes one Args: pointers p, integers n, floats f, in the order its comment names them.
// Strides are bytes. F32 operands lie at multiples of four bytes, everything else at any byte.
#include "mma.cuh"

struct Args {
  unsigned long long p[8];
  long long n[16];
  float f[4];
};

#define WARPS 4
#define THREADS (32 * WARPS)
#define KERNEL extern "C" __global__ void

__device__ __forceinline__ float warpSum(float value) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(ALL, value, offset);
  return value;
}

// The sum over a block of THREADS, for every thread.
__device__ __forceinline__ float blockSum(float value) {
  __shared__ float sums[WARPS];
  value = warpSum(value);
  __syncthreads();
  if ((threadIdx.x & 31) == 0) sums[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0;
  for (int w = 0; w < WARPS; w++) sum += sums[w];
  return sum;
}

__device__ __forceinline__ float* floats(unsigned long long base, long long offset) {
  return (float*)(base + offset);
}

// -- linear layers: p x, w, bias or 0, out; n xStride, outStride, rows, k, columns, rowBytes
//
// For types and GPUs without tensor products. A warp takes one output column for ROWS rows, so that a weight is read once for all of them. Lane j
// takes numbers 8j .. 8j + 7 of every 256: the order of a sum is fixed by k alone.

template <class T, int ROWS>
__device__ __forceinline__ void matmul(const Args& a) {
  int lane = threadIdx.x & 31;
  long long column = (long long)blockIdx.x * WARPS + threadIdx.x / 32;
  int k = (int)a.n[3];
  if (column >= a.n[4]) return;
  Bytes row = (Bytes)a.p[1] + column * a.n[5];
  long long first = (long long)blockIdx.y * ROWS;
  int rows = a.n[2] - first < ROWS ? (int)(a.n[2] - first) : ROWS;
  const float* x = floats(a.p[0], first * a.n[0]);
  long long stride = a.n[0] / 4;
  bool aligned = ((uintptr_t)x & 15) == 0 && (stride & 3) == 0;
  float sums[ROWS];
#pragma unroll
  for (int r = 0; r < ROWS; r++) sums[r] = 0;
  for (int i = 8 * lane; i < k; i += 256) {
    int n = k - i < 8 ? k - i : 8;
    float w[8];
    if (n == 8) {
      T::get8(row, k, i, w);
    } else {
#pragma unroll
      for (int j = 0; j < 8; j++) w[j] = j < n ? T::get(row, k, i + j) : 0;
    }
#pragma unroll
    for (int r = 0; r < ROWS; r++) {
      if (r < rows) {
        const float* from = x + r * stride + i;
        if (aligned && n == 8) {
          float4 u = ((const float4*)from)[0];
          float4 v = ((const float4*)from)[1];
          float s = sums[r];
          s = fmaf(u.x, w[0], s); s = fmaf(u.y, w[1], s); s = fmaf(u.z, w[2], s); s = fmaf(u.w, w[3], s);
          s = fmaf(v.x, w[4], s); s = fmaf(v.y, w[5], s); s = fmaf(v.z, w[6], s); s = fmaf(v.w, w[7], s);
          sums[r] = s;
        } else {
#pragma unroll
          for (int j = 0; j < 8; j++) {
            if (j < n) sums[r] = fmaf(from[j], w[j], sums[r]);
          }
        }
      }
    }
  }
#pragma unroll
  for (int r = 0; r < ROWS; r++) {
    if (r < rows) {
      float sum = warpSum(sums[r]);
      if (lane == 0) {
        if (a.p[2] != 0) sum += *floats(a.p[2], 4 * column);
        *floats(a.p[3], (first + r) * a.n[1] + 4 * column) = sum;
      }
    }
  }
}

#define MATMUL(name, type)                                  \
  KERNEL matmul_##name##_1(Args a) { matmul<type, 1>(a); }  \
  KERNEL matmul_##name##_8(Args a) { matmul<type, 8>(a); }
MATMUL(f32, F32)
MATMUL(bf16, BF16)
MATMUL(q4_k, Q4_K)
MATMUL(q6_k, Q6_K)

// Types whose products tensor cores take.
#include "products.cuh"

// -- rows

// p x, ids (int[rows]) or 0, out; n type, xStride, outStride, rows, width, add
KERNEL widen(Args a) {
  long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  int width = (int)a.n[4];
  long long r = at / width;
  int i = (int)(at % width);
  if (r >= a.n[3]) return;
  long long row = a.p[1] != 0 ? ((const int*)a.p[1])[r] : r;
  float value = getNumber((int)a.n[0], (Bytes)a.p[0] + row * a.n[1], width, i);
  float* out = floats(a.p[2], r * a.n[2] + 4LL * i);
  *out = a.n[5] != 0 ? *out + value : value;
}

// p x, out, places (long long[rows], byte offsets) or 0; n type, xStride, xHeadStride, outStride, outHeadStride, rows, heads, width
//
// Rows of `heads` parts each. A thread takes a number, or a group of 64 where the type has groups.
KERNEL narrow(Args a) {
  int type = (int)a.n[0];
  int width = (int)a.n[7];
  int units = type >= 3 ? (width + 63) / 64 : width;
  long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  int unit = (int)(at % units);
  long long head = at / units % a.n[6];
  long long r = at / units / a.n[6];
  if (r >= a.n[5]) return;
  const float* x = floats(a.p[0], r * a.n[1] + head * a.n[2]);
  long long place = a.p[2] != 0 ? ((const long long*)a.p[2])[r] : r * a.n[3];
  if (place < 0) return;  // the row is stored elsewhere
  unsigned char* out = (unsigned char*)a.p[1] + place + head * a.n[4];
  if (type >= 3) {
    int n = width - 64 * unit < 64 ? width - 64 * unit : 64;
    encodeGroup(x + 64 * unit, n, type == 3 ? 255 : 15, out + (long long)unit * (type == 3 ? 68 : 36));
  } else if (type == 0) {
    uint32_t bits = floatToBits(x[unit]);
    unsigned char* to = out + 4LL * unit;
    if (((uintptr_t)to & 3) == 0) {
      *(uint32_t*)to = bits;
    } else {
      storeByteOrder16(to, bits & 0xffff);
      storeByteOrder16(to + 2, bits >> 16);
    }
  } else {
    storeByteOrder16(out + 2LL * unit, type == 1 ? floatToHalf(x[unit]) : floatToBf16(x[unit]));
  }
}

// -- norms: a block takes a row, or one group of it

// p x, weight, bias, out; n xStride, outStride, width; f eps
KERNEL layer_norm(Args a) {
  int width = (int)a.n[2];
  const float* x = floats(a.p[0], blockIdx.x * a.n[0]);
  float* out = floats(a.p[3], blockIdx.x * a.n[1]);
  const float* weight = floats(a.p[1], 0);
  const float* bias = floats(a.p[2], 0);
  float sum = 0;
  for (int i = threadIdx.x; i < width; i += THREADS) sum += x[i];
  float mean = blockSum(sum) / width;
  float squares = 0;
  for (int i = threadIdx.x; i < width; i += THREADS) squares = fmaf(x[i] - mean, x[i] - mean, squares);
  float inverse = 1.0f / sqrtf(blockSum(squares) / width + a.f[0]);
  for (int i = threadIdx.x; i < width; i += THREADS) out[i] = fmaf((x[i] - mean) * inverse, weight[i], bias[i]);
}

// p x, weight, out; n xStride, outStride, groups, width; f eps
KERNEL rms_norm(Args a) {
  int width = (int)a.n[3];
  long long row = blockIdx.x / a.n[2];
  long long group = blockIdx.x % a.n[2];
  const float* x = floats(a.p[0], row * a.n[0] + 4 * group * width);
  float* out = floats(a.p[2], row * a.n[1] + 4 * group * width);
  const float* weight = floats(a.p[1], 0);
  float squares = 0;
  for (int i = threadIdx.x; i < width; i += THREADS) squares = fmaf(x[i], x[i], squares);
  float inverse = 1.0f / sqrtf(blockSum(squares) / width + a.f[0]);
  for (int i = threadIdx.x; i < width; i += THREADS) out[i] = x[i] * inverse * weight[i];
}

// -- number by number: p x, y; n xStride, yStride, rows, width

#define EACH_ALONE(name, expression)                                             \
  KERNEL name(Args a) {                                                          \
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;             \
    long long r = at / a.n[3], i = at % a.n[3];                                  \
    if (r >= a.n[2]) return;                                                     \
    float* to = floats(a.p[0], r * a.n[0] + 4 * i);                              \
    float x = *to;                                                               \
    *to = expression;                                                            \
  }
#define EACH_WITH(name, expression)                                              \
  KERNEL name(Args a) {                                                          \
    long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;             \
    long long r = at / a.n[3], i = at % a.n[3];                                  \
    if (r >= a.n[2]) return;                                                     \
    float* to = floats(a.p[0], r * a.n[0] + 4 * i);                              \
    float x = *to;                                                               \
    float y = *floats(a.p[1], r * a.n[1] + 4 * i);                               \
    *to = expression;                                                            \
  }

__device__ __forceinline__ float geluTanh(float x) {
  float inner = 0.7978845608028654f * (x + 0.044715f * x * x * x);
  return x / (1.0f + expf(-2.0f * inner));
}

__device__ __forceinline__ float geluErf(float x) {
  return 0.5f * x * erfcf(-x * 0.7071067811865476f);
}

EACH_WITH(add, x + y)
EACH_WITH(silu_multiply, x / (1.0f + expf(-x)) * y)
EACH_ALONE(relu, x > 0 || x != x ? x : 0.0f)
EACH_ALONE(gelu_tanh, geluTanh(x))
EACH_ALONE(gelu_erf, geluErf(x))

// p x, cosines, sines, positions (int[rows]); n xStride, rows, heads, headDim, half, interleaved
KERNEL rope(Args a) {
  long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  long long half = a.n[4];
  long long i = at % half;
  long long head = at / half % a.n[2];
  long long r = at / half / a.n[2];
  if (r >= a.n[1]) return;
  long long angle = ((const int*)a.p[3])[r] * half + i;
  float cosine = *floats(a.p[1], 4 * angle);
  float sine = *floats(a.p[2], 4 * angle);
  float* x = floats(a.p[0], r * a.n[0] + 4 * head * a.n[3]);
  float* low = a.n[5] != 0 ? x + 2 * i : x + i;
  float* high = a.n[5] != 0 ? low + 1 : low + half;
  float u = *low, v = *high;
  *low = u * cosine - v * sine;
  *high = v * cosine + u * sine;
}

// -- attention
//
// p q, k, v, lengths (int[rows]), places (long long[rows], byte offsets into k and v; < 0 for a row that sees nothing) or 0, o, state
// n qStride, tokenStride, headStride, oStride, heads, kvFrom, kvTo, headDim, group; f scale
//
// A block takes a row and up to TILE query heads of one key head; each of its warps takes every
// WARPS-th token with a softmax of its own (Milakov and Gimelshein 2018), and the warps' states are
// merged at the end, in their order. Heads up to 256 wide.

#define TILE 4
#define PARTS 8

template <class T>
__device__ __forceinline__ void attention(const Args& a) {
  __shared__ float sharedO[WARPS][TILE][32 * PARTS];
  __shared__ float sharedM[WARPS][TILE];
  __shared__ float sharedL[WARPS][TILE];
  int lane = threadIdx.x & 31, warp = threadIdx.x / 32;
  long long r = blockIdx.x;
  int group = (int)a.n[8], width = (int)a.n[7];
  int tiles = (group + TILE - 1) / TILE;
  int kvHead = blockIdx.y / tiles;  // counted from kvFrom
  int first = blockIdx.y % tiles * TILE;
  int heads = group - first < TILE ? group - first : TILE;
  long long head = (a.n[5] + kvHead) * group + first;
  int length = ((const int*)a.p[3])[r];
  long long place = a.p[4] != 0 ? ((const long long*)a.p[4])[r] : 0;
  if (place < 0) length = 0;
  Bytes keys = (Bytes)a.p[1] + place + kvHead * a.n[2];
  Bytes values = (Bytes)a.p[2] + place + kvHead * a.n[2];
  float negative = -bitsToFloat(0x7f800000u);
  float q[TILE][PARTS], o[TILE][PARTS], m[TILE], l[TILE];
#pragma unroll
  for (int h = 0; h < TILE; h++) {
    m[h] = negative;
    l[h] = 0;
#pragma unroll
    for (int p = 0; p < PARTS; p++) {
      int d = lane + 32 * p;
      o[h][p] = 0;
      q[h][p] = h < heads && d < width ? *floats(a.p[0], r * a.n[0] + 4 * ((head + h) * width + d)) * a.f[0] : 0;
    }
  }
  for (int t = warp; t < length; t += WARPS) {
    Bytes key = keys + t * a.n[1];
    Bytes value = values + t * a.n[1];
    float scores[TILE];
#pragma unroll
    for (int h = 0; h < TILE; h++) scores[h] = 0;
#pragma unroll
    for (int p = 0; p < PARTS; p++) {
      int d = lane + 32 * p;
      if (d < width) {
        float number = T::get(key, width, d);
#pragma unroll
        for (int h = 0; h < TILE; h++) scores[h] = fmaf(q[h][p], number, scores[h]);
      }
    }
    float share[TILE];
#pragma unroll
    for (int h = 0; h < TILE; h++) {
      share[h] = 0;
      if (h < heads) {
        float s = warpSum(scores[h]);
        float most = s > m[h] ? s : m[h];
        float scaled = m[h] == negative ? 0 : expf(m[h] - most);
        share[h] = expf(s - most);
        m[h] = most;
        l[h] = l[h] * scaled + share[h];
#pragma unroll
        for (int p = 0; p < PARTS; p++) o[h][p] *= scaled;
      }
    }
#pragma unroll
    for (int p = 0; p < PARTS; p++) {
      int d = lane + 32 * p;
      if (d < width) {
        float number = T::get(value, width, d);
#pragma unroll
        for (int h = 0; h < TILE; h++) o[h][p] = fmaf(share[h], number, o[h][p]);
      }
    }
  }
#pragma unroll
  for (int h = 0; h < TILE; h++) {
    if (lane == 0) {
      sharedM[warp][h] = m[h];
      sharedL[warp][h] = l[h];
    }
#pragma unroll
    for (int p = 0; p < PARTS; p++) {
      if (lane + 32 * p < width) sharedO[warp][h][lane + 32 * p] = o[h][p];
    }
  }
  __syncthreads();
  for (int h = warp; h < heads; h += WARPS) {
    float most = negative;
    for (int w = 0; w < WARPS; w++) most = sharedM[w][h] > most ? sharedM[w][h] : most;
    float share[WARPS];
    float sum = 0;
    for (int w = 0; w < WARPS; w++) {
      share[w] = sharedM[w][h] == negative ? 0 : expf(sharedM[w][h] - most);
      sum += sharedL[w][h] * share[w];
    }
    for (int d = lane; d < width; d += 32) {
      float value = 0;
      for (int w = 0; w < WARPS; w++) value = fmaf(sharedO[w][h][d], share[w], value);
      *floats(a.p[5], r * a.n[3] + 4 * ((head + h) * width + d)) = value;
    }
    if (lane == 0) {
      float* state = floats(a.p[6], 8 * (r * a.n[4] + head + h));
      state[0] = most;
      state[1] = sum;
    }
  }
}

#define ATTENTION(name, type) \
  KERNEL attention_##name(Args a) { attention<type>(a); }
ATTENTION(f32, F32)
ATTENTION(f16, F16)
ATTENTION(bf16, BF16)
ATTENTION(int8, INT8)
ATTENTION(int4, INT4)

// p state; n rows, heads, headFrom, headTo: heads outside headFrom .. headTo saw no token
KERNEL neutral(Args a) {
  long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  long long head = at % a.n[1];
  if (at >= a.n[0] * a.n[1] || (head >= a.n[2] && head < a.n[3])) return;
  float* state = floats(a.p[0], 8 * at);
  state[0] = -bitsToFloat(0x7f800000u);
  state[1] = 0;
}

// A block takes a row's head. p o, state, otherO, otherState; n oStride, otherOStride, heads, headFrom, headTo, headDim
KERNEL merge_attention(Args a) {
  long long span = a.n[4] - a.n[3];
  long long r = blockIdx.x / span;
  long long head = a.n[3] + blockIdx.x % span;
  float* state = floats(a.p[1], 8 * (r * a.n[2] + head));
  const float* other = floats(a.p[3], 8 * (r * a.n[2] + head));
  float m1 = state[0], l1 = state[1], m2 = other[0], l2 = other[1];
  float negative = -bitsToFloat(0x7f800000u);
  float most = m1 > m2 ? m1 : m2;
  float share1 = m1 == negative ? 0 : expf(m1 - most);
  float share2 = m2 == negative ? 0 : expf(m2 - most);
  int width = (int)a.n[5];
  float* o = floats(a.p[0], r * a.n[0] + 4 * head * width);
  const float* o2 = floats(a.p[2], r * a.n[1] + 4 * head * width);
  for (int d = threadIdx.x; d < width; d += THREADS) {
    float own = share1 == 0 ? 0 : o[d] * share1;
    float others = share2 == 0 ? 0 : o2[d] * share2;
    o[d] = own + others;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    state[0] = most;
    state[1] = l1 * share1 + l2 * share2;
  }
}

// A block takes a row's head. p o, state; n oStride, heads, headDim
KERNEL finish_attention(Args a) {
  long long r = blockIdx.x / a.n[1];
  long long head = blockIdx.x % a.n[1];
  float l = *floats(a.p[1], 8 * (r * a.n[1] + head) + 4);
  float* o = floats(a.p[0], r * a.n[0] + 4 * head * a.n[2]);
  for (int d = threadIdx.x; d < a.n[2]; d += THREADS) o[d] = l == 0 ? 0 : o[d] / l;
}
