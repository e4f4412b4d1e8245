import CAVX512

/// What multiplies in bfloat16. Results are the same bits for any number of threads, but one back-end sums in another order
/// than the other.
public enum BFloat16Backend: String, Sendable {
    /// The processor's instruction (AVX512_BF16: AMD from Zen 4 on, Intel's Cooper Lake and Sapphire Rapids).
    case processor = "avx512_bf16"
    /// Operands are rounded, and multiplied in single precision: the same model on any processor, without the speed.
    case emulated = "emulated bfloat16"

    /// What this process multiplies with.
    public static let current: BFloat16Backend = bfloat16_is_supported() ? .processor : .emulated
}
