import Files
import Foundation

/// The library that connects this program with the MPI of a machine: where it is looked for, and how it is made.
public enum MPILibrary {
    static let fileName = "libpretrain_mpi.so"

    /// The environment variable that names another file.
    public static let variable = "PRETRAIN_MPI"

    /// Where it is looked for, in that order.
    ///
    /// - Parameter executable: of this program.
    public static func places(_ environment: [String: String], executable: String) -> [String] {
        if let path = environment[variable], !path.isEmpty { return [path] }
        let folder = PathParts.folder(of: executable)
        var places = ["\(folder)/\(fileName)", "\(folder)/../lib/pretrain/\(fileName)"]
        if let own = ownPlace(environment) { places.append(own) }
        return places
    }

    /// Where everybody may write.
    private static func ownPlace(_ environment: [String: String]) -> String? {
        environment["HOME"].map { "\($0)/.local/lib/pretrain/\(fileName)" }
    }

    /// The file that is to be loaded; nil where there is none.
    public static func path(_ environment: [String: String], executable: String) -> String? {
        places(environment, executable: executable).first { FileManager.default.fileExists(atPath: $0) }
    }

    /// The C file that it is made from.
    public static var source: String { String(decoding: PackageResources.pretrain_mpi_c, as: UTF8.self) }

    /// Compiles it.
    ///
    /// - Parameters:
    ///   - compiler: MPI's wrapper of a C compiler, such as mpicc.
    ///   - output: nil for the first place where it is looked for that may be written.
    /// - Returns: where it is.
    /// - Throws: `CommunicationError.notBuilt`.
    public static func build(
        compiler: String, output: String?, environment: [String: String], executable: String
    ) throws -> String {
        let folder =
            FileManager.default.temporaryDirectory.path + "/pretrain-mpi-\(ProcessInfo.processInfo.processIdentifier)"
        try OutputFolder.create(folder)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (file, library) = ("\(folder)/pretrain_mpi.c", "\(folder)/\(fileName)")
        try Data(source.utf8).write(to: URL(fileURLWithPath: file))
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [compiler, "-O2", "-Wall", "-shared", "-fPIC", "-o", library, file]
        let messages = Pipe()
        process.standardError = messages
        process.standardOutput = messages
        try process.run()
        let said = String(decoding: messages.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        guard process.terminationStatus == 0, let contents = FileManager.default.contents(atPath: library) else {
            throw CommunicationError.notBuilt(
                compiler: compiler, status: process.terminationStatus, reason: said.trimmingCharacters(in: .newlines))
        }
        var choices = output.map { [$0] } ?? []
        if output == nil {
            choices = [places([:], executable: executable)[0]] + (ownPlace(environment).map { [$0] } ?? [])
        }
        var failure: (any Error)?
        for place in choices {
            do {
                let parent = PathParts.folder(of: place)
                if !parent.isEmpty, !FileManager.default.fileExists(atPath: parent) { try OutputFolder.create(parent) }
                try OutputFile(checking: place).write(contents)
                return place
            } catch {
                failure = error
            }
        }
        throw failure!
    }
}
