/* A stand-in for NVIDIA's management library, for tests: it answers the calls that the probe makes.
 *
 * How it behaves is chosen when it is built: nothing (two healthy cards), NOT_SUPPORTED (cards that know only
 * their name), LOST_CARD (the second cannot be reached), MIG (each card has two instances), NOT_LOADED (no
 * driver runs), HANG_INIT and HANG_NAME (never answers). */

#include <string.h>
#include <unistd.h>

#define OK 0
#define INVALID_ARGUMENT 2
#define UNSUPPORTED 3
#define DRIVER_NOT_LOADED 9
#define GPU_IS_LOST 15

#ifdef NOT_SUPPORTED
#define OPTIONAL return UNSUPPORTED
#else
#define OPTIONAL
#endif

typedef struct { int number; int is_instance; } card;
static card cards[2] = {{0, 0}, {1, 0}};
static card instance = {0, 1};

static void hang(void) { for (;;) sleep(1000); }

int nvmlInit_v2(void) {
#ifdef SLOW_LOAD
    sleep(1);
#endif
#ifdef HANG_INIT
    hang();
#endif
#ifdef NOT_LOADED
    return DRIVER_NOT_LOADED;
#endif
    return OK;
}

int nvmlInitWithFlags(unsigned flags) { return nvmlInit_v2(); }
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int result) { return "an error"; }

int nvmlSystemGetDriverVersion(char *text, unsigned length) {
    strncpy(text, "550.54.15", length);
    return OK;
}

int nvmlSystemGetCudaDriverVersion_v2(int *version) { *version = 12040; return OK; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 2; return OK; }

int nvmlDeviceGetHandleByIndex_v2(unsigned index, card **device) {
#ifdef LOST_CARD
    if (index == 1) return GPU_IS_LOST;
#endif
    if (index > 1) return INVALID_ARGUMENT;
    *device = &cards[index];
    return OK;
}

int nvmlDeviceGetName(card *device, char *text, unsigned length) {
#ifdef HANG_NAME
    hang();
#endif
    strncpy(text, device->is_instance ? "NVIDIA H100 80GB HBM3 MIG 1g.10gb" : "NVIDIA H100 80GB HBM3", length);
    return OK;
}

typedef struct { unsigned version; unsigned long long total, reserved, free, used; } memory;

int nvmlDeviceGetMemoryInfo_v2(card *device, memory *info) {
    OPTIONAL;
    info->total = (device->is_instance ? 10ULL : 80ULL) << 30;
    info->used = 3ULL << 30;
#ifdef LIES
    info->used = ~0ULL;
#endif
    return OK;
}

typedef struct { char legacy[16]; unsigned domain, bus, device, ids, subsystem; char address[32]; } pci;

int nvmlDeviceGetPciInfo_v3(card *device, pci *out) {
    OPTIONAL;
    memset(out, 0, sizeof *out);
    strcpy(out->address, device->number ? "00000000:C1:00.0" : "00000000:41:00.0");
    return OK;
}

int nvmlDeviceGetNumGpuCores(card *device, unsigned *count) { OPTIONAL; *count = 16896; return OK; }

int nvmlDeviceGetCudaComputeCapability(card *device, int *major, int *minor) {
    OPTIONAL;
    *major = 9;
    *minor = 0;
    return OK;
}

int nvmlDeviceGetMaxClockInfo(card *device, int domain, unsigned *clock) {
    static const unsigned clocks[4] = {1980, 1980, 2619, 1545};
    OPTIONAL;
    if (domain < 0 || domain > 3) return INVALID_ARGUMENT;
    *clock = clocks[domain];
    return OK;
}

int nvmlDeviceGetMemoryBusWidth(card *device, unsigned *width) { OPTIONAL; *width = 5120; return OK; }
int nvmlDeviceGetMaxPcieLinkGeneration(card *device, unsigned *value) { OPTIONAL; *value = 5; return OK; }
int nvmlDeviceGetMaxPcieLinkWidth(card *device, unsigned *value) { OPTIONAL; *value = 16; return OK; }
int nvmlDeviceGetEnforcedPowerLimit(card *device, unsigned *limit) { OPTIONAL; *limit = 700000; return OK; }

int nvmlDeviceGetEccMode(card *device, int *current, int *pending) {
    OPTIONAL;
    *current = *pending = 1;
    return OK;
}

int nvmlDeviceGetNvLinkState(card *device, unsigned link, int *state) {
    OPTIONAL;
    if (link >= 18) return INVALID_ARGUMENT;
    *state = link != 7;
    return OK;
}

int nvmlDeviceGetMigMode(card *device, unsigned *current, unsigned *pending) {
    OPTIONAL;
#ifdef MIG
    *current = *pending = 1;
#else
    *current = *pending = 0;
#endif
    return OK;
}

int nvmlDeviceGetMaxMigDeviceCount(card *device, unsigned *count) { *count = 7; return OK; }

int nvmlDeviceGetMigDeviceHandleByIndex(card *device, unsigned index, card **found) {
    if (index != 0 && index != 3) return 6 /* not found */;
    *found = &instance;
    return OK;
}

typedef struct {
    unsigned multiprocessors, copy, decoders, encoders, jpeg, ofa, gpu_slices, compute_slices;
    unsigned long long memory_mb;
} attributes;

int nvmlDeviceGetAttributes_v2(card *device, attributes *out) {
    if (!device->is_instance) return UNSUPPORTED;
    memset(out, 0, sizeof *out);
    out->multiprocessors = 16;
    out->gpu_slices = out->compute_slices = 1;
    out->memory_mb = 10240;
    return OK;
}

#include "fake_nvml_samples.c"
