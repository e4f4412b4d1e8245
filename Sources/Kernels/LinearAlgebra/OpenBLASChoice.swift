/// Whether the program has to start over for better kernels of OpenBLAS, which chooses them while it is loaded, before any
/// code of ours.
public struct OpenBLASChoice: Sendable, Equatable {
    /// What OpenBLAS reads. Whatever people set stays as it is.
    static let kernels = "OPENBLAS_CORETYPE"
    static let threads = "OPENBLAS_NUM_THREADS"
    /// What OpenBLAS had chosen, then what was asked for in its place, in turn: tells our settings from those of people,
    /// and ends the search.
    static let record = "PRETRAIN_OPENBLAS_CORETYPES"

    /// Variables to start over with; empty where everything is well.
    public let variables: [String: String]

    /// - Parameters:
    ///   - environment: of the process.
    ///   - chosen: the kernels that it got, as OpenBLAS names them.
    ///   - build: how the library was built.
    ///   - startedThreads: that OpenBLAS has, each with a work area.
    ///   - processors: that may compute.
    public init(
        environment: [String: String], chosen: String, build: OpenBLASBuild, processor: Processor, startedThreads: Int,
        processors: Int
    ) {
        var found: [String: String] = [:]
        let tried = Self.tried(environment)
        let isOurs = environment[Self.kernels] == nil || tried.count > 1
        if build.choosesKernels, isOurs,
            let better = OpenBLASKernels.better(than: chosen, on: processor).first(where: { !tried.contains($0) })
        {
            found[Self.kernels] = better
            found[Self.record] = ((tried.isEmpty ? [chosen] : tried) + [better]).joined(separator: ",")
        }
        // Products run on one thread each, on threads of ours: those of OpenBLAS only hold work areas.
        let isShort = startedThreads > 1 && processors > build.workAreas(startedThreads: startedThreads)
        if environment[Self.threads] == nil, isShort || !found.isEmpty { found[Self.threads] = "1" }
        variables = found
    }

    /// The first is what OpenBLAS had chosen by itself; empty where nothing else was asked for, or by someone else.
    private static func tried(_ environment: [String: String]) -> [String] {
        let names = environment[record]?.split(separator: ",").map(String.init) ?? []
        return names.count > 1 && environment[kernels] == names.last ? names : []
    }

    /// How the kernels came to be chosen, such as "in place of Prescott"; empty where OpenBLAS chose them.
    static func reason(_ environment: [String: String]) -> String {
        if let first = tried(environment).first { return "in place of \(first)" }
        return environment[kernels].map { "as \(kernels)=\($0) asks for" } ?? ""
    }
}
