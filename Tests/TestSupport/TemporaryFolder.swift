import Foundation

/// A folder that is removed with the last reference to it. Names are paths within it.
public final class TemporaryFolder: Sendable {
    public let path: String

    public init() throws {
        var template = Array("\(NSTemporaryDirectory())/pretrain-tests-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw CocoaError(.fileWriteUnknown) }
        path = template.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    public func callAsFunction(_ name: String) -> String { path + "/" + name }

    /// Writes a file, making its folders.
    ///
    /// - Returns: its path.
    @discardableResult
    public func write(_ bytes: some Sequence<UInt8>, to name: String) throws -> String {
        let file = URL(fileURLWithPath: self(name))
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: file)
        return self(name)
    }

    @discardableResult
    public func write(_ text: String, to name: String) throws -> String { try write(text.utf8, to: name) }

    public func data(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: self(name))) }

    public func text(_ name: String) throws -> String { String(decoding: try data(name), as: UTF8.self) }

    /// What is in a folder, hidden files included, sorted; nothing where there is no folder.
    public func names(_ name: String = "") -> [String] {
        ((try? FileManager.default.contentsOfDirectory(atPath: self(name))) ?? []).sorted()
    }

    public func exists(_ name: String) -> Bool { FileManager.default.fileExists(atPath: self(name)) }

    public func copy(_ name: String, to copy: String) throws {
        try FileManager.default.copyItem(atPath: self(name), toPath: self(copy))
    }

    public func move(_ name: String, to other: String) throws {
        try FileManager.default.moveItem(atPath: self(name), toPath: self(other))
    }

    public func remove(_ name: String) throws { try FileManager.default.removeItem(atPath: self(name)) }

    public func link(_ name: String, to target: String) throws {
        try FileManager.default.createSymbolicLink(atPath: self(name), withDestinationPath: target)
    }
}
