// A libcuda.so.1 for tests: those functions of the CUDA driver that Stowage calls, with the kernels
// of kernels.cu run on the CPU. It is strict where a GPU is:
//  - device memory is out of reach except while a copy or a kernel of that device runs;
//  - what is asked of a stream happens when somebody waits for it, not before;
//  - asynchronous copies take page-locked memory only.
// stowage_emulated sets what the device is like and what fails; stowage_emulated_count tells what is alive.
#include "fibres.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <vector>

#define STOWAGE_EMULATED
#include "kernels.cu"

#define API extern "C" __attribute__((visibility("default")))

typedef int Result;
typedef unsigned long long Pointer;
enum { OK = 0, INVALID = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, NO_BINARY = 209, NOT_FOUND = 500, LOST = 700, ALREADY_LOCKED = 712, UNKNOWN = 999 };

struct Context {
  int device;
  int events = 0;
};
struct Stream {
  Context* context;
  std::deque<std::function<void()>> queue;
  unsigned long long submitted = 0, done = 0;
  explicit Stream(Context* context) : context(context) {}
  void submit(std::function<void()> work) {
    queue.push_back(std::move(work));
    submitted++;
  }
  void runTo(unsigned long long number);
};
struct Event {
  Context* context;
  Stream* stream = nullptr;
  unsigned long long at = 0;
};
static std::recursive_mutex lock;
typedef std::lock_guard<std::recursive_mutex> Guard;
static const size_t REGION = (size_t)1 << 30;
static const int MOST_DEVICES = 8;
struct Device {
  char* region = nullptr;
  std::map<Pointer, size_t> allocated;
  size_t used = 0, peak = 0;
  int contexts = 0;
  int access = 0;  // pieces of work that reach its memory now
};
static Device device[MOST_DEVICES];
static std::map<Pointer, size_t> pinned;              // page-locked host memory
static std::map<Pointer, void*> hosted;               // that of it that we allocated
static std::map<Stream*, bool> streams;
static std::map<Context*, bool> contexts;
static thread_local Context* current;
static size_t capacity;
static int devices, version, binary, compiledFor, launchesLeft, failure, launches;
static long long callsLeft, calls;
static bool lastingFault, idle;
static std::vector<void*> guards;  // pages that kernels must not touch
static const size_t PAGE = 4096;
static bool initialized;

static void defaults() {
  capacity = (size_t)512 << 20;
  auto several = getenv("STOWAGE_EMULATED_GPUS");  // for a process that cannot tell us otherwise
  devices = several ? std::min(std::max(atoi(several), 0), MOST_DEVICES) : 1;
  version = 13000;
  binary = 1;
  compiledFor = 90;
  launchesLeft = -1;
  failure = OK;
  for (auto& d : device) d.peak = d.used;
  callsLeft = -1;
  calls = 0;
  idle = false;
  guards.clear();
}

// Device memory is out of reach between copies and kernels, but where kernels compute nothing.
static void protect(Device& d) {
  if (d.region) mprotect(d.region, REGION, idle || d.access > 0 ? PROT_READ | PROT_WRITE : PROT_NONE);
}
static void protect() {
  for (auto& d : device) protect(d);
}

// Whether this call is the one that fails.
static bool fault() {
  calls++;
  if (callsLeft != 0) {
    if (callsLeft > 0) callsLeft--;
    return false;
  }
  callsLeft = -1;
  if (lastingFault) failure = LOST;
  return true;
}

struct Access {
  Device& reached;
  explicit Access(int number) : reached(device[number]) { if (reached.access++ == 0) protect(reached); }
  ~Access() { if (--reached.access == 0) protect(reached); }
};
// While a stream waits for another, which may be another device's.
struct Away {
  Device& left;
  explicit Away(int number) : left(device[number]) { left.access--; protect(left); }
  ~Away() { left.access++; protect(left); }
};

