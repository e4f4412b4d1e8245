import Foundation

/// An MPI that is installed here: its launcher, and its compiler for the library that connects the program with it.
public struct MPI: Sendable {
    public let name: String
    public let compiler: String
    private let launcher: String
    private let options: [String]

    public static let all = [
        MPI(name: "Open MPI", compiler: "mpicc.openmpi", launcher: "mpirun.openmpi", options: ["--oversubscribe"]),
        MPI(name: "MPICH", compiler: "mpicc.mpich", launcher: "mpirun.mpich", options: []),
    ].filter { found($0.launcher) && found($0.compiler) }

    private static func found(_ name: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
        }
    }

    /// Arguments of `env` that start a command on ranks.
    public func words(ranks: Int, _ command: [String]) -> [String] {
        [launcher] + options + ["-np", "\(ranks)"] + command
    }

    /// Arguments of `env` that start a rank with each of the commands.
    public func words(_ commands: [[String]]) -> [String] {
        [launcher] + options + commands.map { ["-np", "1"] + $0 }.joined(separator: [":"])
    }

    /// What ranks need in their environment, whoever runs the tests, root too.
    ///
    /// - Parameter home: where a launcher may leave files.
    public static func environment(home: String) -> [String: String] {
        ["OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1", "HOME": home]
    }
}
