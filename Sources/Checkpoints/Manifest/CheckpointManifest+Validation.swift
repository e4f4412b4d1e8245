import Foundation

extension CheckpointManifest {
    /// Reads a manifest and believes nothing of it that has not been checked.
    ///
    /// Afterwards names are plain file names and unique, sizes add up without overflow, and the tensors of a group
    /// cover its file without hole or overlap.
    ///
    /// - Throws: `CheckpointError.damaged` or `.unsupportedVersion`, naming `path`.
    static func parse(_ json: [UInt8], path: String) throws -> CheckpointManifest {
        struct Header: Decodable {
            var format: String
            var version: Int
        }
        let manifest: CheckpointManifest
        do {
            let header = try JSONDecoder().decode(Header.self, from: Data(json))
            guard header.format == formatName else {
                throw ManifestFlaw("its format is not \(formatName)")
            }
            guard (oldestVersion...currentVersion).contains(header.version) else {
                throw CheckpointError.unsupportedVersion(
                    path: path, found: header.version, supported: currentVersion)
            }
            manifest = try JSONDecoder().decode(CheckpointManifest.self, from: Data(json))
            try manifest.validate()
        } catch let flaw as ManifestFlaw {
            throw CheckpointError.damaged(path: path, reason: flaw.reason)
        } catch let error as DecodingError {
            throw CheckpointError.damaged(path: path, reason: Self.reason(error))
        }
        return manifest
    }

    private static func reason(_ error: DecodingError) -> String {
        func place(_ context: DecodingError.Context) -> String {
            context.codingPath.isEmpty ? "" : " at " + context.codingPath.map(\.stringValue).joined(separator: ".")
        }
        switch error {
        case .keyNotFound(let key, let context): return "the key \(key.stringValue) is missing\(place(context))"
        case .typeMismatch(_, let context): return "a value of the wrong type\(place(context))"
        case .valueNotFound(_, let context): return "a value is missing\(place(context))"
        case .dataCorrupted(let context): return "not valid JSON or a number out of range\(place(context))"
        @unknown default: return "not readable"
        }
    }

    /// Checks all facts that must hold between the fields.
    func validate() throws {
        guard step >= 0 else { throw ManifestFlaw("step \(step) is negative") }
        guard created.utf8.count < 40, Self.isPrintable(created) else { throw ManifestFlaw("created is not a date") }
        var fileNames: Set<String> = [Self.fileName, Self.checksumsFileName]
        var groupNames: Set<String> = []
        var documentNames: Set<String> = []
        var total = 0
        for file in files {
            guard fileNames.insert(file.file).inserted else { throw ManifestFlaw("\(file.file) is listed twice") }
            try file.validate()
            total = try Self.sum(total, file.bytes, file.file)
        }
        for group in groups {
            guard groupNames.insert(group.name).inserted else {
                throw ManifestFlaw("the group \(group.name.debugDescription) is listed twice")
            }
            guard group.storage.file == group.name + ".lz4" else {
                throw ManifestFlaw("the group \(group.name.debugDescription) is not in a file of its name")
            }
            try group.validate()
        }
        for document in documents {
            guard documentNames.insert(document.name).inserted else {
                throw ManifestFlaw("the document \(document.name.debugDescription) is listed twice")
            }
            guard document.storage.file == document.name + ".lz4", document.storage.transform == .none else {
                throw ManifestFlaw("the document \(document.name.debugDescription) is not stored as one")
            }
        }
        let weights = group(TensorGroup.weights)
        guard parameters == weights?.elementCount ?? 0, weightsSHA256 == weights?.storage.sha256,
            version > 2 || weights == nil || weightsSHA256 != nil
        else {
            throw ManifestFlaw("parameters and weights_sha256 contradict the group weights")
        }
    }