void Stream::runTo(unsigned long long number) {
  if (done >= number || queue.empty()) return;
  Access access(context->device);
  while (done < number && !queue.empty()) {
    auto work = std::move(queue.front());
    queue.pop_front();
    work();
    done++;
  }
}

static bool inDevice(int number, Pointer p, size_t n) {
  auto& allocated = device[number].allocated;
  auto next = allocated.upper_bound(p);
  if (next == allocated.begin()) return false;
  --next;
  return p + n <= next->first + next->second;
}
// Whether a stream is of the context that the calling thread is in, and memory of its device.
static bool isHere(Stream* s) { return s && streams.count(s) && s->context == current; }
static bool isHere(Stream* s, Pointer p, size_t n) { return isHere(s) && inDevice(s->context->device, p, n); }
static bool inPinned(const void* h, size_t n) {
  auto next = pinned.upper_bound((Pointer)h);
  if (next == pinned.begin()) return false;
  --next;
  return (Pointer)h + n <= next->first + next->second;
}

#define ALIVE             \
  Guard guard(lock);      \
  if (!initialized) return NOT_INITIALIZED; \
  if (failure) return failure;

// A call that may be told to fail; those that give something back never are.
#define CALL ALIVE if (fault()) return failure ? failure : UNKNOWN;

// what: 0 defaults, 1 memory, 2 devices, 3 driver version, 4 whether a binary fits, 5 launches until the device is lost,
// 6 what kernels were compiled for, 7 calls until one fails, 8 calls until the device is lost, 9 whether kernels compute anything,
// 10 a page of device memory that no kernel may touch, 0 for none any more
API void stowage_emulated(int what, long long value) {
  Guard guard(lock);
  switch (what) {
    case 0: defaults(); protect(); break;
    case 1: capacity = (size_t)value; break;
    case 2: devices = (int)value; break;
    case 3: version = (int)value; break;
    case 4: binary = (int)value; break;
    case 5: launchesLeft = (int)value; break;
    case 6: compiledFor = (int)value; break;
    case 7: callsLeft = value; lastingFault = false; break;
    case 8: callsLeft = value; lastingFault = true; break;
    case 9: idle = value == 0; protect(); break;
    case 10: if (value) guards.push_back((void*)value); else guards.clear(); break;
  }
}

// what: 0 bytes of device memory, 1 contexts, 2 page-locked pieces, 3 streams, 4 events, 5 launches so far,
// 6 most bytes of device memory there were on a device, 7 calls that could have failed, 8 + d most bytes of device d
API long long stowage_emulated_count(int what) {
  Guard guard(lock);
  long long used = 0, peak = 0, events = 0;
  for (auto& d : device) {
    used += d.used;
    if ((long long)d.peak > peak) peak = d.peak;
  }
  for (auto& c : contexts) events += c.first->events;
  switch (what) {
    case 0: return used;
    case 1: return (long long)contexts.size();
    case 2: return (long long)pinned.size();
    case 3: return (long long)streams.size();
    case 4: return events;
    case 5: return launches;
    case 6: return peak;
    case 7: return calls;
    default: return (long long)device[what - 8].peak;
  }
}

__attribute__((constructor)) static void load() { defaults(); }

