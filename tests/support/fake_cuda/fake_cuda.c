/* A stand-in for NVIDIA's CUDA driver library, for tests: it answers the calls that the probe makes.
 *
 * How it behaves is chosen when it is built: HEALTHY (two cards, in another order than the management library has
 * them), OLD (it knows the first attributes alone), NONE_VISIBLE, BROKEN (it says an error), HANG (never answers). */

#include <string.h>
#include <unistd.h>

#define OK 0
#define INVALID_VALUE 1
#define NO_DEVICE 100
#define UNKNOWN 999

int cuInit(unsigned flags) {
#ifdef HANG
    for (;;) sleep(1000);
#endif
#ifdef NONE_VISIBLE
    return NO_DEVICE;
#endif
#ifdef BROKEN
    return UNKNOWN;
#endif
    return flags == 0 ? OK : INVALID_VALUE;
}

int cuDeviceGetCount(int *count) { *count = 2; return OK; }

int cuDeviceGet(int *device, int ordinal) {
    if (ordinal < 0 || ordinal > 1) return INVALID_VALUE;
    *device = 10 + ordinal;
    return OK;
}

int cuDeviceGetPCIBusId(char *text, int length, int device) {
    strncpy(text, device == 10 ? "0000:C1:00.0" : "0000:41:00.0", length);
    return OK;
}

int cuDeviceGetAttribute(int *value, int attribute, int device) {
#ifdef OLD
    if (attribute > 39) return INVALID_VALUE;
#endif
    switch (attribute) {
    case 1: case 2: case 3: *value = 1024; return OK;
    case 4: *value = 64; return OK;
    case 5: *value = 2147483647; return OK;
    case 6: case 7: *value = 65535; return OK;
    case 8: *value = 49152; return OK;
    case 10: *value = 32; return OK;
    case 12: case 82: *value = 65536; return OK;
    case 16: *value = device == 10 ? 114 : 132; return OK;
    case 38: *value = 50 << 20; return OK;
    case 39: *value = 2048; return OK;
    case 81: *value = 233472; return OK;
    case 97: *value = 232448; return OK;
    case 106: *value = 32; return OK;
    default: return INVALID_VALUE;
    }
}
