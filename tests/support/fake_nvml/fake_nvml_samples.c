/* What the stand-in tells of the moment: part of fake_nvml.c.
 *
 * Chosen when it is built: LIES (values that cannot be true, counters that go back), HANG_SAMPLE (the second card
 * answers once and then never again), SLOW_LOAD (starting the driver takes a second). With MIG, instances know their
 * memory and nothing else. */

#ifdef LIES
#define TRUE_OR(value, lie) (lie)
#else
#define TRUE_OR(value, lie) (value)
#endif

#define WHOLE_CARDS_ONLY if (device->is_instance) return UNSUPPORTED

typedef struct { unsigned gpu, memory; } rates;

int nvmlDeviceGetUtilizationRates(card *device, rates *out) {
    OPTIONAL;
    WHOLE_CARDS_ONLY;
#ifdef HANG_SAMPLE
    static int calls;
    if (device->number == 1 && calls++ > 0) hang();
#endif
    out->gpu = TRUE_OR(90 + device->number, 250);
    out->memory = 40;
    return OK;
}

int nvmlDeviceGetPowerUsage(card *device, unsigned *out) {
    OPTIONAL;
    WHOLE_CARDS_ONLY;
    *out = TRUE_OR(512345, ~0u);
    return OK;
}

int nvmlDeviceGetTemperature(card *device, int sensor, unsigned *out) {
    OPTIONAL;
    WHOLE_CARDS_ONLY;
    *out = TRUE_OR(61, 4000);
    return OK;
}

int nvmlDeviceGetClockInfo(card *device, int domain, unsigned *out) {
    OPTIONAL;
    WHOLE_CARDS_ONLY;
    *out = domain == 2 ? 2619 : TRUE_OR(1965, ~0u);
    return OK;
}

int nvmlDeviceGetCurrentClocksThrottleReasons(card *device, unsigned long long *out) {
    OPTIONAL;
    WHOLE_CARDS_ONLY;
    *out = 4;
    return OK;
}

int nvmlDeviceGetPcieThroughput(card *device, int counter, unsigned *out) {
    OPTIONAL;
    WHOLE_CARDS_ONLY;
    *out = counter == 0 ? 1000 /* sent */ : 2000;
    return OK;
}

int nvmlDeviceGetTotalEnergyConsumption(card *device, unsigned long long *out) {
    static unsigned long long energy[2];
    OPTIONAL;
    WHOLE_CARDS_ONLY;
    energy[device->number] += TRUE_OR(1500, -700);
    *out = 1000000 + energy[device->number];
    return OK;
}

int nvmlDeviceGetUUID(card *device, char *text, unsigned length) {
    OPTIONAL;
    strncpy(text, device->is_instance ? "MIG-00112233-4455-6677-8899-aabbccddeeff"
        : device->number ? "GPU-01112233-4455-6677-8899-aabbccddeeff" : "GPU-00112233-4455-6677-8899-aabbccddeeff", length);
    return OK;
}