API Result cuInit(unsigned) {
  Guard guard(lock);
  if (devices == 0) return NO_DEVICE;
  if (devices > MOST_DEVICES) return INVALID;
  for (int i = 0; i < devices; i++) {
    auto& region = device[i].region;
    if (!region) region = (char*)mmap(nullptr, REGION, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  }
  protect();
  initialized = true;
  return OK;
}
API Result cuDriverGetVersion(int* v) { *v = version; return OK; }
API Result cuDeviceGetCount(int* n) { *n = devices; return OK; }
API Result cuDeviceGet(int* number, int ordinal) {
  if (ordinal >= devices) return INVALID;
  *number = ordinal;
  return OK;
}
API Result cuDeviceGetName(char* name, int n, int) { strncpy(name, "Stowage emulated GPU", n); return OK; }
API Result cuDeviceTotalMem_v2(size_t* bytes, int) { *bytes = capacity; return OK; }
API Result cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = attribute == 75 ? 9 : attribute == 76 ? 0 : attribute == 97 ? 227 << 10 : 1;
  return OK;
}
API Result cuCtxCreate_v2(void** context, unsigned, int number) {
  Guard guard(lock);
  if (!initialized) return NOT_INITIALIZED;
  if (contexts.empty()) failure = OK;  // a new context is a new life
  if (fault()) return failure ? failure : UNKNOWN;
  current = new Context{number};
  contexts[current] = true;
  device[number].contexts++;
  *context = current;
  return OK;
}
API Result cuCtxDestroy_v2(Context* c) {
  Guard guard(lock);
  if (!contexts.erase(c)) return INVALID;
  for (auto s = streams.begin(); s != streams.end();) {  // what is left goes with the context
    if (s->first->context != c) { ++s; continue; }
    delete s->first;
    s = streams.erase(s);
  }
  auto& d = device[c->device];
  if (--d.contexts == 0) {
    d.allocated.clear();
    d.used = 0;
  }
  if (contexts.empty()) {
    for (auto& h : hosted) free(h.second);
    hosted.clear();
    pinned.clear();
  }
  if (current == c) current = nullptr;
  delete c;
  return OK;
}
API Result cuCtxSetCurrent(Context* c) {
  Guard guard(lock);
  if (c && !contexts.count(c)) return INVALID;
  current = c;
  return OK;
}
API Result cuCtxSynchronize() {
  ALIVE
  for (auto& s : streams) if (s.first->context == current) s.first->runTo(s.first->submitted);
  return failure;
}

API Result cuMemGetInfo_v2(size_t* free, size_t* total) {
  ALIVE
  if (!current) return INVALID;
  *free = capacity - device[current->device].used;
  *total = capacity;
  return OK;
}
API Result cuMemAlloc_v2(Pointer* p, size_t n) {
  CALL
  if (n == 0 || !current) return INVALID;
  auto& d = device[current->device];
  if (n > capacity - d.used) return OUT_OF_MEMORY;
  size_t whole = (n + 511) / 512 * 512 + 512;  // a gap behind each, so that one piece never runs into the next
  Pointer at = (Pointer)d.region;
  for (auto& a : d.allocated) {
    if (a.first - at >= whole) break;
    at = a.first + (a.second + 511) / 512 * 512 + 512;
  }
  if (at + whole > (Pointer)d.region + REGION) return OUT_OF_MEMORY;
  d.allocated[at] = n;
  d.used += n;
  if (d.used > d.peak) d.peak = d.used;
  *p = at;
  Access access(current->device);
  memset((void*)at, 0xa5, n);
  return OK;
}
API Result cuMemFree_v2(Pointer p) {
  ALIVE
  if (!current) return INVALID;
  auto& d = device[current->device];
  auto found = d.allocated.find(p);
  if (found == d.allocated.end()) return INVALID;
  d.used -= found->second;
  d.allocated.erase(found);
  return OK;
}
API Result cuMemHostAlloc(void** p, size_t n, unsigned) {
  CALL
  *p = aligned_alloc(4096, (n + 4095) / 4096 * 4096);
  if (!*p) return OUT_OF_MEMORY;
  pinned[(Pointer)*p] = n;
  hosted[(Pointer)*p] = *p;
  return OK;
}
API Result cuMemFreeHost(void* p) {
  ALIVE
  if (!hosted.erase((Pointer)p)) return INVALID;
  pinned.erase((Pointer)p);
  free(p);
  return OK;
}
API Result cuMemHostRegister_v2(void* p, size_t n, unsigned) {
  CALL
  if (pinned.count((Pointer)p)) return ALREADY_LOCKED;
  pinned[(Pointer)p] = n;
  return OK;
}
API Result cuMemHostUnregister(void* p) {
  ALIVE
  return pinned.erase((Pointer)p) ? OK : INVALID;
}

