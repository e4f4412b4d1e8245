import ArgumentParser
import Checkpoints
import Formatting
import Foundation

struct CheckpointCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "checkpoint",
        abstract: "Lists, describes and verifies checkpoints.",
        subcommands: [ListCommand.self, InspectCommand.self, VerifyCommand.self]
    )

    struct ListCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "list", abstract: "Lists the checkpoints of a run, oldest first.")

        @Argument(help: "A run directory, or the folder with its checkpoints.", completion: .directory)
        var path: String
        @OptionGroup var report: ReportOptions

        func run() throws {
            let listing = try CheckpointListing(CheckpointLocation(resolving: path).paths())
            try report.show(listing) { listing.text }
        }
    }

    struct InspectCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "inspect", abstract: "Shows what a checkpoint holds, and the SHA-256 of its weights.")

        @Argument(help: "A checkpoint, or a run directory, which stands for its newest one.", completion: .directory)
        var path: String
        @Flag(help: "List every tensor with its shape too; --json always does.")
        var tensors = false
        @OptionGroup var report: ReportOptions

        func run() throws {
            let reader = try CheckpointReader(newestOf: path)
            let description = try CheckpointDescription(reader)
            try report.show(description) { description.text(tensors: tensors) }
        }
    }

    struct VerifyCommand: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "verify",
            abstract: "Decodes a checkpoint and checks every checksum.",
            discussion: "The exit status is 1 if any is damaged; the file at fault is named.")

        @Argument(help: "A checkpoint, or a run directory, which stands for all of its own.", completion: .directory)
        var path: String
        @OptionGroup var report: ReportOptions

        func run() throws {
            let verification = CheckpointVerification(try CheckpointLocation(resolving: path).paths())
            try report.show(verification) { verification.text }
            if !verification.sound { throw ExitCode(ExitStatus.failure) }
        }
    }
}

/// `checkpoint list`: what can be said about checkpoints from their manifests.
private struct CheckpointListing: Encodable {
    struct Row: Encodable {
        var step: Int?
        var path: String
        var created: String?
        var ageSeconds: Int?
        var bytes: Int?
        var storedBytes: Int?
        /// `recent` or `milestone`; nil where the next checkpoint will remove it.
        var kept: String?
        /// What is wrong with it; nil for a sound manifest.
        var problem: String?
    }

    var checkpoints: [Row]

    init(_ paths: [String]) {
        let readers = paths.map { path in Result { try CheckpointReader(path: path) } }
        let manifests = readers.compactMap { try? $0.get().manifest }
        let kept = manifests.last?.retention?.kept(of: manifests.map(\.step)) ?? [:]
        checkpoints = zip(paths, readers).map { path, reader in
            switch reader {
            case .success(let reader):
                let manifest = reader.manifest
                let created = try? Date(manifest.created, strategy: .iso8601)
                return Row(
                    step: manifest.step, path: path, created: manifest.created,
                    ageSeconds: created.map { Int(Date().timeIntervalSince($0).rounded()) }, bytes: manifest.bytes,
                    storedBytes: manifest.storedBytes, kept: kept[manifest.step]?.rawValue)
            case .failure(let error):
                return Row(step: CheckpointDirectory.step(ofPath: path), path: path, problem: "\(error)")
            }
        }
    }

    var text: String {
        let rows = checkpoints.map { row in
            [
                row.step.map(CountFormat.grouped) ?? "?",
                row.ageSeconds.map(Self.age) ?? "", row.storedBytes.map(ByteFormat.text) ?? "",
                row.problem != nil ? "damaged" : row.kept ?? "until the next one", row.path,
            ]
        }
        let table = TextTable(header: ["step", "age", "size", "kept", "path"], rightAligned: [0, 1, 2], rows: rows)
        return ([table.text] + checkpoints.compactMap(\.problem)).joined(separator: "\n")
    }

    private static func age(_ seconds: Int) -> String {
        switch seconds {
        case ..<120: "\(max(0, seconds)) s"
        case ..<7200: "\(seconds / 60) min"
        case ..<172_800: "\(seconds / 3600) h"
        default: "\(seconds / 86_400) d"
        }
    }
}

/// `checkpoint inspect`.
private struct CheckpointDescription: Encodable {
    struct Tensor: Encodable {
        var group: String
        var name: String
        var shape: [Int]
    }

    struct File: Encodable {
        var file: String
        var bytes: Int
        var storedBytes: Int
        var ratio: Double
        /// Of the content; documents have it.
        var sha256: String?
        var storedSha256: String
    }

