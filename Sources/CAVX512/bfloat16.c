#include "bfloat16.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define WITH_BFLOAT16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

enum { panel = 32, tile_rows = 8 };

bool bfloat16_is_supported(void) {
    __builtin_cpu_init();
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512bf16");
}

static inline long smaller(long a, long b) { return a < b ? a : b; }

WITH_BFLOAT16 static inline __mmask16 first(long count) {
    return (__mmask16)_cvtu32_mask16(count >= 16 ? 0xffffu : count <= 0 ? 0u : (1u << count) - 1);
}

WITH_BFLOAT16 void bfloat16_rows(const float *source, long rows, long columns, long stride, uint16_t *result) {
    const long depth = (columns + 1) & ~1L;
    for (long row = 0; row < rows; row++) {
        const float *from = source + row * stride;
        uint16_t *to = result + row * depth;
        long i = 0;
        for (; i + 32 <= columns; i += 32) {
            const __m512bh both = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(from + i + 16), _mm512_loadu_ps(from + i));
            _mm512_storeu_si512(to + i, (__m512i)both);
        }
        for (; i < depth; i += 16) {
            const __m256bh part = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(first(columns - i), from + i));
            _mm256_mask_storeu_epi16(to + i, first(depth - i), (__m256i)part);
        }
    }
}

WITH_BFLOAT16 void bfloat16_panels(const float *source, long depth, long width, long stride, uint16_t *result) {
    // (low 0…15, high 0…15) → (low 0, high 0, low 1, high 1, …)
    const __m512i interleave = _mm512_set_epi16(
        31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6, 21, 5, 20, 4, 19, 3, 18, 2, 17, 1,
        16, 0);
    const long pairs = (depth + 1) / 2;
    for (long pair = 0; pair < pairs; pair++) {
        const float *low = source + 2 * pair * stride;
        const float *high = low + stride;
        const bool is_single = 2 * pair + 1 == depth;
        for (long column = 0; column < width; column += panel) {
            uint16_t *to = result + (column * pairs + pair * panel) * 2;
            for (long half = 0; half < panel; half += 16) {
                const __mmask16 mask = first(width - column - half);
                const __m512 a = _mm512_maskz_loadu_ps(mask, low + column + half);
                const __m512 b = _mm512_maskz_loadu_ps(is_single ? (__mmask16)0 : mask, high + column + half);
                const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(b, a);
                _mm512_storeu_si512(to + half * 2, _mm512_permutexvar_epi16(interleave, both));
            }
        }
    }
}

WITH_BFLOAT16 void bfloat16_transposed_panels(
    const float *source, long width, long depth, long stride, uint16_t *result) {
    const long pairs = (depth + 1) / 2;
    for (long column = 0; column < width; column += panel) {
        uint32_t *to = (uint32_t *)(result + column * pairs * 2);
        for (long index = 0; index < panel; index++) {
            const float *from = source + (column + index) * stride;
            const bool is_missing = column + index >= width;
            for (long i = 0; i < depth; i += 32) {
                const __m512 a = is_missing ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(first(depth - i), from + i);
                const __m512 b =
                    is_missing ? _mm512_setzero_ps() : _mm512_maskz_loadu_ps(first(depth - i - 16), from + i + 16);
                uint32_t both[16];
                _mm512_storeu_si512(both, (__m512i)_mm512_cvtne2ps_pbh(b, a));
                const long count = smaller(16, pairs - i / 2);
                for (long pair = 0; pair < count; pair++) { to[(i / 2 + pair) * panel + index] = both[pair]; }
            }
        }
    }
}

