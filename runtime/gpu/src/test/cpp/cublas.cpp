// A libcublas for tests: products of matrices that lie column by column in host memory, as cuBLAS defines them.
// It is strict about what the GPU's own library would read out of bounds.
#include <math.h>
#include <stdint.h>
#include <string.h>

#define API extern "C" __attribute__((visibility("default")))
enum { OK = 0, NOT_INITIALIZED = 1, INVALID = 7, NOT_SUPPORTED = 15 };

struct Handle {
  uint32_t magic;
  void* stream;
};

static float number(const void* from, int type, long long i) {
  if (type == 0) return ((const float*)from)[i];
  uint32_t h = ((const uint16_t*)from)[i];
  if (type == 14) {
    float f;
    h <<= 16;
    memcpy(&f, &h, 4);
    return f;
  }
  int exponent = h >> 10 & 31, mantissa = h & 1023;
  float f = exponent == 0 ? ldexpf((float)mantissa, -24) : ldexpf((float)(1024 + mantissa), exponent - 25);
  return h & 0x8000 ? -f : f;
}

API int cublasCreate_v2(Handle** handle) {
  *handle = new Handle{0xb1a5, nullptr};
  return OK;
}
API int cublasSetStream_v2(Handle* handle, void* stream) {
  if (!handle || handle->magic != 0xb1a5 || !stream) return NOT_INITIALIZED;
  handle->stream = stream;
  return OK;
}
API int cublasDestroy_v2(Handle* handle) {
  if (!handle || handle->magic != 0xb1a5) return NOT_INITIALIZED;
  handle->magic = 0;
  delete handle;
  return OK;
}

API int cublasGemmEx(Handle* handle, int transA, int transB, int m, int n, int k, const float* alpha, const void* a, int typeA, int lda, const void* b, int typeB, int ldb, const float* beta, float* c, int typeC, int ldc, int compute, int algorithm) {
  if (!handle || handle->magic != 0xb1a5 || !handle->stream) return NOT_INITIALIZED;
  if (m < 0 || n < 0 || k < 0 || transA < 0 || transA > 1 || transB < 0 || transB > 1) return INVALID;
  if (lda < (transA ? k : m) || ldb < (transB ? n : k) || ldc < m || lda < 1 || ldb < 1 || ldc < 1) return INVALID;
  if (typeA != typeB || typeC != 0 || compute != 68 || algorithm != -1) return NOT_SUPPORTED;
  if (typeA != 0 && typeA != 2 && typeA != 14) return NOT_SUPPORTED;
  for (long long j = 0; j < n; j++) {
    for (long long i = 0; i < m; i++) {
      double sum = 0;
      for (long long l = 0; l < k; l++) {
        sum += (double)number(a, typeA, transA ? l + i * lda : i + l * lda) * number(b, typeB, transB ? j + l * ldb : l + j * ldb);
      }
      float* to = c + i + j * ldc;
      *to = (float)(*alpha * sum + (*beta == 0 ? 0 : *beta * *to));
    }
  }
  return OK;
}
