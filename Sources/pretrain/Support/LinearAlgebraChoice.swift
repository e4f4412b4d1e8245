import CProcessor
import Foundation

/// Chooses OpenBLAS's kernels for this processor where OpenBLAS itself chooses badly.
enum LinearAlgebraChoice {
    private static let variable = "OPENBLAS_CORETYPE"

    /// Starts the program over with the better choice, if there is one and nobody has chosen.
    ///
    /// OpenBLAS looks at the processor while it is loaded, before any code of ours. AMD's Zen 4 has AVX-512 but executes it
    /// in halves, so that the AVX2 kernels, whose schedules are better, are faster (docs/PERFORMANCE.md).
    static func apply() {
        guard getenv(variable) == nil, processor_splits_avx512() else { return }
        setenv(variable, "Haswell", 0)
        // Products run on one thread each, on threads of ours: OpenBLAS need not start its own.
        setenv("OPENBLAS_NUM_THREADS", "1", 0)
        var arguments = CommandLine.arguments.map { strdup($0) as UnsafeMutablePointer<CChar>? } + [nil]
        // Returns only if it fails; then the program goes on, a little slower.
        execv("/proc/self/exe", &arguments)
    }
}
