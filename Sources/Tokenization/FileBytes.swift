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

    private static func tooLarge(_ path: String) -> TokenizerError {
        .file(path: path, problem: "has more than \(limit >> 20) MiB; no tokenizer.json is that large")
    }

    private static func failure(_ path: String) -> TokenizerError {
        .file(path: path, problem: String(cString: strerror(errno)))
    }
}
