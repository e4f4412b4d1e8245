import Checkpoints
import Foundation
import TestSupport
import Testing

/// Checkpoints of every format that is read, written by `Tools/make_checkpoint_fixture.py` from its description.
struct FormatTests {
    private static func path(_ format: Int) -> String {
        Bundle.module.bundleURL.appendingPathComponent("Fixtures/format-\(format)").path
    }

    private static let count = 1300

    /// The numbers that the script stores.
    private static func model() -> Model {
        let model = Model()
        model.add("weights", "any bits", [13, 100]) { UInt32(truncatingIfNeeded: $0 &* 2_654_435_761) }
        model.add("weights", "scalar", []) { _ in Float(3).bitPattern }
        model.add("first_moments", "steps", [count]) { ((Float($0) - 650) / 1024).bitPattern }
        return model
    }

    @Test(arguments: [2, 3]) func isRead(format: Int) throws {
        let reader = try CheckpointReader(path: Self.path(format))
        #expect(reader.manifest.step == format)
        try reader.verify()
        let model = Self.model()
        let copy = model.blank()
        try reader.read(copy.destinations)
        for (name, _) in model.groups { #expect(copy.bytes(name) == model.bytes(name), "\(name)") }
        #expect(try reader.document("config.yaml") == someDocuments[0].bytes)
        // What names a model does not depend on the format; this is numpy's bytes and hashlib's digest.
        #expect(
            try reader.weightsSHA256() == "58784bb4de5604b9da81949222bcd56d59bbd203210b3f29670299294d661dce")
    }

    @Test func whatFillsUpAFrameIsChecked() throws {
        let directory = try TemporaryFolder()
        let path = "\(directory.path)/copy"
        try FileManager.default.copyItem(atPath: Self.path(3), toPath: path)
        let file = URL(fileURLWithPath: "\(path)/weights.lz4")
        var bytes = [UInt8](try Data(contentsOf: file))
        let filling = try #require(bytes.indices.dropLast(4).last { bytes[$0..<($0 + 4)] == [0x50, 0x2A, 0x4D, 0x18] })
        bytes[filling] = 0x04
        try Data(bytes).write(to: file)
        // Checksums that fit.
        let old = try #require(CheckpointReader(path: Self.path(3)).manifest.group("weights")).storage.storedSHA256
        let new = bytes.withUnsafeBytes { SHA256Hasher.digest($0) }
        let manifest = URL(fileURLWithPath: "\(path)/manifest.json")
        let json = try String(contentsOf: manifest, encoding: .utf8).replacingOccurrences(of: old, with: new)
        try Data(json.utf8).write(to: manifest)
        let sums = URL(fileURLWithPath: "\(path)/SHA256SUMS")
        var lines = try String(contentsOf: sums, encoding: .utf8).replacingOccurrences(of: old, with: new)
            .split(separator: "\n").map(String.init)
        lines[0] = Array(json.utf8).withUnsafeBytes { SHA256Hasher.digest($0) } + "  manifest.json"
        try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: sums)
        let reader = try CheckpointReader(path: path)
        #expect {
            try reader.verify()
        } throws: {
            "\($0)".contains("weights.lz4") && "\($0)".contains("another size")
        }
    }
}
