/// What is not well about an OpenBLAS, for people to mend.
enum OpenBLASAdvice {
    static func lines(
        _ build: OpenBLASBuild, kernels: String, processor: Processor, threads: Int, workAreas: Int
    ) -> [String] {
        var lines: [String] = []
        if build.threading == .none, threads > 1 {
            lines.append(
                "this OpenBLAS is built for programs of one thread, so products come one after another; install "
                    + "libopenblas0-pthread")
        } else if threads > workAreas {
            lines.append(
                "this OpenBLAS is built for products of \(workAreas) threads at a time, so that some of \(threads) wait; "
                    + "install one built with a larger NUM_THREADS")
        }
        if let better = OpenBLASKernels.better(than: kernels, on: processor).first {
            lines.append(
                "OpenBLAS multiplies with \(kernels) kernels, and \(better) would be better on this processor; "
                    + (build.choosesKernels
                        ? "unset OPENBLAS_CORETYPE if it is set, or install a newer OpenBLAS"
                        : "install an OpenBLAS that is built with DYNAMIC_ARCH"))
        }
        return lines
    }
}

/// An installation that cannot be used.
public enum ProductLibraryError: Error, Equatable, CustomStringConvertible {
    case openMP

    public var description: String {
        """
        this OpenBLAS multiplies on threads of OpenMP, and its omp_set_num_threads is not to be found to keep it from that: \
        results would depend on the number of processors. Install libopenblas0-pthread (apt), or another OpenBLAS that is \
        not built with OpenMP.
        """
    }
}
