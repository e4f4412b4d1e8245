import Foundation

/// Plain text files given as paths, folders and glob patterns.
enum TextFiles {
    struct File: Equatable {
        var path: String
        var size: Int
    }

    enum Failure: Error, CustomStringConvertible {
        case nothingFound(String)
        case unreadable(String, String)
        case noText([String])

        var description: String {
            switch self {
            case .nothingFound(let pattern): "\(pattern): no such file, and no file matches it"
            case .unreadable(let path, let problem): "\(path): \(problem)"
            case .noText(let inputs): "\(inputs.joined(separator: ", ")): there is no text to train on"
            }
        }
    }

    /// The files behind paths, folders (their .txt files, sorted by path) and glob patterns; each file once.
    static func expand(_ inputs: [String]) throws -> [File] {
        var files: [File] = []
        var seen: Set<String> = []
        for input in inputs {
            let found =
                try FileManager.default.fileExists(atPath: input) ? listed(input) : matches(input).flatMap(listed)
            guard !found.isEmpty else { throw Failure.nothingFound(input) }
            for file in found where seen.insert(file.path).inserted { files.append(file) }
        }
        return files
    }

    private static func listed(_ path: String) throws -> [File] {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Failure.unreadable(path, String(cString: strerror(errno))) }
        guard status.st_mode & S_IFMT == S_IFDIR else { return [File(path: path, size: Int(status.st_size))] }
        guard let walker = FileManager.default.enumerator(atPath: path) else {
            throw Failure.unreadable(path, "cannot be listed")
        }
        let names = walker.compactMap { $0 as? String }.filter { $0.hasSuffix(".txt") }
        let base = path.hasSuffix("/") ? path : path + "/"
        return try names.sorted().flatMap { try listedFile(base + $0) }
    }

    private static func listedFile(_ path: String) throws -> [File] {
        var status = stat()
        guard stat(path, &status) == 0 else { throw Failure.unreadable(path, String(cString: strerror(errno))) }
        return status.st_mode & S_IFMT == S_IFREG ? [File(path: path, size: Int(status.st_size))] : []
    }

    private static func matches(_ pattern: String) -> [String] {
        var found = glob_t()
        defer { globfree(&found) }
        guard glob(pattern, 0, nil, &found) == 0, let paths = found.gl_pathv else { return [] }
        return (0..<Int(found.gl_pathc)).compactMap { paths[$0].map { String(cString: $0) } }
    }

    /// Reads a file in blocks that end at a line's end (the last one excepted), in memory bounded by the longest line.
    static func readLines(_ path: String, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void) throws {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure.unreadable(path, String(cString: strerror(errno))) }
        defer { close(descriptor) }
        try LineReader.read(descriptor, name: path, body)
    }
}

/// Reads whole lines in large blocks.
enum LineReader {
    private static let blockSize = 1 << 20

    /// Calls `body` with blocks of whole lines, line ends included; only the last line may lack its end.
    static func read(
        _ descriptor: Int32, name: String, _ body: (UnsafeBufferPointer<UInt8>) throws -> Void
    ) throws {
        var buffer = [UInt8](repeating: 0, count: blockSize)
        var filled = 0
        while true {
            if filled == buffer.count { buffer.append(contentsOf: repeatElement(0, count: buffer.count)) }
            let capacity = buffer.count - filled
            let count = buffer.withUnsafeMutableBytes { raw in
                Foundation.read(descriptor, raw.baseAddress.map { $0 + filled }, capacity)
            }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw TextFiles.Failure.unreadable(name, String(cString: strerror(errno))) }
            if count == 0 { break }
            let lastLineEnd = buffer[filled..<(filled + count)].lastIndex(of: 0x0A)
            filled += count
            guard let lastLineEnd else { continue }
            try buffer.withUnsafeBufferPointer { try body(UnsafeBufferPointer(rebasing: $0[...lastLineEnd])) }
            let rest = filled - lastLineEnd - 1
            buffer.withUnsafeMutableBufferPointer { bytes in
                guard let base = bytes.baseAddress else { return }
                base.update(from: base + lastLineEnd + 1, count: rest)
            }
            filled = rest
        }
        if filled > 0 {
            try buffer.withUnsafeBufferPointer { try body(UnsafeBufferPointer(rebasing: $0[..<filled])) }
        }
    }
}
