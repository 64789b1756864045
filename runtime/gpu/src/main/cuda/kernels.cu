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
// p q, k, v, lengths (int[rows]), places (long long[rows], byte offsets into k and v; < 0 for a row that sees nothing) or 0, o, state, partial or 0
// n qStride, tokenStride, headStride, oStride, heads, kvFrom, kvTo, headDim, group, rows, together, splits, type, lists or 0, listStride; f scale
//
// Where there are lists, int[rows, kvTo - kvFrom, listStride], a row's head attends to the tokens of its list
// alone, and lengths count those; then no rows share a place.
//
// A row's tokens are taken by spans, how long depends on their number alone; the spans' results are merged in
// their order. Where `splits` is more than one, a block takes one span, and merge_splits merges.
//
// For GPUs without the tensor cores of attention.cuh: a block takes `together` rows and up to TILE query
// heads of one key head, at most TILE of both. A group of lanes takes a token, eight numbers a lane; every
// group of every warp has a softmax of its own (Milakov and Gimelshein 2018) over every so-manieth token, and
// their states are merged at the end, in their order. Heads up to 256 wide.

#define TILE 4
#define PARTS 8
#define SPAN_TOKENS 256
#define MOST_SPANS 64

__device__ __forceinline__ int spanOf(int length) {
  int span = SPAN_TOKENS;
  while ((long long)span * MOST_SPANS < length) span *= 2;
  return span;
}

__device__ __forceinline__ int spansOf(int length) {
  int span = spanOf(length);
  return length > 0 ? (int)((length + (long long)span - 1) / span) : 1;
}

__device__ __forceinline__ const int* listOf(const Args& a, long long row, int kvHead) {
  return a.n[13] != 0 ? (const int*)a.n[13] + (row * (a.n[6] - a.n[5]) + kvHead) * a.n[14] : 0;
}

// The state and sum of two parts of an attention; each element of o is scaled by the shares it yields.
__device__ __forceinline__ void mergeStates(float& m, float& l, float otherM, float otherL, float& share, float& otherShare) {
  float negative = -bitsToFloat(0x7f800000u);
  float most = m > otherM ? m : otherM;
  share = m == negative ? 0 : expf(m - most);
  otherShare = otherM == negative ? 0 : expf(otherM - most);
  l = fmaf(otherL, otherShare, l * share);
  m = most;
}

template <class T>
__device__ __forceinline__ void loadHead(Bytes row, int width, int d, float* to) {
  if (d + 8 <= width) {
    T::get8(row, width, d, to);
  } else {
#pragma unroll
    for (int i = 0; i < PARTS; i++) to[i] = d + i < width ? T::get(row, width, d + i) : 0;
  }
}

// One run of rows with the same keys; slot s of the run is row s / heads and head s % heads.
template <class T>
__device__ __forceinline__ void attendRun(const Args& a, long long row, int rows, long long place, int kvHead, long long head, int heads, int split) {
  __shared__ float sharedO[WARPS][TILE][32 * PARTS];
  __shared__ float sharedM[WARPS][TILE];
  __shared__ float sharedL[WARPS][TILE];
  int lane = threadIdx.x & 31, warp = threadIdx.x / 32;
  int width = (int)a.n[7];
  int lanes = 1;  // that take a token
  while (lanes * PARTS < width) lanes *= 2;
  int groups = 32 / lanes;
  int d = lane % lanes * PARTS;
  float negative = -bitsToFloat(0x7f800000u);
  int slots = rows * heads;
  float q[TILE][PARTS], o[TILE][PARTS], m[TILE], l[TILE];
  int from[TILE], to[TILE], first = 0x7fffffff, last = 0;
#pragma unroll
  for (int s = 0; s < TILE; s++) {
    m[s] = negative;
    l[s] = 0;
    from[s] = to[s] = 0;
    long long r = row + s / heads;
    if (s < slots) {
      int length = place < 0 ? 0 : ((const int*)a.p[3])[r];
      int span = spanOf(length), splits = spansOf(length);
      from[s] = split < splits ? split * span : 0;
      to[s] = split >= splits ? 0 : length - from[s] < span ? length : from[s] + span;
      if (to[s] > from[s]) {
        first = from[s] < first ? from[s] : first;
        last = to[s] > last ? to[s] : last;
      }
    }
#pragma unroll
    for (int i = 0; i < PARTS; i++) {
      o[s][i] = 0;
      q[s][i] = s < slots && d + i < width ? *floats(a.p[0], r * a.n[0] + 4 * ((head + s % heads) * width + d + i)) * a.f[0] : 0;
    }
  }
  Bytes keys = (Bytes)a.p[1] + place + kvHead * a.n[2];
  Bytes values = (Bytes)a.p[2] + place + kvHead * a.n[2];
  const int* list = listOf(a, row, kvHead);
  first -= first % (WARPS * groups);  // a token falls to the same group whatever rows share it
  for (int step = first; step < last; step += WARPS * groups) {
    int t = step + warp * groups + lane / lanes;
    bool there = t < last;
    float key[PARTS], value[PARTS];
    if (there) {
      long long at = (list != 0 ? list[t] : t) * a.n[1];
      loadHead<T>(keys + at, width, d, key);
      loadHead<T>(values + at, width, d, value);
    } else {
#pragma unroll
      for (int i = 0; i < PARTS; i++) key[i] = value[i] = 0;
    }
#pragma unroll
    for (int s = 0; s < TILE; s++) {
      if (s < slots) {
        float score = 0;
#pragma unroll
        for (int i = 0; i < PARTS; i++) score = fmaf(q[s][i], key[i], score);
        for (int offset = 1; offset < lanes; offset *= 2) score += __shfl_xor_sync(ALL, score, offset);
        if (t >= from[s] && t < to[s]) {
          float most = score > m[s] ? score : m[s];
          float scaled = m[s] == negative ? 0 : expf(m[s] - most);
          float share = expf(score - most);
          m[s] = most;
          l[s] = l[s] * scaled + share;
#pragma unroll
          for (int i = 0; i < PARTS; i++) o[s][i] = fmaf(share, value[i], o[s][i] * scaled);
        }
      }
    }
  }
#pragma unroll
  for (int s = 0; s < TILE; s++) {
    if (s < slots) {
      for (int offset = lanes; offset < 32; offset *= 2) {
        float share, otherShare;
        float otherM = __shfl_xor_sync(ALL, m[s], offset);
        float otherL = __shfl_xor_sync(ALL, l[s], offset);
        mergeStates(m[s], l[s], otherM, otherL, share, otherShare);
#pragma unroll
        for (int i = 0; i < PARTS; i++) o[s][i] = o[s][i] * share + __shfl_xor_sync(ALL, o[s][i], offset) * otherShare;
      }
      if (lane == 0) {
        sharedM[warp][s] = m[s];
        sharedL[warp][s] = l[s];
      }
      if (lane < lanes) {
#pragma unroll
        for (int i = 0; i < PARTS; i++) sharedO[warp][s][d + i] = o[s][i];
      }
    }
  }
  __syncthreads();
  for (int s = warp; s < slots; s += WARPS) {
    float most = negative;
    for (int w = 0; w < WARPS; w++) most = sharedM[w][s] > most ? sharedM[w][s] : most;
    float share[WARPS];
    float sum = 0;
    for (int w = 0; w < WARPS; w++) {
      share[w] = sharedM[w][s] == negative ? 0 : expf(sharedM[w][s] - most);
      sum += sharedL[w][s] * share[w];
    }
    long long r = row + s / heads, h = head + s % heads;
    float* out = floats(a.p[5], r * a.n[3] + 4 * h * width);
    float* state = floats(a.p[6], 8 * (r * a.n[4] + h));
    if (a.p[7] != 0) {
      out = floats(a.p[7], 4 * ((r * a.n[4] + h) * a.n[11] + split) * (width + 2));
      state = out + width;
    }
    for (int i = lane; i < width; i += 32) {
      float value = 0;
      for (int w = 0; w < WARPS; w++) value = fmaf(sharedO[w][s][i], share[w], value);
      out[i] = value;
    }
    if (lane == 0) {
      state[0] = most;
      state[1] = sum;
    }
  }
  __syncthreads();  // before a next run writes
}

