#define _GNU_SOURCE
#include "CProcessor.h"

#include <sched.h>
#include <string.h>

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
    static char missing[128];
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
    return missing;
#else
    return "";
#endif
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <xmmintrin.h>
#endif

bool processor_splits_avx512(void) {
#if defined(__x86_64__)
    unsigned int a, b, c, d;
    if (!__get_cpuid(0, &a, &b, &c, &d) || b != signature_AMD_ebx) { return false; }
    if (!__get_cpuid(1, &a, &b, &c, &d)) { return false; }
    const unsigned int family = ((a >> 8) & 15) + ((a >> 20) & 255);
    __builtin_cpu_init();
    return family == 0x19 && __builtin_cpu_supports("avx512f");
#else
    return false;
#endif
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

void **processor_thread_slot(void) {
    static _Thread_local void *slot;
    return &slot;
}

int processor_usable_count(void) {
#ifdef __linux__
    // The kernel refuses a set that is smaller than its own.
    for (int processors = 1024; processors <= 1 << 16; processors *= 4) {
        cpu_set_t *set = CPU_ALLOC(processors);
        if (!set) return 0;
        size_t size = CPU_ALLOC_SIZE(processors);
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0) return count;
    }
#endif
    return 0;
}
