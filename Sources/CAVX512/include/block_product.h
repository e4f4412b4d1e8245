/// Attention's small products with vectors of 512 bits. The same bits as with shorter vectors: every element is one chain of
/// fused multiply-adds, in order.
#pragma once

#include <stdbool.h>

/// Whether the processor and the system have what `block_product` needs.
bool block_product_is_supported(void);

/// `result (+)= Σ_k a(i, k) · b(k, ·)` for up to six rows and any number of columns.
///
/// @param a element (i, k) is `a[i · row_stride + k · depth_stride]`
/// @param b panels of 16 columns, `[depth][16]` each, `panel_stride` floats from one to the next
/// @param columns a multiple of 8
void block_product(
    const float *a, long row_stride, long depth_stride, const float *b, long panel_stride, long depth, float *result,
    long result_stride, long rows, long columns, bool accumulate);
