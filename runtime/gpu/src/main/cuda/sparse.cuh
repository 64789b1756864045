// Attention that reads a part of a region: which tokens, as dev.stowage.runtime.sparse.SparseAttention chooses
// them, with sums in the same order, so that a GPU chooses what a host does. A region keeps, behind its keys and
// values by token, the keys of every layer, sequence and head by channel, then the sums of their values in F32.
#pragma once

#define CHOICE_THREADS 256
#define CHOICE_BINS 2048
#define CHOICE_KERNEL extern "C" __global__ void __launch_bounds__(CHOICE_THREADS)

// In the order of the numbers; what is none comes last.
__device__ __forceinline__ uint32_t rankBits(float number) {
  return number >= 0 ? floatToBits(number) & 0x7fffffffu : 0;
}

// The sum over the block, for every thread.
__device__ __forceinline__ double choiceSum(double value) {
  __shared__ double sums[CHOICE_THREADS];
  __syncthreads();
  sums[threadIdx.x] = value;
  __syncthreads();
  for (int half = CHOICE_THREADS / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) sums[threadIdx.x] += sums[threadIdx.x + half];
    __syncthreads();
  }
  return sums[0];
}

__device__ __forceinline__ float choiceMost(float value) {
  __shared__ float most[CHOICE_THREADS];
  __syncthreads();
  most[threadIdx.x] = value;
  __syncthreads();
  for (int half = CHOICE_THREADS / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) most[threadIdx.x] = fmaxf(most[threadIdx.x], most[threadIdx.x + half]);
    __syncthreads();
  }
  return most[0];
}

// Writes the indices of the k largest of some numbers, upward; of equals, those that come first.
__device__ __forceinline__ void chooseLargest(const float* numbers, int count, int k, int* into) {
  __shared__ int bins[CHOICE_BINS];
  __shared__ int parts[2][CHOICE_THREADS];
  __shared__ int wanted;      // of those that begin like the least that is chosen
  __shared__ uint32_t least;  // bit by bit from the left
  const int SHARE = CHOICE_BINS / CHOICE_THREADS;
  if (k <= 0) return;
  if (threadIdx.x == 0) {
    wanted = k;
    least = 0;
  }
  int known = 0;
  for (int pass = 0; pass < 3; pass++) {
    int shift = pass == 0 ? 21 : pass == 1 ? 10 : 0;
    int width = pass == 2 ? 10 : 11;
    for (int i = 0; i < SHARE; i++) bins[threadIdx.x * SHARE + i] = 0;
    __syncthreads();
    for (int i = threadIdx.x; i < count; i += CHOICE_THREADS) {
      uint32_t bits = rankBits(numbers[i]);
      if (known == 0 || bits >> (32 - known) == least >> (32 - known)) atomicAdd(&bins[bits >> shift & ((1 << width) - 1)], 1);
    }
    __syncthreads();
    int sum = 0;
    for (int i = 0; i < SHARE; i++) sum += bins[threadIdx.x * SHARE + i];
    parts[0][threadIdx.x] = sum;
    __syncthreads();
    if (threadIdx.x == 0) {
      int part = CHOICE_THREADS - 1;
      while (parts[0][part] < wanted) wanted -= parts[0][part--];
      int bin = part * SHARE + SHARE - 1;
      while (bins[bin] < wanted) wanted -= bins[bin--];
      least |= (uint32_t)bin << shift;
    }
    known += width;
    __syncthreads();
  }
  int span = (count + CHOICE_THREADS - 1) / CHOICE_THREADS;
  int from = threadIdx.x * span;
  int to = from + span < count ? from + span : count;
  int larger = 0, equal = 0;
  for (int i = from; i < to; i++) {
    uint32_t bits = rankBits(numbers[i]);
    larger += bits > least;
    equal += bits == least;
  }
  parts[0][threadIdx.x] = larger;
  parts[1][threadIdx.x] = equal;
  __syncthreads();
  if (threadIdx.x == 0) {  // what lies before each thread's numbers
    int before = 0, equals = 0;
    for (int i = 0; i < CHOICE_THREADS; i++) {
      int l = parts[0][i], e = parts[1][i];
      parts[0][i] = before;
      parts[1][i] = equals;
      before += l;
      equals += e;
    }
  }
  __syncthreads();
  int equals = parts[1][threadIdx.x];
  int at = parts[0][threadIdx.x] + (equals < wanted ? equals : wanted);
  for (int i = from; i < to; i++) {
    uint32_t bits = rankBits(numbers[i]);
    if (bits > least || (bits == least && equals++ < wanted)) into[at++] = i;
  }
}

