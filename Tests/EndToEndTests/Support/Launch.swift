import Foundation
import TestSupport
import Testing

/// Starts runs under an MPI that is installed here.
struct Launch: CustomTestStringConvertible, Sendable {
    private let mpi: MPI

    var testDescription: String { mpi.name }

    static let all = MPI.all.map(Launch.init)

    /// Builds the library in a workspace.
    func prepare(_ workspace: Workspace) throws {
        let outcome = try workspace.pretrain("mpi-library", "--mpicc", mpi.compiler, "--output", library)
        #expect(outcome.status == 0, "\(outcome.errors)")
    }

    private var library: String { "libpretrain_mpi.so" }

    /// The environment of ranks.
    func environment(_ workspace: Workspace, hasLibrary: Bool = true) -> [String: String] {
        var environment = ProcessInfo.processInfo.environment.merging(MPI.environment(home: workspace.path)) { $1 }
        environment["PRETRAIN_MPI"] = hasLibrary ? "\(workspace.path)/\(library)" : nil
        return environment
    }

    /// Starts ranks.
    ///
    /// - Parameter variables: more of their environment.
    func start(
        _ workspace: Workspace, ranks: Int, _ arguments: [String], hasLibrary: Bool = true,
        variables: [String: String] = [:]
    ) throws -> Child {
        try Child(
            "/usr/bin/env", mpi.words(ranks: ranks, [Program.path] + arguments), input: nil,
            environment: environment(workspace, hasLibrary: hasLibrary).merging(variables) { $1 }, in: workspace.path)
    }

    /// Starts ranks with arguments of their own.
    func start(_ workspace: Workspace, _ arguments: [[String]]) throws -> Child {
        try start(workspace, commands: arguments.map { [Program.path] + $0 })
    }

    /// Starts ranks that are each a command of its own.
    func start(_ workspace: Workspace, commands: [[String]]) throws -> Child {
        try Child(
            "/usr/bin/env", mpi.words(commands), input: nil, environment: environment(workspace), in: workspace.path)
    }

    /// The process that is a rank of a run that is under way.
    func process(_ rank: Int, of output: String, _ workspace: Workspace) -> Int32? {
        workspace.processes(output).first { number in
            let environment = FileManager.default.contents(atPath: "/proc/\(number)/environ") ?? Data()
            return environment.split(separator: 0).contains {
                let variable = String(decoding: $0, as: UTF8.self)
                return variable == "OMPI_COMM_WORLD_RANK=\(rank)" || variable == "PMI_RANK=\(rank)"
            }
        }
    }
}
