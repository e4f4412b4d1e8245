import Foundation
import TestSupport
import Testing

/// An MPI that is installed here: its launcher, and the library that connects the program with it.
struct Launch: CustomTestStringConvertible, Sendable {
    let name: String
    private let launcher: String
    private let compiler: String
    private let options: [String]

    var testDescription: String { name }

    static let all = [
        Launch(name: "Open MPI", launcher: "mpirun.openmpi", compiler: "mpicc.openmpi", options: ["--oversubscribe"]),
        Launch(name: "MPICH", launcher: "mpirun.mpich", compiler: "mpicc.mpich", options: []),
    ].filter { found($0.launcher) && found($0.compiler) }

    private static func found(_ name: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
        }
    }

    /// Builds the library in a workspace.
    func prepare(_ workspace: Workspace) throws {
        let outcome = try workspace.pretrain("mpi-library", "--mpicc", compiler, "--output", library)
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    private var library: String { "libpretrain_mpi.so" }

    /// The environment of ranks: of whom the tests are run by, root too.
    func environment(_ workspace: Workspace, hasLibrary: Bool = true) -> [String: String] {
        var environment = ProcessInfo.processInfo.environment
        environment["OMPI_ALLOW_RUN_AS_ROOT"] = "1"
        environment["OMPI_ALLOW_RUN_AS_ROOT_CONFIRM"] = "1"
        environment["HOME"] = workspace.path
        environment["PRETRAIN_MPI"] = hasLibrary ? "\(workspace.path)/\(library)" : nil
        return environment
    }

    /// Starts ranks.
    func start(
        _ workspace: Workspace, ranks: Int, _ arguments: [String], hasLibrary: Bool = true
    ) throws -> Child {
        try Child(
            "/usr/bin/env", [launcher] + options + ["-np", "\(ranks)", Program.path] + arguments, input: nil,
            environment: environment(workspace, hasLibrary: hasLibrary), in: workspace.path)
    }

    /// Starts ranks with arguments of their own.
    func start(_ workspace: Workspace, _ arguments: [[String]]) throws -> Child {
        let parts = arguments.map { ["-np", "1", Program.path] + $0 }.joined(separator: [":"])
        return try Child(
            "/usr/bin/env", [launcher] + options + parts, input: nil, environment: environment(workspace),
            in: workspace.path)
    }
}