/// A tile of up to 8 × 32: sixteen accumulators, enough to hide the latency of two multiplications a cycle.
///
/// @param row bytes from one row of `a` to the next
/// @param step bytes from one pair of `a` to the next
#define TILE(ROWS)                                                                                                      \
    WITH_BFLOAT16 static void tile_##ROWS(                                                                              \
        const char *a, long row, long step, const char *b, long pairs, float *result, long stride, __mmask16 low,       \
        __mmask16 high, bool accumulate, float scale) {                                                                 \
        __m512 sums[ROWS][2];                                                                                           \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; i++) {                                             \
            sums[i][0] = _mm512_setzero_ps();                                                                           \
            sums[i][1] = _mm512_setzero_ps();                                                                           \
        }                                                                                                               \
        for (long pair = 0; pair < pairs; pair++) {                                                                     \
            const __m512bh left = (__m512bh)_mm512_loadu_si512(b + pair * panel * 4);                                   \
            const __m512bh right = (__m512bh)_mm512_loadu_si512(b + pair * panel * 4 + 64);                             \
            _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; i++) {                                         \
                const __m512bh value = (__m512bh)_mm512_set1_epi32(*(const int *)(a + i * row + pair * step));          \
                sums[i][0] = _mm512_dpbf16_ps(sums[i][0], value, left);                                                 \
                sums[i][1] = _mm512_dpbf16_ps(sums[i][1], value, right);                                                \
            }                                                                                                           \
        }                                                                                                               \
        const __m512 factor = _mm512_set1_ps(scale);                                                                    \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; i++) {                                             \
            float *to = result + i * stride;                                                                            \
            __m512 x = _mm512_mul_ps(sums[i][0], factor);                                                               \
            __m512 y = _mm512_mul_ps(sums[i][1], factor);                                                               \
            if (accumulate) {                                                                                           \
                x = _mm512_add_ps(x, _mm512_maskz_loadu_ps(low, to));                                                   \
                y = _mm512_add_ps(y, _mm512_maskz_loadu_ps(high, to + 16));                                             \
            }                                                                                                           \
            _mm512_mask_storeu_ps(to, low, x);                                                                          \
            _mm512_mask_storeu_ps(to + 16, high, y);                                                                    \
        }                                                                                                               \
    }

TILE(1)
TILE(2)
TILE(3)
TILE(4)
TILE(5)
TILE(6)
TILE(7)
TILE(8)

typedef void (*tile)(
    const char *, long, long, const char *, long, float *, long, __mmask16, __mmask16, bool, float);
static const tile tiles[] = {0, tile_1, tile_2, tile_3, tile_4, tile_5, tile_6, tile_7, tile_8};

WITH_BFLOAT16 void bfloat16_multiply(
    const uint16_t *a, bool a_is_panels, const uint16_t *b, long rows, long width, long pairs, float *result,
    long stride, bool accumulate, float scale) {
    // A panel of `b` that deep is read from the second-level cache as fast as it is multiplied; a vocabulary is deeper.
    const long deepest = 2048;
    const long row = a_is_panels ? 4 : pairs * 4;
    const long step = a_is_panels ? panel * 4 : 4;
    for (long pair = 0; pair < pairs; pair += deepest) {
        const long depth = smaller(deepest, pairs - pair);
        // Rows of `a` that stay in the second-level cache while all panels pass by.
        long block = (512L << 10) / (depth * 4);
        block = block < panel ? panel : block / panel * panel;
        for (long start = 0; start < rows; start += block) {
            const long end = smaller(rows, start + block);
            for (long column = 0; column < width; column += panel) {
                const char *right = (const char *)b + (column * pairs + pair * panel) * 4;
                for (long i = start; i < end; i += tile_rows) {
                    const char *left = (const char *)a + pair * step +
                        (a_is_panels ? i / panel * panel * pairs * 4 + i % panel * 4 : i * row);
                    tiles[smaller(tile_rows, end - i)](
                        left, row, step, right, depth, result + i * stride + column, stride, first(width - column),
                        first(width - column - 16), accumulate || pair > 0, scale);
                }
            }
        }
    }
}

#else

bool bfloat16_is_supported(void) { return false; }
void bfloat16_rows(const float *source, long rows, long columns, long stride, uint16_t *result) { __builtin_trap(); }
void bfloat16_panels(const float *source, long depth, long width, long stride, uint16_t *result) { __builtin_trap(); }
void bfloat16_transposed_panels(const float *source, long width, long depth, long stride, uint16_t *result) {
    __builtin_trap();
}
void bfloat16_multiply(
    const uint16_t *a, bool a_is_panels, const uint16_t *b, long rows, long width, long pairs, float *result,
    long stride, bool accumulate, float scale) {
    __builtin_trap();
}

#endif
