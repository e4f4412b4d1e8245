#include "block_product.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define WITH_AVX512 __attribute__((target("avx512f,avx512vl")))

bool block_product_is_supported(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl");
}

/// Six rows by two panels; of fewer rows the last is computed again and not stored.
WITH_AVX512 static inline void two_panels(
    const float *a, const long *offsets, long depth_stride, const float *left, const float *right, long depth,
    float *result, long result_stride, long rows, __mmask16 low, __mmask16 high, bool accumulate) {
    __m512 sums[6][2];
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 6; i++) {
        sums[i][0] = _mm512_setzero_ps();
        sums[i][1] = _mm512_setzero_ps();
    }
    for (long k = 0; k < depth; k++) {
        const __m512 x = _mm512_loadu_ps(left + k * 16);
        const __m512 y = _mm512_loadu_ps(right + k * 16);
        const float *from = a + k * depth_stride;
        _Pragma("clang loop unroll(full)") for (int i = 0; i < 6; i++) {
            const __m512 value = _mm512_set1_ps(from[offsets[i]]);
            sums[i][0] = _mm512_fmadd_ps(value, x, sums[i][0]);
            sums[i][1] = _mm512_fmadd_ps(value, y, sums[i][1]);
        }
    }
    _Pragma("clang loop unroll(full)") for (int i = 0; i < 6; i++) {
        if (i < rows) {
            float *to = result + i * result_stride;
            if (accumulate) {
                sums[i][0] = _mm512_add_ps(_mm512_maskz_loadu_ps(low, to), sums[i][0]);
                sums[i][1] = _mm512_add_ps(_mm512_maskz_loadu_ps(high, to + 16), sums[i][1]);
            }
            _mm512_mask_storeu_ps(to, low, sums[i][0]);
            _mm512_mask_storeu_ps(to + 16, high, sums[i][1]);
        }
    }
}

static inline __mmask16 first(long count) { return count >= 16 ? 0xffff : count <= 0 ? 0 : (1u << count) - 1; }

WITH_AVX512 void block_product(
    const float *a, long row_stride, long depth_stride, const float *b, long panel_stride, long depth, float *result,
    long result_stride, long rows, long columns, bool accumulate) {
    long offsets[6];
    for (long i = 0; i < 6; i++) { offsets[i] = (i < rows ? i : rows - 1) * row_stride; }
    for (long column = 0; column < columns; column += 32) {
        const float *left = b + column / 16 * panel_stride;
        // A panel that is not there is not read.
        const float *right = column + 16 < columns ? left + panel_stride : left;
        two_panels(
            a, offsets, depth_stride, left, right, depth, result + column, result_stride, rows, first(columns - column),
            first(columns - column - 16), accumulate);
    }
}

#else

bool block_product_is_supported(void) { return false; }
void block_product(
    const float *a, long row_stride, long depth_stride, const float *b, long panel_stride, long depth, float *result,
    long result_stride, long rows, long columns, bool accumulate) {
    __builtin_trap();
}

#endif
