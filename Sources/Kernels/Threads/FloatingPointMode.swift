import CProcessor

extension Kernels {
    /// Treats denormal numbers as zero on this thread: moments of rarely used embedding rows decay into them, and
    /// arithmetic on them is a hundred times slower.
    static func flushDenormals() { processor_flush_denormals() }
}
