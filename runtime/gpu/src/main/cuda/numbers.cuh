// How numbers lie in memory: what ElementType defines, read and written by kernels.
// A row is a matrix's row, or one head's key or value of one token. Rows begin at any byte.
#pragma once

#include <stdint.h>

#ifndef STOWAGE_EMULATED
#include <cuda_fp16.h>
#endif

typedef const unsigned char* Bytes;

__device__ __forceinline__ uint32_t load16(Bytes p) {
  if (((uintptr_t)p & 1) == 0) return *(const uint16_t*)p;
  return p[0] | (uint32_t)p[1] << 8;
}

__device__ __forceinline__ uint32_t load32(Bytes p) {
  if (((uintptr_t)p & 3) == 0) return *(const uint32_t*)p;
  return load16(p) | load16(p + 2) << 16;
}

__device__ __forceinline__ float bitsToFloat(uint32_t bits) {
#ifdef STOWAGE_EMULATED
  float f;
  memcpy(&f, &bits, 4);
  return f;
#else
  return __uint_as_float(bits);
#endif
}

__device__ __forceinline__ uint32_t floatToBits(float f) {
#ifdef STOWAGE_EMULATED
  uint32_t bits;
  memcpy(&bits, &f, 4);
  return bits;
#else
  return __float_as_uint(f);
#endif
}

__device__ __forceinline__ float halfToFloat(uint32_t bits) {
#ifdef STOWAGE_EMULATED
  return emulatedHalfToFloat(bits);
#else
  return __half2float(__ushort_as_half((unsigned short)bits));
#endif
}

// Rounds to nearest, ties to even.
__device__ __forceinline__ uint32_t floatToHalf(float f) {
#ifdef STOWAGE_EMULATED
  return emulatedFloatToHalf(f);
#else
  return __half_as_ushort(__float2half_rn(f));
#endif
}

