import Checkpoints
import Foundation
import TestSupport
import Testing

/// Whatever is done to a checkpoint's files, reading gives a typed error or exactly what was written.
struct CorruptionTests {
    private let directory: TemporaryFolder
    private let model = Model.small()
    private let path: String

    init() throws {
        directory = try TemporaryFolder()
        try directory.checkpoints.prepare()
        path = try CheckpointWriter(directory: directory.checkpoints)
            .write(model.contents(step: 3, documents: someDocuments, metadata: ["preset": "demo"])).path
    }

    /// Reads everything.
    private func readAll() throws {
        let reader = try CheckpointReader(path: path)
        let copy = model.blank()
        try reader.read(copy.destinations, threads: 2)
        for (name, _) in model.groups { #expect(copy.bytes(name) == model.bytes(name), "\(name)") }
        for document in someDocuments { #expect(try reader.document(document.name) == document.bytes) }
        #expect(reader.manifest.step == 3 && reader.manifest.metadata == ["preset": "demo"])
    }

    @Test func anyChangeOfAnyFile() throws {
        var random = SplitMix64(seed: 99)
        var refused = 0
        for file in directory.names("checkpoints/step-00000003") {
            let filePath = "\(path)/\(file)"
            let original = try Data(contentsOf: URL(fileURLWithPath: filePath))
            for round in 0..<60 {
                var bytes = [UInt8](original)
                switch round % 6 {
                case 0:
                    bytes[Int.random(in: bytes.indices, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                case 1: bytes.removeLast(Int.random(in: 1...bytes.count, using: &random))
                case 2: bytes.append(UInt8.random(in: 0...255, using: &random))
                case 3:
                    // The head holds what decoders trust most.
                    bytes[Int.random(in: 0..<min(20, bytes.count), using: &random)] = .random(
                        in: 0...255, using: &random)
                case 4:
                    let start = Int.random(in: bytes.indices, using: &random)
                    for index in start..<min(start + 64, bytes.count) {
                        bytes[index] = .random(in: 0...255, using: &random)
                    }
                default: bytes = bytes.map { _ in UInt8.random(in: 0...255, using: &random) }
                }
                try Data(bytes).write(to: URL(fileURLWithPath: filePath))
                do {
                    try readAll()
                } catch let error as CheckpointError {
                    refused += 1
                    #expect("\(error)".contains(path))
                }
                if bytes != [UInt8](original) {
                    #expect(throws: CheckpointError.self) { try CheckpointReader(path: path).verify() }
                }
            }
            try original.write(to: URL(fileURLWithPath: filePath))
        }
        try readAll()
        #expect(refused > 300)
    }

    @Test func missingFilesLinksAndPipes() throws {
        for file in directory.names("checkpoints/step-00000003") {
            let filePath = "\(path)/\(file)"
            let aside = "\(directory.path)/aside"
            try FileManager.default.moveItem(atPath: filePath, toPath: aside)
            #expect(throws: CheckpointError.self, "\(file) missing") { try readAll() }
            try FileManager.default.createSymbolicLink(atPath: filePath, withDestinationPath: aside)
            #expect(throws: CheckpointError.self, "\(file) a link") { try readAll() }
            try FileManager.default.removeItem(atPath: filePath)
            mkfifo(filePath, 0o600)
            #expect(throws: CheckpointError.self, "\(file) a pipe") { try readAll() }
            try FileManager.default.removeItem(atPath: filePath)
            try FileManager.default.createDirectory(atPath: filePath, withIntermediateDirectories: false)
            #expect(throws: CheckpointError.self, "\(file) a directory") { try readAll() }
            try FileManager.default.removeItem(atPath: filePath)
            try FileManager.default.moveItem(atPath: aside, toPath: filePath)
        }
        try readAll()
    }

    /// A manifest whose checksums have been made to fit, edited with malice.
    @Test func hostileManifests() throws {
        typealias Edit = (inout [String: Any]) -> Void
        func group(_ edit: @escaping Edit) -> Edit {
            return { manifest in
                var groups = manifest["groups"] as! [[String: Any]]
                edit(&groups[0])
                manifest["groups"] = groups
            }
        }
        func storage(_ key: String, _ value: Any) -> Edit {
            group { group in
                var storage = group["storage"] as! [String: Any]
                storage[key] = value
                group["storage"] = storage
            }
        }
        func tensor(_ key: String, _ value: Any, _ index: Int = 1) -> Edit {
            group { group in
                var tensors = group["tensors"] as! [[String: Any]]
                tensors[index][key] = value
                group["tensors"] = tensors
            }
        }
        let edits: [(String, Edit)] = [
            ("format", { $0["format"] = "something else" }),
            ("version", { $0["version"] = 1 }),
            ("versions 2 to 3", { $0["version"] = 4 }),
            ("step", { $0["step"] = -1 }),
            ("range", { $0["step"] = 1e40 }),
            ("wrong type", { $0["step"] = "3" }),
            ("missing", { $0["groups"] = nil }),
            ("parameters", { $0["parameters"] = 5 }),
            ("weights_sha256", { $0["weights_sha256"] = String(repeating: "0", count: 64) }),
            ("plain file name", storage("file", "../../weights.lz4")),
            ("plain file name", storage("file", "/etc/passwd")),
            ("plain file name", storage("file", "")),
            ("listed twice", storage("file", "manifest.json")),
            ("listed twice", storage("file", "first_moments.lz4")),
            ("not in a file of its name", storage("file", "other.lz4")),
            ("negative size", storage("bytes", -4)),
            ("frames where its size needs", storage("bytes", Int.max)),
            ("add up", storage("stored_bytes", 17)),
            ("negative size", storage("stored_bytes", -17)),
            ("frames of", storage("frame_bytes", 0)),
            ("frames of", storage("frame_bytes", 1 << 40)),
            ("frames where", storage("frames", [[String: Any]]())),
            ("impossible frame", storage("frames", [["stored_bytes": Int.max, "exponent": 0]])),
            ("impossible frame", storage("frames", [["stored_bytes": 20_000, "exponent": 256]])),
            ("wrong type|not valid", storage("transform", "rot13")),
            ("not one", storage("sha256", "../x")),
            ("contradict the group weights", storage("sha256", String(repeating: "0", count: 64))),
            ("contradict the group weights", { $0["version"] = 2 }),
            ("shape", tensor("shape", [-7])),
            ("shape", tensor("shape", [Int.max, Int.max])),
            ("shape", tensor("shape", [Int](repeating: 1, count: 100))),
            ("hole", tensor("shape", [8])),
            ("hole", tensor("offset", 4)),
            ("hole", tensor("offset", -4)),
            ("twice", tensor("name", "embedding")),
            ("control characters", tensor("name", "\u{1B}[2J")),
            ("not a date", { $0["created"] = "\u{1B}[2J" }),
            ("do not fill", tensor("shape", [1, 4], 3)),
        ]
        let manifestURL = URL(fileURLWithPath: "\(path)/manifest.json")
        let sumsURL = URL(fileURLWithPath: "\(path)/SHA256SUMS")
        let original = try JSONSerialization.jsonObject(with: Data(contentsOf: manifestURL)) as! [String: Any]
        var sums = try String(contentsOf: sumsURL, encoding: .utf8).split(separator: "\n").map(String.init)
        for (expected, edit) in edits {
            var manifest = original
            edit(&manifest)
            let json = try JSONSerialization.data(withJSONObject: manifest)
            try json.write(to: manifestURL)
            sums[0] = json.withUnsafeBytes { SHA256Hasher.digest($0) } + "  manifest.json"
            try Data((sums.joined(separator: "\n") + "\n").utf8).write(to: sumsURL)
            do {
                try readAll()
                Issue.record("accepted: \(expected)")
            } catch let error as CheckpointError {
                let text = "\(error)"
                #expect(expected.split(separator: "|").contains { text.contains($0) }, "\(expected): \(text)")
                #expect(text.contains(path))
            }
        }
    }

    @Test func boundsOfTheReader() throws {
        var limits = ReadingLimits()
        limits.manifestBytes = 100
        #expect(throws: CheckpointError.self) { try CheckpointReader(path: path, limits: limits) }
        limits = ReadingLimits()
        limits.documentBytes = 100
        let reader = try CheckpointReader(path: path, limits: limits)
        #expect(throws: CheckpointError.self) { try reader.document("state.json") }
        #expect(try reader.document("config.yaml") == someDocuments[0].bytes)
        #expect(throws: CheckpointError.self) { try reader.document("absent") }
        // Deeply nested JSON must not exhaust the stack.
        try Data(String(repeating: "[", count: 200_000).utf8).write(to: URL(fileURLWithPath: "\(path)/manifest.json"))
        #expect(throws: CheckpointError.self) { try CheckpointReader(path: path) }
    }

    @Test func anotherModelIsNamed() throws {
        let reader = try CheckpointReader(path: path)
        func reason(_ change: (inout [MutableTensorView]) -> Void) -> String {
            let copy = model.blank()
            var views = copy.destinations["weights"]!
            change(&views)
            do {
                try reader.read(group: "weights", into: views)
                return ""
            } catch CheckpointError.mismatch(_, let reason) {
                #expect(copy.bytes("weights") == model.blank().bytes("weights"), "written before it was checked")
                return reason
            } catch {
                return "\(error)"
            }
        }
        #expect(reason { $0.reverse() } == "")
        #expect(reason { $0[0].shape = [17, 300] }.contains("embedding has the shape [300, 17]"))
        #expect(reason { $0.removeLast() }.contains("the tensor none, which this model does not have"))
        #expect(reason { $0[1].name = "bias2" }.contains("bias"))
        #expect(reason { $0.append($0[0]) }.contains("two tensors"))
        #expect(throws: CheckpointError.self) { try reader.read(group: "third_moments", into: []) }
    }
}