    static func sum(_ total: Int, _ bytes: Int, _ name: String) throws -> Int {
        let (sum, overflow) = total.addingReportingOverflow(bytes)
        guard !overflow else { throw ManifestFlaw("the sizes overflow at \(name)") }
        return sum
    }

    /// Whether a text can be shown on a terminal: no control characters, which could rewrite the screen.
    static func isPrintable(_ text: String) -> Bool {
        // What names nearly always are, without looking up categories.
        text.utf8.allSatisfy { (0x20..<0x7F).contains($0) }
            || text.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
    }

    /// Whether a name can be a file of a checkpoint: no folder, nothing hidden, nothing that a shell would mind.
    static func isPlainName(_ name: String) -> Bool {
        let characters = Array(name.utf8)
        guard let first = characters.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-") else { return false }
        return characters.count <= 200
            && characters.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

/// What is wrong with a manifest, before the path is known.
struct ManifestFlaw: Error {
    var reason: String
    init(_ reason: String) { self.reason = reason }
}

extension CheckpointManifest.File {
    /// Sizes of a frame's decoded content that a reader accepts.
    static let frameByteRange = 1024...(4 << 20)

    func validate() throws {
        guard CheckpointManifest.isPlainName(file) else {
            throw ManifestFlaw("\(file.debugDescription) is not a plain file name")
        }
        guard bytes >= 0, storedBytes >= 0 else { throw ManifestFlaw("\(file) has a negative size") }
        guard sha256.map(SHA256Hasher.isDigest) ?? true, SHA256Hasher.isDigest(storedSHA256) else {
            throw ManifestFlaw("\(file) has a checksum that is not one")
        }
        guard Self.frameByteRange.contains(frameBytes), frameBytes % 1024 == 0 else {
            throw ManifestFlaw("\(file) has frames of \(frameBytes) bytes")
        }
        let expectedFrames = max(1, bytes / frameBytes + (bytes % frameBytes == 0 ? 0 : 1))
        guard frames.count == expectedFrames else {
            throw ManifestFlaw("\(file) has \(frames.count) frames where its size needs \(expectedFrames)")
        }
        var stored = 0
        for frame in frames {
            guard frame.storedBytes > 0, frame.storedBytes <= FrameCodec.maximumStoredBytes(frameBytes),
                (0...255).contains(frame.exponent)
            else { throw ManifestFlaw("\(file) has an impossible frame") }
            stored = try CheckpointManifest.sum(stored, frame.storedBytes, file)
        }
        guard stored == storedBytes else { throw ManifestFlaw("the frames of \(file) do not add up to its size") }
    }
}

extension CheckpointManifest.Group {
    func validate() throws {
        var names: Set<String> = []
        var end = 0
        for tensor in tensors {
            // Made only when it is needed: there are many tensors.
            var name: String { tensor.name.debugDescription }
            guard CheckpointManifest.isPrintable(tensor.name) else {
                throw ManifestFlaw("the tensor name \(name) has control characters")
            }
            guard names.insert(tensor.name).inserted else { throw ManifestFlaw("the tensor \(name) is listed twice") }
            guard let bytes = Self.bytes(ofShape: tensor.shape) else {
                throw ManifestFlaw("the tensor \(name) has an impossible shape")
            }
            guard tensor.offset == end else {
                throw ManifestFlaw("the tensor \(name) leaves a hole or overlaps the one before it")
            }
            end = try CheckpointManifest.sum(end, bytes, tensor.name)
        }
        guard end == storage.bytes else { throw ManifestFlaw("the tensors of \(name) do not fill \(storage.file)") }
    }

    /// Bytes of a float tensor; nil for a negative or overflowing shape.
    static func bytes(ofShape shape: [Int]) -> Int? {
        guard shape.count <= 16 else { return nil }
        var bytes = 4
        for size in shape {
            guard size >= 0 else { return nil }
            let (product, overflow) = bytes.multipliedReportingOverflow(by: size)
            guard !overflow else { return nil }
            bytes = product
        }
        return bytes
    }
}