template <class T>
__device__ __forceinline__ void attention(const Args& a) {
  int together = (int)a.n[10], splits = (int)a.n[11], group = (int)a.n[8];
  long long row = blockIdx.x / splits * (long long)together;
  int split = blockIdx.x % splits;
  long long end = row + together < a.n[9] ? row + together : a.n[9];
  int tiles = (group + TILE - 1) / TILE;
  int kvHead = blockIdx.y / tiles;  // counted from kvFrom
  int first = blockIdx.y % tiles * TILE;
  int heads = group - first < TILE ? group - first : TILE;
  long long head = (a.n[5] + kvHead) * group + first;
  const long long* places = (const long long*)a.p[4];
  while (row < end) {
    long long place = places != 0 ? places[row] : 0;
    int rows = 1;
    while (row + rows < end && (places != 0 ? places[row + rows] : 0) == place) rows++;
    attendRun<T>(a, row, rows, place, kvHead, head, heads, split);
    row += rows;
  }
}

// A block takes a row's head of kvFrom .. kvTo and merges its splits; arguments as attention.
KERNEL merge_splits(Args a) {
  int width = (int)a.n[7];
  long long span = (a.n[6] - a.n[5]) * a.n[8];
  long long r = blockIdx.x / span;
  long long h = a.n[5] * a.n[8] + blockIdx.x % span;
  int length = a.p[4] != 0 && ((const long long*)a.p[4])[r] < 0 ? 0 : ((const int*)a.p[3])[r];
  int splits = spansOf(length);
  const float* part = floats(a.p[7], 4 * (r * a.n[4] + h) * a.n[11] * (width + 2));
  float* o = floats(a.p[5], r * a.n[3] + 4 * h * width);
  float m = part[width], l = part[width + 1];
  for (int i = threadIdx.x; i < width; i += THREADS) o[i] = part[i];
  for (int s = 1; s < splits; s++) {
    part += width + 2;
    float share, otherShare;
    mergeStates(m, l, part[width], part[width + 1], share, otherShare);
    for (int i = threadIdx.x; i < width; i += THREADS) o[i] = fmaf(part[i], otherShare, o[i] * share);
  }
  if (threadIdx.x == 0) {
    float* state = floats(a.p[6], 8 * (r * a.n[4] + h));
    state[0] = m;
    state[1] = l;
  }
}

#if !defined(STOWAGE_EMULATED) && defined(__CUDA_ARCH__) && __CUDA_ARCH__ >= 800
#define ATTENTION(name, type) \
  KERNEL attention_##name(Args a) { __trap(); }
#else
#define ATTENTION(name, type) \
  KERNEL attention_##name(Args a) { attention<type>(a); }
#endif
ATTENTION(f32, F32)
ATTENTION(f16, F16)
ATTENTION(bf16, BF16)
ATTENTION(int8, INT8)
ATTENTION(int4, INT4)

#include "attention.cuh"
#include "sparse.cuh"

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