static Result copy(void* to, const void* from, size_t n) {
  Access access(current->device);
  memcpy(to, from, n);
  return OK;
}
API Result cuMemcpyHtoD_v2(Pointer d, const void* h, size_t n) {
  ALIVE
  return current && inDevice(current->device, d, n) ? copy((void*)d, h, n) : INVALID;
}
API Result cuMemcpyDtoH_v2(void* h, Pointer d, size_t n) {
  ALIVE
  return current && inDevice(current->device, d, n) ? copy(h, (void*)d, n) : INVALID;
}
static Result later(Stream* s, void* to, const void* from, size_t n) {
  s->submit([=] { memcpy(to, from, n); });
  return OK;
}
API Result cuMemcpyHtoDAsync_v2(Pointer d, const void* h, size_t n, Stream* s) {
  CALL
  return isHere(s, d, n) && inPinned(h, n) ? later(s, (void*)d, h, n) : INVALID;
}
API Result cuMemcpyDtoHAsync_v2(void* h, Pointer d, size_t n, Stream* s) {
  CALL
  return isHere(s, d, n) && inPinned(h, n) ? later(s, h, (void*)d, n) : INVALID;
}
API Result cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t n, Stream* s) {
  ALIVE
  return isHere(s, to, n) && isHere(s, from, n) ? later(s, (void*)to, (void*)from, n) : INVALID;
}
API Result cuMemcpyPeerAsync(Pointer to, Context* toContext, Pointer from, Context* fromContext, size_t n, Stream* s) {
  CALL
  if (!isHere(s) || !contexts.count(toContext) || !contexts.count(fromContext)) return INVALID;
  int there = toContext->device, here = fromContext->device;
  if (!inDevice(there, to, n) || !inDevice(here, from, n)) return INVALID;
  s->submit([=] {
    Access target(there), source(here);
    memcpy((void*)to, (void*)from, n);
  });
  return OK;
}
API Result cuMemsetD8Async(Pointer d, unsigned char value, size_t n, Stream* s) {
  CALL
  if (!isHere(s, d, n)) return INVALID;
  s->submit([=] { memset((void*)d, value, n); });
  return OK;
}

API Result cuStreamCreate(Stream** s, unsigned) {
  CALL
  if (!current) return INVALID;
  *s = new Stream(current);
  streams[*s] = true;
  return OK;
}
API Result cuStreamDestroy_v2(Stream* s) {
  ALIVE
  s->runTo(s->submitted);
  streams.erase(s);
  delete s;
  return OK;
}
API Result cuStreamSynchronize(Stream* s) {
  CALL
  s->runTo(s->submitted);
  return failure;
}
API Result cuStreamWaitEvent(Stream* s, Event* e, unsigned) {
  CALL
  Stream* other = e->stream;
  unsigned long long at = e->at;
  if (!isHere(s)) return INVALID;
  int here = s->context->device;
  if (other) s->submit([=] {
    Away away(here);
    if (streams.count(other)) other->runTo(at);
  });
  return OK;
}
API Result cuEventCreate(Event** e, unsigned) {
  CALL
  if (!current) return INVALID;
  *e = new Event{current};
  current->events++;
  return OK;
}
API Result cuEventDestroy_v2(Event* e) {
  ALIVE
  if (contexts.count(e->context)) e->context->events--;
  delete e;
  return OK;
}
API Result cuEventRecord(Event* e, Stream* s) {
  CALL
  if (!s || s->context != e->context) return INVALID;
  e->stream = s;
  e->at = s->submitted;
  return OK;
}
API Result cuEventSynchronize(Event* e) {
  CALL
  if (e->stream && streams.count(e->stream)) e->stream->runTo(e->at);
  return failure;
}

