#include "bfloat16.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define WITH_BFLOAT16 __attribute__((target("avx512f,avx512bw,avx512vl,avx512dq,avx512bf16")))

enum { panel = 32, tile_rows = 8 };

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
    // A few pairs at a time, so that each panel gets some lines in a row: panels lie a power of two apart, and single lines of
    // all of them would fall into few sets of the cache.
    const long block = 8;
    for (long start = 0; start < pairs; start += block) {
        const long end = smaller(pairs, start + block);
        for (long column = 0; column < width; column += panel) {
            const __mmask16 masks[2] = {first(width - column), first(width - column - 16)};
            for (long pair = start; pair < end; pair++) {
                const float *low = source + 2 * pair * stride + column;
                const float *high = low + stride;
                const bool is_single = 2 * pair + 1 == depth;
                uint16_t *to = result + (column * pairs + pair * panel) * 2;
                for (long half = 0; half < 2; half++) {
                    const __m512 a = _mm512_maskz_loadu_ps(masks[half], low + half * 16);
                    const __m512 b = _mm512_maskz_loadu_ps(is_single ? (__mmask16)0 : masks[half], high + half * 16);
                    const __m512i both = (__m512i)_mm512_cvtne2ps_pbh(b, a);
                    _mm512_storeu_si512(to + half * 32, _mm512_permutexvar_epi16(interleave, both));
                }
            }
        }
    }
}

/// Exchanges rows and columns of 16 × 16 words.
WITH_BFLOAT16 static inline void transpose(__m512i rows[16]) {
    __m512i other[16];
    for (int i = 0; i < 16; i += 2) {
        other[i] = _mm512_unpacklo_epi32(rows[i], rows[i + 1]);
        other[i + 1] = _mm512_unpackhi_epi32(rows[i], rows[i + 1]);
    }
    for (int i = 0; i < 16; i += 4) {
        rows[i] = _mm512_unpacklo_epi64(other[i], other[i + 2]);
        rows[i + 1] = _mm512_unpackhi_epi64(other[i], other[i + 2]);
        rows[i + 2] = _mm512_unpacklo_epi64(other[i + 1], other[i + 3]);
        rows[i + 3] = _mm512_unpackhi_epi64(other[i + 1], other[i + 3]);
    }
    // Rows i, i + 4, i + 8, i + 12 now hold columns i, i + 4, … of four rows each, in quarters.
    for (int i = 0; i < 4; i++) {
        const __m512i even = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0x88);
        const __m512i odd = _mm512_shuffle_i32x4(rows[i], rows[i + 4], 0xdd);
        const __m512i even_high = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0x88);
        const __m512i odd_high = _mm512_shuffle_i32x4(rows[i + 8], rows[i + 12], 0xdd);
        other[i] = _mm512_shuffle_i32x4(even, even_high, 0x88);
        other[i + 4] = _mm512_shuffle_i32x4(odd, odd_high, 0x88);
        other[i + 8] = _mm512_shuffle_i32x4(even, even_high, 0xdd);
        other[i + 12] = _mm512_shuffle_i32x4(odd, odd_high, 0xdd);
    }
    for (int i = 0; i < 16; i++) { rows[i] = other[i]; }
}

WITH_BFLOAT16 void bfloat16_transposed_panels(
    const float *source, long width, long depth, long stride, uint16_t *result) {
    const long pairs = (depth + 1) / 2;
    for (long column = 0; column < width; column += 16) {
        // Half a panel at a time.
        uint32_t *to = (uint32_t *)result + column / panel * panel * pairs + column % panel;
        for (long i = 0; i < depth; i += 32) {
            __m512i block[16];
            for (long index = 0; index < 16; index++) {
                const float *from = source + (column + index) * stride + i;
                const long count = column + index < width ? depth - i : 0;
                const __m512 a = _mm512_maskz_loadu_ps(first(count), from);
                const __m512 b = _mm512_maskz_loadu_ps(first(count - 16), from + 16);
                block[index] = (__m512i)_mm512_cvtne2ps_pbh(b, a);
            }
            transpose(block);
            const long count = smaller(16, pairs - i / 2);
            for (long pair = 0; pair < count; pair++) {
                _mm512_storeu_si512(to + (i / 2 + pair) * panel, block[pair]);
            }
        }
        // A panel whose second half is beyond the edge is filled up.
        if (column % panel == 0 && column + 16 >= width) {
            for (long pair = 0; pair < pairs; pair++) {
                _mm512_storeu_si512(to + pair * panel + 16, _mm512_setzero_si512());
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
        /* What is written or added to comes from memory meanwhile. */                                                  \
        _Pragma("clang loop unroll(full)") for (int i = 0; i < ROWS; i++) {                                             \
            _mm_prefetch((const char *)(result + i * stride), _MM_HINT_T0);                                             \
            _mm_prefetch((const char *)(result + i * stride + 16), _MM_HINT_T0);                                        \
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
        // So few rows that what is written stays in the second-level cache until their lines are full; panels of `b` are
        // read from there once for four tiles.
        const long block = panel;
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
