/// Compares the instruction sets that this binary was compiled for with those of the processor that runs it.
#pragma once

#include <stdbool.h>

/// Space-separated names of the instruction sets that the binary needs and this processor lacks; empty if it can run.
/// Must be called before any vectorised code.
const char *processor_missing_features(void);

/// The instruction set that the binary was compiled for, for example "x86-64-v3".
const char *processor_compiled_for(void);

/// What kernels of matrix products are chosen by. An instruction set counts only where the operating system saves its
/// registers; all is zero where the processor is not an x86.
struct processor_features {
    /// As CPUID spells it, such as "GenuineIntel".
    char vendor[13];
    /// With the extended bits, as makers count: 0x19 is AMD's Zen 3 and Zen 4.
    int family, model;
    /// AVX2 together with FMA; AVX-512 with the parts F, CD, BW, DQ and VL.
    bool avx, avx2, avx512;
    /// Products of bfloat16: AVX512_BF16, and the tiles of AMX.
    bool avx512_bfloat16, amx_bfloat16;
};

struct processor_features processor_features(void);

/// Numbers of the processors that this process may run on, at most `capacity`; returns how many, 0 where that is not known.
int processor_usable(int *numbers, int capacity);

/// Makes the calling thread run on no other processors than these, if the system lets it.
void processor_stay_on(const int *numbers, int count);

/// Makes the calling thread treat denormal floats as zero, in operands and results.
void processor_flush_denormals(void);

/// Asks for a cache line that will be read soon; any address will do.
static inline void processor_prefetch(const void *address) { __builtin_prefetch(address, 0, 3); }

/// Names the calling thread, for the system's tools; what is beyond 15 bytes is cut off.
void processor_name_thread(const char *name);

/// The name that the calling thread was given so, empty where it was given none.
const char *processor_thread_name(void);

/// A pointer of the calling thread's own, null at first.
void **processor_thread_slot(void);