__device__ __forceinline__ uint32_t floatToBf16(float f) {
  uint32_t bits = floatToBits(f);
  if (f != f) return bits >> 16 | 0x40;
  return (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
}

__device__ __forceinline__ void storeByteOrder16(unsigned char* p, uint32_t bits) {
  if (((uintptr_t)p & 1) == 0) {
    *(uint16_t*)p = (uint16_t)bits;
  } else {
    p[0] = (unsigned char)bits;
    p[1] = (unsigned char)(bits >> 8);
  }
}

// Each type reads number i of a row of `width` numbers, and eight neighbouring numbers at once:
// i is a multiple of 8 and i + 8 <= width there.

struct F32 {
  static __device__ __forceinline__ float get(Bytes row, int width, int i) {
    return bitsToFloat(load32(row + 4 * (long long)i));
  }
  static __device__ __forceinline__ void get8(Bytes row, int width, int i, float* to) {
    Bytes p = row + 4 * (long long)i;
    if (((uintptr_t)p & 15) == 0) {
      float4 a = ((const float4*)p)[0];
      float4 b = ((const float4*)p)[1];
      to[0] = a.x; to[1] = a.y; to[2] = a.z; to[3] = a.w;
      to[4] = b.x; to[5] = b.y; to[6] = b.z; to[7] = b.w;
    } else {
#pragma unroll
      for (int j = 0; j < 8; j++) to[j] = bitsToFloat(load32(p + 4 * j));
    }
  }
};

struct F16 {
  static __device__ __forceinline__ float get(Bytes row, int width, int i) {
    return halfToFloat(load16(row + 2 * (long long)i));
  }
  static __device__ __forceinline__ void get8(Bytes row, int width, int i, float* to) {
    Bytes p = row + 2 * (long long)i;
    if (((uintptr_t)p & 15) == 0) {
      uint4 v = *(const uint4*)p;
      uint32_t w[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
      for (int j = 0; j < 4; j++) {
        to[2 * j] = halfToFloat(w[j] & 0xffff);
        to[2 * j + 1] = halfToFloat(w[j] >> 16);
      }
    } else {
#pragma unroll
      for (int j = 0; j < 8; j++) to[j] = halfToFloat(load16(p + 2 * j));
    }
  }
};

struct BF16 {
  static __device__ __forceinline__ float get(Bytes row, int width, int i) {
    return bitsToFloat(load16(row + 2 * (long long)i) << 16);
  }
  static __device__ __forceinline__ void get8(Bytes row, int width, int i, float* to) {
    Bytes p = row + 2 * (long long)i;
    if (((uintptr_t)p & 15) == 0) {
      uint4 v = *(const uint4*)p;
      uint32_t w[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
      for (int j = 0; j < 4; j++) {
        to[2 * j] = bitsToFloat(w[j] << 16);
        to[2 * j + 1] = bitsToFloat(w[j] & 0xffff0000u);
      }
    } else {
#pragma unroll
      for (int j = 0; j < 8; j++) to[j] = bitsToFloat(load16(p + 2 * j) << 16);
    }
  }
};

// Groups of 64 numbers: F16 scale, F16 min, codes. number = fma(code, scale, min).
struct INT8 {
  static __device__ __forceinline__ float get(Bytes row, int width, int i) {
    Bytes group = row + (long long)(i / 64) * 68;
    return fmaf((float)group[4 + i % 64], halfToFloat(load16(group)), halfToFloat(load16(group + 2)));
  }
  static __device__ __forceinline__ void get8(Bytes row, int width, int i, float* to) {
    Bytes group = row + (long long)(i / 64) * 68;
    uint32_t header = load32(group);
    float scale = halfToFloat(header & 0xffff), min = halfToFloat(header >> 16);
    uint32_t codes[2] = {load32(group + 4 + i % 64), load32(group + 8 + i % 64)};
#pragma unroll
    for (int j = 0; j < 8; j++) to[j] = fmaf((float)(codes[j / 4] >> 8 * (j % 4) & 255), scale, min);
  }
};

struct INT4 {
  static __device__ __forceinline__ float get(Bytes row, int width, int i) {
    int first = i / 64 * 64;
    Bytes group = row + (long long)(i / 64) * 36;
    int n = width - first < 64 ? width - first : 64;
    int half = (n + 1) / 2;
    int at = i - first;
    int code = at < half ? group[4 + at] & 15 : group[4 + at - half] >> 4;
    return fmaf((float)code, halfToFloat(load16(group)), halfToFloat(load16(group + 2)));
  }
  static __device__ __forceinline__ void get8(Bytes row, int width, int i, float* to) {
    int first = i / 64 * 64;
    if (width - first < 64) {  // codes of a short group are halved elsewhere
      for (int j = 0; j < 8; j++) to[j] = get(row, width, i + j);
      return;
    }
    Bytes group = row + (long long)(i / 64) * 36;
    uint32_t header = load32(group);
    float scale = halfToFloat(header & 0xffff), min = halfToFloat(header >> 16);
    int at = i - first;
    int shift = at < 32 ? 0 : 4;
    uint32_t codes[2] = {load32(group + 4 + at % 32), load32(group + 8 + at % 32)};
#pragma unroll
    for (int j = 0; j < 8; j++) to[j] = fmaf((float)(codes[j / 4] >> (8 * (j % 4) + shift) & 15), scale, min);
  }
};

// The block types of GGUF files. Products are rounded one by one.
struct Q8_0 {
  static __device__ __forceinline__ float get(Bytes row, int width, int i) {
    Bytes block = row + (long long)(i / 32) * 34;
    return __fmul_rn(halfToFloat(load16(block)), (float)(signed char)block[2 + i % 32]);
  }
  static __device__ __forceinline__ void get8(Bytes row, int width, int i, float* to) {
    Bytes block = row + (long long)(i / 32) * 34;
    float d = halfToFloat(load16(block));
#pragma unroll
    for (int j = 0; j < 8; j++) to[j] = __fmul_rn(d, (float)(signed char)block[2 + i % 32 + j]);
  }
};

struct Q4_0 {
  static __device__ __forceinline__ float get(Bytes row, int width, int i) {
    Bytes block = row + (long long)(i / 32) * 18;
    int at = i % 32;
    int codes = block[2 + at % 16];
    return __fmul_rn(halfToFloat(load16(block)), (float)((at < 16 ? codes & 15 : codes >> 4) - 8));
  }
  static __device__ __forceinline__ void get8(Bytes row, int width, int i, float* to) {
    Bytes block = row + (long long)(i / 32) * 18;
    float d = halfToFloat(load16(block));
    int shift = i % 32 < 16 ? 0 : 4;
#pragma unroll
    for (int j = 0; j < 8; j++) to[j] = __fmul_rn(d, (float)((block[2 + i % 16 + j] >> shift & 15) - 8));
  }
};

struct Q4_K {
  static __device__ __forceinline__ int scaleOf(Bytes scales, int group) {
    if (group < 4) return scales[group] & 63;
    return (scales[4 + group] & 15) | (scales[group - 4] >> 6) << 4;
  }
  static __device__ __forceinline__ int minOf(Bytes scales, int group) {
    if (group < 4) return scales[4 + group] & 63;
    return scales[4 + group] >> 4 | (scales[group] >> 6) << 4;
  }
  static __device__ __forceinline__ float get(Bytes row, int width, int i) {
    Bytes block = row + (long long)(i / 256) * 144;
    int group = i % 256 / 32;
    int codes = block[16 + group / 2 * 32 + i % 32];
    int code = group % 2 == 0 ? codes & 15 : codes >> 4;
    float scale = __fmul_rn(halfToFloat(load16(block)), (float)scaleOf(block + 4, group));
    float min = __fmul_rn(halfToFloat(load16(block + 2)), (float)minOf(block + 4, group));
    return __fadd_rn(__fmul_rn(scale, (float)code), -min);
  }
  static __device__ __forceinline__ void get8(Bytes row, int width, int i, float* to) {
    Bytes block = row + (long long)(i / 256) * 144;
    int group = i % 256 / 32;
    float scale = __fmul_rn(halfToFloat(load16(block)), (float)scaleOf(block + 4, group));
    float min = __fmul_rn(halfToFloat(load16(block + 2)), (float)minOf(block + 4, group));
    Bytes codes = block + 16 + group / 2 * 32 + i % 32;
    int shift = group % 2 * 4;
#pragma unroll
    for (int j = 0; j < 8; j++) to[j] = __fadd_rn(__fmul_rn(scale, (float)(codes[j] >> shift & 15)), -min);
  }
};

struct Q6_K {
  static __device__ __forceinline__ float get(Bytes row, int width, int i) {
    Bytes block = row + (long long)(i / 256) * 210;
    int part = i % 256 / 128;
    int j = i % 128;
    int low = block[64 * part + j % 64];
    int high = block[128 + 32 * part + j % 32];
    int code = (j < 64 ? low & 15 : low >> 4) | (high >> j / 32 * 2 & 3) << 4;
    float scale = __fmul_rn(halfToFloat(load16(block + 208)), (float)(signed char)block[192 + i % 256 / 16]);
    return __fmul_rn(scale, (float)(code - 32));
  }
  static __device__ __forceinline__ void get8(Bytes row, int width, int i, float* to) {
    for (int j = 0; j < 8; j++) to[j] = get(row, width, i + j);
  }
};

// Number i of a row of the type with that number: ElementType's ordinal.
__device__ __forceinline__ float getNumber(int type, Bytes row, int width, int i) {
  switch (type) {
    case 0: return F32::get(row, width, i);
    case 1: return F16::get(row, width, i);
    case 2: return BF16::get(row, width, i);
    case 3: return INT8::get(row, width, i);
    case 4: return INT4::get(row, width, i);
    case 5: return Q8_0::get(row, width, i);
    case 6: return Q4_0::get(row, width, i);
    case 7: return Q4_K::get(row, width, i);
    default: return Q6_K::get(row, width, i);
  }
}

// The largest F16 number that is not above.
__device__ __forceinline__ uint32_t halfBelow(float value) {
  uint32_t half = floatToHalf(value);
  if (!(halfToFloat(half) > value)) return half;
  return (half & 0x8000) != 0 ? half + 1 : half == 0 ? 0x8001 : half - 1;
}

// The least F16 number that is not below a positive one.
__device__ __forceinline__ uint32_t halfAbove(float value) {
  uint32_t half = floatToHalf(value);
  return halfToFloat(half) < value ? half + 1 : half;
}

// The nearest code.
__device__ __forceinline__ int codeOf(float value, float low, float inverse, int levels) {
  float code = __fadd_rn(__fmul_rn(__fadd_rn(value, -low), inverse), 0.5f);
  return code >= (float)levels ? levels : code > 0 ? (int)code : 0;
}

// The squared error of 4-bit codes; infinite where the scale is none.
__device__ __forceinline__ float errorOf(const float* x, int n, uint32_t min, uint32_t scale) {
  float low = halfToFloat(min), step = halfToFloat(scale);
  float infinite = bitsToFloat(0x7f800000u);
  if (!(step > 0) || step == infinite || !(low - low == 0)) return infinite;
  float inverse = __fdiv_rn(1.0f, step);
  float sum = 0;
  for (int i = 0; i < n; i++) {
    float off = __fadd_rn(fmaf((float)codeOf(x[i], low, inverse, 15), step, low), -x[i]);
    sum = __fadd_rn(sum, __fmul_rn(off, off));
  }
  return sum;
}

// Fits the line through (code, number) that min and scale are to the codes they give, twice.
__device__ __forceinline__ void fitGroup(const float* x, int n, float low, float step, uint32_t* min, uint32_t* scale) {
  for (int i = 0; i < 2 && step > 0; i++) {
    float inverse = __fdiv_rn(1.0f, step);
    int codes = 0, squares = 0;
    float numbers = 0, products = 0;
    for (int j = 0; j < n; j++) {
      float above = __fadd_rn(x[j], -low);
      int code = codeOf(x[j], low, inverse, 15);
      codes += code;
      squares += code * code;
      numbers = __fadd_rn(numbers, above);
      products = __fadd_rn(products, __fmul_rn((float)code, above));
    }
    int spread = n * squares - codes * codes;
    if (spread == 0) break;
    step = __fdiv_rn(__fadd_rn(__fmul_rn((float)n, products), -__fmul_rn((float)codes, numbers)), (float)spread);
    low = __fadd_rn(low, __fdiv_rn(__fadd_rn(numbers, -__fmul_rn(step, (float)codes)), (float)n));
  }
  *min = floatToHalf(low);
  *scale = floatToHalf(step);
}

// Stores n numbers of a row as one group of INT8 (levels 255) or INT4 (levels 15), as Quantized does.
__device__ __forceinline__ void encodeGroup(const float* x, int n, int levels, unsigned char* group) {
  float least = bitsToFloat(0x7f800000u), most = -least, difference = 0;
  for (int i = 0; i < n; i++) {
    float value = x[i];
    least = value < least ? value : least;
    most = value > most ? value : most;
    difference = __fadd_rn(difference, __fadd_rn(value, -value));
  }
  bool storable = difference == 0 && -65504.0f <= least && most <= 65504.0f;
  uint32_t min = least == most ? floatToHalf(least) : halfBelow(least);
  float low = halfToFloat(min);
  uint32_t scale = least == most ? 0 : halfAbove(__fdiv_rn(__fadd_rn(most, -low), (float)levels));
  if (levels == 15 && storable && scale != 0) {  // a smaller step may leave less squared error
    float margin = __fdiv_rn(__fmul_rn(0.5f, __fadd_rn(most, -least)), 15.0f);
    uint32_t bestMin = min, bestScale = scale;
    float bestError = errorOf(x, n, min, scale);
    for (int ends = 0; ends < 4 && bestError > 0; ends++) {
      float from = (ends & 1) == 0 ? least : __fadd_rn(least, margin);
      float to = (ends & 2) == 0 ? most : __fadd_rn(most, -margin);
      uint32_t fitMin, fitScale;
      fitGroup(x, n, from, __fdiv_rn(__fadd_rn(to, -from), 15.0f), &fitMin, &fitScale);
      float error = errorOf(x, n, fitMin, fitScale);
      if (error < bestError) {
        bestError = error;
        bestMin = fitMin;
        bestScale = fitScale;
      }
    }
    min = bestMin;
    scale = bestScale;
    low = halfToFloat(min);
  }
  storeByteOrder16(group, storable ? scale : 0);
  storeByteOrder16(group + 2, storable ? min : 0x7e00);
  float step = halfToFloat(scale);
  float inverse = storable && step > 0 ? __fdiv_rn(1.0f, step) : 0;
  if (levels == 255) {
    for (int i = 0; i < n; i++) group[4 + i] = (unsigned char)(storable ? codeOf(x[i], low, inverse, levels) : 0);
    return;
  }
  int half = (n + 1) / 2;
  for (int i = 0; i < half; i++) {
    int code = storable ? codeOf(x[i], low, inverse, levels) : 0;
    if (storable && half + i < n) code |= codeOf(x[half + i], low, inverse, levels) << 4;
    group[4 + i] = (unsigned char)code;
  }
}
