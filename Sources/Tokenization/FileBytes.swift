import Foundation

/// Whole files through POSIX calls, with typed errors.
enum FileBytes {
    /// Tokenizers of a million entries take a tenth of this; a device file would never end.
    private static let limit = 1 << 30

    static func read(_ path: String) throws(TokenizerError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path) }
        guard status.st_mode & S_IFMT != S_IFDIR else { throw .file(path: path, problem: "is a folder") }
        guard status.st_size <= limit else { throw tooLarge(path) }
        var result: [UInt8] = []
        result.reserveCapacity(max(0, Int(status.st_size)) + 1)
        var block = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Foundation.read(descriptor, &block, block.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path) }
            if count == 0 { return result }
            guard result.count + count <= limit else { throw tooLarge(path) }
            result.append(contentsOf: block[..<count])
        }
    }

    /// Replaces a file in one step: a reader sees the old bytes or all of the new ones.
    static func write(_ bytes: [UInt8], to path: String) throws(TokenizerError) {
        let temporary = "\(path).\(getpid()).partial"
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw failure(path) }
        do throws(TokenizerError) {
            defer { close(descriptor) }
            try writeAll(bytes, descriptor, path)
            guard fsync(descriptor) == 0 else { throw failure(path) }
        } catch {
            unlink(temporary)
            throw error
        }
        guard rename(temporary, path) == 0 else {
            let error = failure(path)
            unlink(temporary)
            throw error
        }
    }

    private static func writeAll(_ bytes: [UInt8], _ descriptor: Int32, _ path: String) throws(TokenizerError) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { raw in
                Foundation.write(descriptor, raw.baseAddress.map { $0 + written }, bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw failure(path) }
            written += count
        }
    }

    private static func tooLarge(_ path: String) -> TokenizerError {
        .file(path: path, problem: "has more than \(limit >> 20) MiB; no tokenizer.json is that large")
    }

    private static func failure(_ path: String) -> TokenizerError {
        .file(path: path, problem: String(cString: strerror(errno)))
    }
}