// A block takes a row's key head: writes its list of tokens, and the part of the approximate mass that they hold
// for each of its query heads.
//
// p q, columns, stored (int[rows]), places (long long[rows], byte offsets of the boxes; < 0 for a row that sees
// nothing), newer and chosen (int[rows, 2]), lists, parts, scores [blocks, group + 1, tokens]
// n qStride, tokens, boxBytes, headFrom, heads, headDim, group, channels, listStride, first unit; f scale
// Units are [row, head], heads those of the region; headFrom is a query head. Shared: group doubles, 2 headDim + channels ints.
template <class T, int BYTES>
__device__ __forceinline__ void chooseTokens(const Args& a) {
  DYNAMIC_SHARED(memory);
  int tokens = (int)a.n[1], heads = (int)a.n[4], width = (int)a.n[5], group = (int)a.n[6], count = (int)a.n[7];
  double* factors = (double*)memory;
  int* ranks = (int*)(factors + group);
  int* taken = ranks + width;
  int* channels = taken + width;
  long long unit = a.n[9] + blockIdx.x;
  long long row = unit / heads, head = unit % heads;
  long long place = ((const long long*)a.p[3])[row];
  if (place < 0) return;
  int stored = ((const int*)a.p[2])[row];
  int newer = ((const int*)a.p[4])[2 * row], chosen = ((const int*)a.p[4])[2 * row + 1];
  int* list = (int*)a.p[5] + unit * a.n[8];
  float* parts = floats(a.p[6], 4 * unit * group);
  if (chosen >= stored) {
    for (int t = threadIdx.x; t < stored; t += CHOICE_THREADS) list[t] = t;
    for (int g = threadIdx.x; g < group; g += CHOICE_THREADS) parts[g] = 1;
    return;
  }
  const float* q = floats(a.p[0], row * a.n[0] + 4 * (a.n[3] + head * group) * width);
  Bytes columns = (Bytes)a.p[1] + (place / a.n[2] * heads + head) * width * tokens * BYTES;
  float* scores = floats(a.p[7], 4LL * blockIdx.x * (group + 1) * tokens);
  float* shares = scores + (long long)group * tokens;

  for (int c = threadIdx.x; c < width; c += CHOICE_THREADS) {
    float size = 0;
    for (int g = 0; g < group; g++) size = __fadd_rn(size, fabsf(q[g * width + c]));
    ranks[c] = (int)rankBits(size);
  }
  __syncthreads();
  for (int c = threadIdx.x; c < width; c += CHOICE_THREADS) {
    int before = 0;
    for (int i = 0; i < width; i++) before += ranks[i] > ranks[c] || (ranks[i] == ranks[c] && i < c);
    taken[c] = before < count;
  }
  __syncthreads();
  for (int c = threadIdx.x; c < width; c += CHOICE_THREADS) {
    int at = 0;
    for (int i = 0; i < c; i++) at += taken[i];
    if (taken[c]) channels[at] = c;
  }
  __syncthreads();
  for (int g = threadIdx.x; g < group; g += CHOICE_THREADS) {
    double all = 0, some = 0;
    for (int c = 0; c < width; c++) all += fabsf(q[g * width + c]);
    for (int i = 0; i < count; i++) some += fabsf(q[g * width + channels[i]]);
    factors[g] = some > 0 ? (double)a.f[0] * sqrt(all / some) : (double)a.f[0];
  }
  __syncthreads();
  for (int t = threadIdx.x; t < stored; t += CHOICE_THREADS) shares[t] = 0;
  for (int g = 0; g < group; g++) {
    float* own = scores + (long long)g * tokens;
    float most = -bitsToFloat(0x7f800000u);
    for (int t = threadIdx.x; t < stored; t += CHOICE_THREADS) {
      float score = 0;
      for (int i = 0; i < count; i++) {
        Bytes column = columns + (long long)channels[i] * tokens * BYTES;
        score = __fadd_rn(score, __fmul_rn(q[g * width + channels[i]], T::get(column, tokens, t)));
      }
      own[t] = score;
      most = fmaxf(most, score);
    }
    most = choiceMost(most);
    double sum = 0;
    for (int t = threadIdx.x; t < stored; t += CHOICE_THREADS) {
      own[t] = (float)exp(factors[g] * (double)__fadd_rn(own[t], -most));
      sum += own[t];
    }
    sum = choiceSum(sum);
    float inverse = (float)(1 / sum);
    for (int t = threadIdx.x; t < stored; t += CHOICE_THREADS) shares[t] = __fadd_rn(shares[t], __fmul_rn(inverse, own[t]));
    __syncthreads();
    if (threadIdx.x == 0) factors[g] = sum;  // has been used
  }
  __syncthreads();
  int recent = chosen / 4 - newer > 0 ? chosen / 4 - newer : 0;
  int older = stored - recent;
  chooseLargest(shares, older, chosen - recent, list);
  for (int t = threadIdx.x; t < recent; t += CHOICE_THREADS) list[chosen - recent + t] = older + t;
  __syncthreads();
  for (int g = 0; g < group; g++) {
    double sum = 0;
    for (int i = threadIdx.x; i < chosen; i += CHOICE_THREADS) sum += scores[(long long)g * tokens + list[i]];
    sum = choiceSum(sum) / factors[g];
    if (threadIdx.x == 0) parts[g] = (float)(sum < 1e-30 ? 1e-30 : sum > 1 ? 1 : sum);
  }
}
CHOICE_KERNEL choose_tokens_f32(Args a) { chooseTokens<F32, 4>(a); }
CHOICE_KERNEL choose_tokens_f16(Args a) { chooseTokens<F16, 2>(a); }
CHOICE_KERNEL choose_tokens_bf16(Args a) { chooseTokens<BF16, 2>(a); }

