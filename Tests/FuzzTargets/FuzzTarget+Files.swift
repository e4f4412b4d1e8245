import Foundation

extension FuzzTarget {
    /// Puts beside the file what its parser needs to get to the end.
    ///
    /// - Parameters:
    ///   - folder: that is there.
    ///   - tests: the folder `Tests`, whose fixtures they are.
    public func prepare(_ folder: String, tests: String) throws {
        func copy(_ source: String, as name: String) throws {
            let destination = "\(folder)/\(name)"
            try? FileManager.default.removeItem(atPath: destination)
            try FileManager.default.copyItem(atPath: "\(tests)/\(source)", toPath: destination)
        }
        func copyAll(of source: String) throws {
            for name in try FileManager.default.contentsOfDirectory(atPath: "\(tests)/\(source)") {
                try copy("\(source)/\(name)", as: name)
            }
        }
        switch self {
        case .manifest, .checkpoint:
            try copyAll(of: "CheckpointsTests/Fixtures/format-3")
            try copy("CheckpointsTests/Fixtures/format-3/manifest.json", as: FuzzedCheckpoint.template)
        case .loader:
            try copy("FuzzTargets/Seeds/text.txt/plain", as: "corpus.txt")
            try copy("InterchangeTests/Fixtures/tokenizer.json", as: "tokenizer.json")
        case .folder: try copyAll(of: "InterchangeTests/Fixtures/import/electra-small/discriminator")
        default: break
        }
    }

    /// Writes bytes to the file of this kind in a folder, and reads it.
    ///
    /// - Throws: what stands in the way of writing; what the parser throws does not matter.
    public func meet(_ bytes: UnsafeRawBufferPointer, in folder: String) throws {
        let path = "\(folder)/\(rawValue)"
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        guard file >= 0, write(file, bytes.baseAddress, bytes.count) == bytes.count, close(file) == 0 else {
            throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: path])
        }
        try? read(path, bytes)
    }
}
