/// Products of bfloat16 operands with sums in single precision, by the processor's own instruction (`vdpbf16ps` of
/// AVX512_BF16), and the conversions that lay operands out for it. C, since Swift has no way to compile single functions
/// for instructions that the rest of the program does without. Callers have asked the processor (CProcessor) whether it has them.
///
/// Two layouts. *Rows*: row-major, `[rows][depth]`, the depth even; depth is the dimension that is summed over. *Panels*:
/// `[width / 32][depth / 2][32][2]`: panels of 32 columns, and in each the pairs of values that follow one another in depth.
/// What is missing at the edges is zero.
#pragma once

#include <stdbool.h>
#include <stdint.h>

/// Rounds `[rows, columns]` to rows of `columns` (even: one zero more), to nearest, ties to even; denormals to zero.
void bfloat16_rows(const float *source, long rows, long columns, long stride, uint16_t *result);

/// Rounds `[depth, width]`, whose rows are what is summed over, to panels.
void bfloat16_panels(const float *source, long depth, long width, long stride, uint16_t *result);

/// Rounds `[width, depth]`, whose columns are what is summed over, to panels.
void bfloat16_transposed_panels(const float *source, long width, long depth, long stride, uint16_t *result);

/// `result ← scale · a · b (+ result)`, `[rows, width]`, with `b` in panels.
///
/// @param a in rows, or in panels of its `rows` columns where `a_is_panels`
/// @param pairs half the depth, as laid out
void bfloat16_multiply(
    const uint16_t *a, bool a_is_panels, const uint16_t *b, long rows, long width, long pairs, float *result,
    long stride, bool accumulate, float scale);