    var path: String
    var step: Int
    var created: String
    var parameters: Int
    var weightsSha256: String?
    var bytes: Int
    var storedBytes: Int
    var ratio: Double
    var metadata: [String: String]
    var documents: [String]
    var files: [File]
    var tensors: [Tensor]

    init(_ reader: CheckpointReader) throws {
        let manifest = reader.manifest
        path = reader.path
        step = manifest.step
        created = manifest.created
        parameters = manifest.parameters
        weightsSha256 = try reader.weightsSHA256()
        bytes = manifest.bytes
        storedBytes = manifest.storedBytes
        ratio = Self.ratio(manifest.storedBytes, manifest.bytes)
        metadata = manifest.metadata
        documents = manifest.documents.map(\.name)
        files = manifest.files.map {
            File(
                file: $0.file, bytes: $0.bytes, storedBytes: $0.storedBytes,
                ratio: Self.ratio($0.storedBytes, $0.bytes),
                sha256: $0.sha256, storedSha256: $0.storedSHA256)
        }
        tensors = manifest.groups.flatMap { group in
            group.tensors.map { Tensor(group: group.name, name: $0.name, shape: $0.shape) }
        }
    }

    enum CodingKeys: String, CodingKey {
        case path, step, created, parameters, bytes, ratio, metadata, documents, files, tensors
        case weightsSha256 = "weights_sha256"
        case storedBytes = "stored_bytes"
    }

    private static func ratio(_ stored: Int, _ raw: Int) -> Double {
        raw > 0 ? Double(stored) / Double(raw) : 1
    }

    func text(tensors showsTensors: Bool) -> String {
        var lines = [
            "checkpoint      \(path)",
            "step            \(CountFormat.grouped(step))",
            "created         \(created)",
            "parameters      \(CountFormat.grouped(parameters))",
            "weights SHA-256 \(weightsSha256 ?? "none")",
            "size            \(ByteFormat.text(storedBytes)) on disk, \(ByteFormat.text(bytes)) decoded "
                + "(\(String(format: "%.1f", ratio * 100)) %)",
        ]
        lines += metadata.sorted { $0.key < $1.key }.map {
            $0.key.padding(toLength: max(15, $0.key.count), withPad: " ", startingAt: 0)
                + " \($0.value)"
        }.map(TextTable.printable)
        let files = files.map {
            [
                $0.file, ByteFormat.text($0.bytes), ByteFormat.text($0.storedBytes),
                String(format: "%.1f %%", $0.ratio * 100),
            ]
        }
        // Moments have the names and shapes of the weights: shown once.
        let first = tensors.first?.group
        let tensors = tensors.filter { $0.group == first }.map {
            [$0.name, $0.shape.isEmpty ? "scalar" : $0.shape.map(String.init).joined(separator: " × ")]
        }
        let tables = [
            TextTable(header: ["file", "decoded", "on disk", "ratio"], rightAligned: [1, 2, 3], rows: files).text,
            showsTensors
                ? TextTable(header: ["tensor (\(first ?? "none"))", "shape"], rightAligned: [], rows: tensors).text
                : "\(tensors.count) tensors; --tensors lists them",
        ]
        return ([lines.joined(separator: "\n")] + tables).joined(separator: "\n\n")
    }
}

/// `checkpoint verify`.
private struct CheckpointVerification: Encodable {
    struct Row: Encodable {
        var path: String
        var sound: Bool
        var step: Int?
        var bytes: Int?
        var seconds: Double
        var problem: String?
    }

    var sound: Bool
    var checkpoints: [Row]

    init(_ paths: [String]) {
        checkpoints = paths.map { path in
            let started = ContinuousClock.now
            func seconds() -> Double { started.duration(to: .now) / .seconds(1) }
            do {
                let reader = try CheckpointReader(path: path)
                try reader.verify()
                return Row(
                    path: path, sound: true, step: reader.manifest.step, bytes: reader.manifest.bytes,
                    seconds: seconds())
            } catch {
                return Row(path: path, sound: false, seconds: seconds(), problem: "\(error)")
            }
        }
        sound = checkpoints.allSatisfy(\.sound)
    }

    var text: String {
        checkpoints.map { row in
            row.problem.map { "damaged  \($0)" }
                ?? "sound    \(row.path): \(ByteFormat.text(row.bytes ?? 0)) in \(String(format: "%.2f", row.seconds)) s"
        }.joined(separator: "\n")
    }
}
