/// How an OpenBLAS was built: what it may be asked for, and by how many threads at a time.
public struct OpenBLASBuild: Sendable, Equatable {
    public enum Threading: Int32, Sendable {
        /// Without threads of its own, and usually without locks: two products at a time may get one work area.
        case none = 0
        /// Threads that `openblas_set_num_threads` rules.
        case own = 1
        /// Threads of OpenMP, whose number every thread of a program has for itself.
        case openMP = 2
    }

    public let threading: Threading
    /// Whether it holds kernels for several processors and chooses among them.
    public let choosesKernels: Bool
    /// Such as "0.3.21".
    public let version: String
    private let maximumThreads: Int

    /// - Parameters:
    ///   - configuration: as `openblas_get_config` tells, such as "OpenBLAS 0.3.26 DYNAMIC_ARCH NO_AFFINITY Haswell
    ///     MAX_THREADS=128".
    ///   - parallel: as `openblas_get_parallel` tells.
    public init(configuration: String, parallel: Int32) {
        let words = configuration.split(separator: " ")
        threading = Threading(rawValue: parallel) ?? .own
        choosesKernels = words.contains("DYNAMIC_ARCH")
        version = words.dropFirst().first.map(String.init) ?? "of unknown version"
        let setting = words.first { $0.hasPrefix("MAX_THREADS=") }
        maximumThreads =
            setting.flatMap { Int($0.dropFirst("MAX_THREADS=".count)) }.map { max(1, $0) } ?? 64
    }

    /// How many threads may multiply at a time. Every product takes one of a fixed number of work areas, twice as many as
    /// the library was built to have threads (`NUM_BUFFERS`), and each of OpenBLAS's own threads keeps one. Where they run
    /// out, 0.3.21 adds more without guarding against two threads that do so at once, and a process ends.
    ///
    /// - Parameter startedThreads: that OpenBLAS has.
    func workAreas(startedThreads: Int) -> Int {
        threading == .none ? 1 : max(1, 2 * maximumThreads - startedThreads)
    }
}
