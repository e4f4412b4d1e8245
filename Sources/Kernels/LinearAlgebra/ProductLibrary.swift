import COpenBLAS

/// What multiplies matrices: the one place that decides it, by precision and processor, and knows its peculiarities.
///
/// Weights are read as they are. A library that wants them packed, or in another precision, makes such copies where all that
/// is computed from weights is made, once a step: `TrainingEngine.weightsChanged`.
public enum ProductLibrary: Sendable {
    /// Single precision, by kernels that OpenBLAS chooses for the processor when it is loaded.
    case openBLAS

    /// What this process multiplies with.
    public static let current = ProductLibrary.openBLAS

    /// Tells kernels apart that may round differently; checkpoints record it. For example "Haswell".
    public var kernelName: String {
        switch self {
        case .openBLAS: String(cString: openblas_get_corename())
        }
    }

    /// The most threads that may multiply at the same time: OpenBLAS has a fixed number of work areas, set when it was
    /// built, and ends the process when they run out.
    public var maximumThreadCount: Int {
        switch self {
        case .openBLAS: Self.openBLASThreadCount
        }
    }

    /// Bytes of address space that it maps for every thread that multiplies (OpenBLAS's BUFFER_SIZE on x86-64).
    var workAreaBytes: Int {
        switch self {
        case .openBLAS: 128 << 20
        }
    }

    /// Keeps it from threading underneath: parallelism is in the lanes above, and one thread's result does not depend on how
    /// many there are. Called once, before the first product.
    ///
    /// The first product does it too, if nobody has: changing the number of threads while OpenBLAS uses several of them can
    /// hang both.
    public func prepare() {
        switch self {
        case .openBLAS: _ = Self.singleThreaded
        }
    }

    /// `result ← scale · op(a) · op(b) (+ result)`, row-major; `op` transposes where told.
    ///
    /// - Parameter depth: the dimension that is summed over.
    @inline(__always)
    func multiply(
        _ a: Matrix, transposed transposesA: Bool, _ b: Matrix, transposed transposesB: Bool, into result: Matrix,
        depth: Int, accumulate: Bool, scale: Float
    ) {
        switch self {
        case .openBLAS:
            _ = Self.singleThreaded
            cblas_sgemm(
                CblasRowMajor, transposesA ? CblasTrans : CblasNoTrans, transposesB ? CblasTrans : CblasNoTrans,
                blasint(result.rows), blasint(result.columns), blasint(depth),
                scale, a.base, blasint(a.stride), b.base, blasint(b.stride),
                accumulate ? 1 : 0, result.base, blasint(result.stride))
        }
    }

    private static let singleThreaded: Void = openblas_set_num_threads(1)

    private static let openBLASThreadCount: Int = {
        // Such as "OpenBLAS 0.3.26 DYNAMIC_ARCH NO_AFFINITY Haswell MAX_THREADS=128".
        let configuration = String(cString: openblas_get_config())
        let setting = configuration.split(separator: " ").first { $0.hasPrefix("MAX_THREADS=") }
        return setting.flatMap { Int($0.dropFirst("MAX_THREADS=".count)) }.map { max(1, $0) } ?? 64
    }()
}