// Takes note of tokens that were just stored: a thread takes a run's head and channel.
// p memory, runs (long long[runs, 3]: box, first token, tokens); n runs, heads, headDim, tokens, columnsAt, sumsAt, type
KERNEL note_tokens(Args a) {
  int heads = (int)a.n[1], width = (int)a.n[2], type = (int)a.n[6];
  long long tokens = a.n[3];
  long long at = (long long)blockIdx.x * blockDim.x + threadIdx.x;
  int c = (int)(at % width);
  long long head = at / width % heads, r = at / width / heads;
  if (r >= a.n[0]) return;
  const long long* run = (const long long*)a.p[1] + 3 * r;
  int bytes = type == 0 ? 4 : 2;
  long long headBytes = tokens * width * bytes;
  unsigned char* memory = (unsigned char*)a.p[0];
  Bytes keys = memory + (2 * run[0] * heads + head) * headBytes;
  Bytes values = keys + heads * headBytes;
  unsigned char* column = memory + a.n[4] + (run[0] * heads + head) * headBytes + c * tokens * bytes;
  float* to = floats(a.p[0], a.n[5] + 4 * ((run[0] * heads + head) * width + c));
  float sum = run[1] == 0 ? 0 : *to;
  for (long long t = run[1]; t < run[1] + run[2]; t++) {
    for (int b = 0; b < bytes; b++) column[t * bytes + b] = keys[(t * width + c) * bytes + b];
    sum = __fadd_rn(sum, getNumber(type, values + t * width * bytes, width, c));
  }
  *to = sum;
}

// Lets the mean of all values stand for what was not read. A block takes a row's query head of the region.
// p o, state, memory, places, stored, parts; n oStride, heads, headFrom, region's heads, group, headDim, boxBytes, sumsAt
KERNEL add_mean(Args a) {
  int width = (int)a.n[5];
  long long span = a.n[3] * a.n[4];
  long long row = blockIdx.x / span, own = blockIdx.x % span;
  long long place = ((const long long*)a.p[3])[row];
  if (place < 0) return;
  float* l = floats(a.p[1], 8 * (row * a.n[1] + a.n[2] + own) + 4);
  double read = *l;
  double whole = read / *floats(a.p[5], 4 * (row * span + own));
  float factor = (float)((whole - read) / ((const int*)a.p[4])[row]);
  const float* sum = floats(a.p[2], a.n[7] + 4 * (place / a.n[6] * a.n[3] + own / a.n[4]) * width);
  float* o = floats(a.p[0], row * a.n[0] + 4 * (a.n[2] + own) * width);
  for (int c = threadIdx.x; c < width; c += THREADS) o[c] = __fadd_rn(o[c], __fmul_rn(factor, sum[c]));
  __syncthreads();
  if (threadIdx.x == 0) *l = (float)whole;
}
