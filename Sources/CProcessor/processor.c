#define _GNU_SOURCE
#include "CProcessor.h"

#include <sched.h>
#include <string.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif

// This file is compiled with the flags of the vector kernels, so the macros tell what those may contain.

const char *processor_compiled_for(void) {
#if defined(__AVX512F__) && defined(__AVX512BW__) && defined(__AVX512VL__) && defined(__AVX512DQ__)
    return "x86-64-v4";
#elif defined(__AVX2__) && defined(__FMA__)
    return "x86-64-v3";
#elif defined(__x86_64__)
    return "x86-64";
#elif defined(__aarch64__)
    return "aarch64";
#else
    return "unknown";
#endif
}

const char *processor_missing_features(void) {
#if defined(__x86_64__)
    static char missing[512];
    missing[0] = 0;
    __builtin_cpu_init();
#define REQUIRE(feature) \
    if (!__builtin_cpu_supports(feature)) { strcat(missing, missing[0] ? " " feature : feature); }
#ifdef __SSE4_2__
    REQUIRE("sse4.2")
#endif
#ifdef __AVX__
    REQUIRE("avx")
#endif
#ifdef __AVX2__
    REQUIRE("avx2")
#endif
#ifdef __FMA__
    REQUIRE("fma")
#endif
#ifdef __BMI2__
    REQUIRE("bmi2")
#endif
#ifdef __AVX512F__
    REQUIRE("avx512f")
#endif
#ifdef __AVX512BW__
    REQUIRE("avx512bw")
#endif
#ifdef __AVX512DQ__
    REQUIRE("avx512dq")
#endif
#ifdef __AVX512VL__
    REQUIRE("avx512vl")
#endif
    // What builds for the machine at hand (MARCH=native) may contain besides.
#ifdef __AVX512CD__
    REQUIRE("avx512cd")
#endif
#ifdef __AVX512IFMA__
    REQUIRE("avx512ifma")
#endif
#ifdef __AVX512VBMI__
    REQUIRE("avx512vbmi")
#endif
#ifdef __AVX512VBMI2__
    REQUIRE("avx512vbmi2")
#endif
#ifdef __AVX512VNNI__
    REQUIRE("avx512vnni")
#endif
#ifdef __AVX512BITALG__
    REQUIRE("avx512bitalg")
#endif
#ifdef __AVX512VPOPCNTDQ__
    REQUIRE("avx512vpopcntdq")
#endif
#ifdef __AVX512BF16__
    REQUIRE("avx512bf16")
#endif
#ifdef __GFNI__
    REQUIRE("gfni")
#endif
#ifdef __VPCLMULQDQ__
    REQUIRE("vpclmulqdq")
#endif
    return missing;
#else
    return "";
#endif
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <xmmintrin.h>
#endif

struct processor_features processor_features(void) {
    struct processor_features features;
    memset(&features, 0, sizeof features);
#if defined(__x86_64__)
    unsigned int a, b, c, d;
    if (!__get_cpuid(0, &a, &b, &c, &d)) { return features; }
    memcpy(features.vendor, &b, 4);
    memcpy(features.vendor + 4, &d, 4);
    memcpy(features.vendor + 8, &c, 4);
    if (!__get_cpuid(1, &a, &b, &c, &d)) { return features; }
    const unsigned int family = (a >> 8) & 15;
    features.family = family + (family == 15 ? (a >> 20) & 255 : 0);
    features.model = ((a >> 4) & 15) + (family == 15 || family == 6 ? ((a >> 16) & 15) << 4 : 0);
    const bool fma = c >> 12 & 1;
    // XGETBV, which only exists where the system says so, tells which registers it saves: 6 is the state of AVX, 0xe0
    // that of AVX-512 beside it.
    unsigned int saved = 0;
    if (c >> 27 & 1) {
        unsigned int high;
        __asm__ volatile("xgetbv" : "=a"(saved), "=d"(high) : "c"(0));
    }
    features.avx = (c >> 28 & 1) && (saved & 6) == 6;
    if (!features.avx || !__get_cpuid_count(7, 0, &a, &b, &c, &d)) { return features; }
    features.avx2 = fma && (b >> 5 & 1);
    const unsigned int parts = 1u << 16 | 1u << 17 | 1u << 28 | 1u << 30 | 1u << 31;
    features.avx512 = features.avx2 && (b & parts) == parts && (saved & 0xe0) == 0xe0;
    // Tiles and those of bfloat16; 0x60000 is their state.
    features.amx_bfloat16 = (d >> 24 & 1) && (d >> 22 & 1) && (saved & 0x60000) == 0x60000;
    if (__get_cpuid_count(7, 1, &a, &b, &c, &d)) { features.avx512_bfloat16 = features.avx512 && (a >> 5 & 1); }
#endif
    return features;
}

void processor_flush_denormals(void) {
#if defined(__x86_64__)
    _mm_setcsr(_mm_getcsr() | 0x8040);
#elif defined(__aarch64__)
    unsigned long mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    __asm__ volatile("msr fpcr, %0" : : "r"(mode | (1ul << 24)));
#endif
}

static _Thread_local char thread_name[16];

void processor_name_thread(const char *name) {
    strncpy(thread_name, name, sizeof thread_name - 1);
#ifdef __linux__
    prctl(PR_SET_NAME, thread_name);
#endif
}

const char *processor_thread_name(void) { return thread_name; }

void **processor_thread_slot(void) {
    static _Thread_local void *slot;
    return &slot;
}

int processor_usable(int *numbers, int capacity) {
    int count = 0;
#ifdef __linux__
    // The kernel refuses a set that is smaller than its own.
    for (int processors = 1024; processors <= 1 << 16 && count == 0; processors *= 4) {
        cpu_set_t *set = CPU_ALLOC(processors);
        if (!set) return 0;
        size_t size = CPU_ALLOC_SIZE(processors);
        if (sched_getaffinity(0, size, set) == 0) {
            for (int i = 0; i < processors && count < capacity; i++) {
                if (CPU_ISSET_S(i, size, set)) { numbers[count++] = i; }
            }
        }
        CPU_FREE(set);
    }
#endif
    return count;
}

void processor_stay_on(const int *numbers, int count) {
#ifdef __linux__
    const int processors = 1 << 16;
    cpu_set_t *set = CPU_ALLOC(processors);
    if (!set) return;
    size_t size = CPU_ALLOC_SIZE(processors);
    CPU_ZERO_S(size, set);
    for (int i = 0; i < count; i++) { CPU_SET_S(numbers[i], size, set); }
    sched_setaffinity(0, size, set);
    CPU_FREE(set);
#endif
}