API Result cuModuleLoadData(void** module, const void* image) {
  CALL
  uint32_t magic;
  memcpy(&magic, image, 4);
  if (magic != 0xba55ed50u) return INVALID;
  if (!binary) return NO_BINARY;
  Dl_info here;
  dladdr((void*)&cuModuleLoadData, &here);
  *module = dlopen(here.dli_fname, RTLD_LAZY | RTLD_NOLOAD);
  return *module ? OK : INVALID;
}
API Result cuModuleUnload(void*) { return OK; }
API Result cuModuleGetFunction(void** function, void* module, const char* name) {
  CALL
  *function = dlsym(module, name);
  return *function ? OK : NOT_FOUND;
}

static std::map<void*, unsigned> mostShared;

API Result cuFuncGetAttribute(int* value, int attribute, void* function) {
  ALIVE
  if (attribute != 5) return INVALID;
  *value = compiledFor;
  return OK;
}
API Result cuFuncSetAttribute(void* function, int attribute, int value) {
  ALIVE
  if (attribute != 8 || value < 0 || value > 227 << 10) return INVALID;
  mostShared[function] = (unsigned)value;
  return OK;
}

struct Call {
  void (*kernel)(Args);
  Args args;
};
static void call(void* c) { ((Call*)c)->kernel(((Call*)c)->args); }

// A kernel that touches a guarded page ends, and the device is lost; other threads' signals go where they went.
static sigjmp_buf untouched;
static struct sigaction otherwise;
static pthread_t launching;

static void onFault(int signal, siginfo_t* what, void* context) {
  char* at = (char*)what->si_addr;
  for (auto& d : device)
    if (pthread_equal(pthread_self(), launching) && d.region && at >= d.region && at < d.region + REGION) siglongjmp(untouched, 1);
  if (otherwise.sa_flags & SA_SIGINFO) otherwise.sa_sigaction(signal, what, context);
  else otherwise.sa_handler(signal);
}

static void launchGuarded(Dim grid, unsigned threads, Call* c) {
  if (guards.empty()) {
    fibres::launch(grid, threads, call, c);
    return;
  }
  launching = pthread_self();
  for (void* page : guards) mprotect(page, PAGE, PROT_NONE);
  struct sigaction action = {};
  action.sa_sigaction = onFault;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  sigaction(SIGSEGV, &action, &otherwise);
  if (sigsetjmp(untouched, 1) == 0) fibres::launch(grid, threads, call, c);
  else failure = LOST;
  sigaction(SIGSEGV, &otherwise, nullptr);
  for (void* page : guards) mprotect(page, PAGE, PROT_READ | PROT_WRITE);
}

API Result cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared, Stream* s, void** params, void**) {
  CALL
  if (shared > 48 << 10 && shared > mostShared[function]) return INVALID;
  if (gx == 0 || gy == 0 || gy > 65535 || gz != 1 || bx == 0 || bx > 1024 || by != 1 || bz != 1 || !isHere(s)) return INVALID;
  Call c{(void (*)(Args))function, *(Args*)params[0]};
  s->submit([=]() mutable {
    if (failure || idle) return;
    launches++;
    if (launchesLeft == 0) {
      failure = LOST;
      return;
    }
    if (launchesLeft > 0) launchesLeft--;
    fibres::shareBytes(shared);
    launchGuarded(Dim{gx, gy, 1}, bx, &c);
  });
  return OK;
}

API Result cuGetErrorName(int error, const char** name) {
  switch (error) {
    case OUT_OF_MEMORY: *name = "CUDA_ERROR_OUT_OF_MEMORY"; break;
    case NO_DEVICE: *name = "CUDA_ERROR_NO_DEVICE"; break;
    case NO_BINARY: *name = "CUDA_ERROR_NO_BINARY_FOR_GPU"; break;
    case LOST: *name = "CUDA_ERROR_ILLEGAL_ADDRESS"; break;
    case UNKNOWN: *name = "CUDA_ERROR_UNKNOWN"; break;
    case ALREADY_LOCKED: *name = "CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED"; break;
    default: *name = "CUDA_ERROR_INVALID_VALUE"; break;
  }
  return OK;
}
API Result cuGetErrorString(int error, const char** text) {
  *text = error == LOST ? "an illegal memory access was encountered" : "as emulated";
  return OK;
}
