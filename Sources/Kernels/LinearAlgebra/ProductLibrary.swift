import COpenBLAS
import Dispatch
import Foundation

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

    /// Library and version, such as "OpenBLAS 0.3.21".
    public var name: String {
        switch self {
        case .openBLAS: "OpenBLAS \(Self.build.version)"
        }
    }

    /// For people: library, version, kernels and how they were chosen, such as "OpenBLAS 0.3.21 with Haswell kernels, in
    /// place of Cooperlake".
    public var summary: String {
        switch self {
        case .openBLAS:
            let reason = OpenBLASChoice.reason(ProcessInfo.processInfo.environment)
            return "\(name) with \(kernelName) kernels" + (reason.isEmpty ? "" : ", \(reason)")
        }
    }

    /// What to change about the installation, if anything, for a number of threads.
    public func advice(threads: Int) -> [String] {
        switch self {
        case .openBLAS:
            OpenBLASAdvice.lines(
                Self.build, kernels: kernelName, processor: .current, threads: threads, workAreas: workAreaCount)
        }
    }

    /// Refuses a library whose products would run on threads that nobody counts.
    ///
    /// - Throws: `ProductLibraryError`.
    public func check() throws {
        switch self {
        case .openBLAS:
            if Self.build.threading == .openMP, Self.limitOpenMP == nil { throw ProductLibraryError.openMP }
        }
    }

    /// What has to change before the first product, and cannot while the process runs; see `OpenBLASChoice`.
    ///
    /// - Parameter processors: that may compute.
    public func variablesToStartOver(processors: Int) -> [String: String] {
        switch self {
        case .openBLAS:
            OpenBLASChoice(
                environment: ProcessInfo.processInfo.environment, chosen: kernelName, build: Self.build,
                processor: .current, startedThreads: Self.startedThreads, processors: processors
            ).variables
        }
    }

    /// How many threads multiply at the same time; others wait for their turn.
    public var workAreaCount: Int {
        switch self {
        case .openBLAS: Self.build.workAreas(startedThreads: Self.startedThreads)
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
            Self.beginProduct()
            defer { Self.turns.signal() }
            cblas_sgemm(
                CblasRowMajor, transposesA ? CblasTrans : CblasNoTrans, transposesB ? CblasTrans : CblasNoTrans,
                blasint(result.rows), blasint(result.columns), blasint(depth),
                scale, a.base, blasint(a.stride), b.base, blasint(b.stride),
                accumulate ? 1 : 0, result.base, blasint(result.stride))
        }
    }

    /// `result ← a · aᵀ`, or `aᵀ · a`: symmetric to the bit, for half of the operations of a general product.
    func multiplyByItself(_ a: Matrix, transposesFirst: Bool, into result: Matrix) {
        let (size, depth) = transposesFirst ? (a.columns, a.rows) : (a.rows, a.columns)
        precondition(result.rows == size && result.columns == size)
        switch self {
        case .openBLAS:
            Self.beginProduct()
            defer { Self.turns.signal() }
            cblas_ssyrk(
                CblasRowMajor, CblasUpper, transposesFirst ? CblasTrans : CblasNoTrans, blasint(size), blasint(depth),
                1,
                a.base, blasint(a.stride), 0, result.base, blasint(result.stride))
        }
        for row in 1..<max(size, 1) {
            let target = result.row(row)
            for column in 0..<row { target[column] = result.row(column)[row] }
        }
    }

    /// Waits for a work area, which `turns` gets back, and keeps OpenBLAS from threading underneath.
    @inline(__always)
    private static func beginProduct() {
        _ = singleThreaded
        turns.wait()
        // Every thread has a number of its own, which is that of all processors at first.
        limitOpenMP?(1)
    }

    private static let singleThreaded: Void = {
        // The threads that OpenBLAS has started are counted first.
        _ = startedThreads
        openblas_set_num_threads(1)
    }()

    private static let build = OpenBLASBuild(
        configuration: String(cString: openblas_get_config()), parallel: openblas_get_parallel())

    private static let startedThreads = Int(openblas_get_num_threads())

    /// One for each work area.
    private static let turns = DispatchSemaphore(value: ProductLibrary.openBLAS.workAreaCount)

    /// `omp_set_num_threads` of the OpenMP library that OpenBLAS has brought along; nil where it uses none.
    private static let limitOpenMP: (@convention(c) (Int32) -> Void)? = {
        guard build.threading == .openMP, let found = dlsym(nil, "omp_set_num_threads") else { return nil }
        return unsafeBitCast(found, to: (@convention(c) (Int32) -> Void).self)
    }()
}
