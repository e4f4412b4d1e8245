import Glibc

/// The decompressed content of one file, read from front to back in bounded memory.
final class FileStream {
    /// Bytes read from the file at a time.
    private static let blockBytes = 256 << 10

    private let file: CorpusFile
    private var path: String { file.path }
    private let descriptor: Int32
    private let decompressor: (any Decompressor)?
    private let cancellation: Cancellation?
    private var input: UnsafeMutableRawBufferPointer
    private var inputStart = 0
    private var inputEnd = 0
    private var fileEnded = false
    /// Position in the decompressed content of the next byte to be read.
    private(set) var offset: Int64 = 0

    /// - Throws: `CorpusError.unreadable`, `.notText` for a compression that is not supported, `.damagedArchive`,
    ///   `.beyondLimit`.
    init(_ file: CorpusFile, cancellation: Cancellation? = nil) throws {
        self.file = file
        let path = file.path
        self.cancellation = cancellation
        // Without O_NONBLOCK, opening a named pipe would wait for a writer before it can be refused.
        descriptor = SystemPath.withBytes(path) { open($0, O_RDONLY | O_CLOEXEC | O_NONBLOCK) }
        guard descriptor >= 0 else { throw CorpusError.unreadable(path: path, reason: systemMessage()) }
        do {
            var status = stat()
            guard fstat(descriptor, &status) == 0 else {
                throw CorpusError.unreadable(path: path, reason: systemMessage())
            }
            guard status.st_mode & S_IFMT == S_IFREG else {
                throw CorpusError.unreadable(path: path, reason: "it is not a regular file")
            }
            let descriptor = self.descriptor
            func peek(_ offset: Int64) throws -> [UInt8] {
                try Self.read(descriptor, path, count: Compression.magicBytes, at: offset)
            }
            let compression = try Compression(start: peek(0), read: peek)
            if case .unsupported(let name) = compression {
                throw CorpusError.notText(path: path, reason: "it is in \(name) format, which is not supported")
            }
            if compression == .none, let ending = FileName.compressionEnding(path) {
                throw CorpusError.damagedArchive(
                    path: path, offset: 0,
                    reason:
                        "its name ends in \(ending), but it does not begin like such a file (rename it if it is text)")
            }
            do {
                decompressor = try compression.makeDecompressor()
            } catch let failure as DecompressionFailure {
                throw failure.error(path: path, offset: 0)
            }
            posix_fadvise(descriptor, 0, 0, POSIX_FADV_SEQUENTIAL)
        } catch {
            close(descriptor)
            throw error
        }
        input = .allocate(byteCount: decompressor == nil ? 0 : Self.blockBytes, alignment: 16)
    }

    deinit {
        input.deallocate()
        close(descriptor)
    }

    var isCompressed: Bool { decompressor != nil }

    /// Bytes at the start of the file, as they are in it.
    func beginning() throws -> [UInt8] { try Self.read(descriptor, path, count: 64, at: 0) }

    /// How the file differs from what was listed, if it does.
    func changeSinceListing() -> String? {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return nil }
        if Int64(status.st_size) != file.size {
            return "its size was \(file.size) bytes and is \(status.st_size)"
        }
        return status.modificationTime == file.modificationTime ? nil : "it was written to"
    }

    /// Reads up to `output.count` bytes.
    ///
    /// - Returns: the number of bytes; 0 only at the end of the content.
    /// - Throws: `CorpusError.unreadable`, `.damagedArchive`, `.beyondLimit`, `.stopped`.
    func read(into output: UnsafeMutableRawBufferPointer) throws -> Int {
        try cancellation?.check()
        guard let decompressor else {
            let count = try readBlock(into: output)
            offset += Int64(count)
            return count
        }
        while true {
            let available = UnsafeRawBufferPointer(rebasing: input[inputStart..<inputEnd])
            let step: (consumed: Int, produced: Int)
            do {
                step = try decompressor.decode(available, into: output)
            } catch let failure as DecompressionFailure {
                throw failure.error(path: path, offset: offset)
            }
            inputStart += step.consumed
            if step.produced > 0 {
                offset += Int64(step.produced)
                return step.produced
            }
            if step.consumed > 0 { continue }
            if fileEnded {
                guard decompressor.isAtFrameEnd && inputStart == inputEnd else {
                    throw CorpusError.damagedArchive(
                        path: path, offset: offset, reason: "the file ends in the middle of the compressed data")
                }
                return 0
            }
            try refill()
        }
    }

    /// Moves forward to a position in the decompressed content, or to its end if that comes first.
    func skip(to target: Int64) throws {
        guard target > offset else { return }
        if decompressor == nil {
            guard lseek(descriptor, off_t(target), SEEK_SET) >= 0 else {
                throw CorpusError.unreadable(path: path, reason: systemMessage())
            }
            offset = target
            return
        }
        let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { scratch.deallocate() }
        while offset < target {
            let wanted = Int(min(Int64(scratch.count), target - offset))
            if try read(into: UnsafeMutableRawBufferPointer(rebasing: scratch[..<wanted])) == 0 { return }
        }
    }

    private func refill() throws {
        let remaining = inputEnd - inputStart
        if remaining > 0 && inputStart > 0, let start = input.baseAddress {
            memmove(start, start + inputStart, remaining)
        }
        inputStart = 0
        inputEnd = remaining
        let count = try readBlock(into: UnsafeMutableRawBufferPointer(rebasing: input[remaining...]))
        inputEnd += count
        if count == 0 { fileEnded = true }
    }

    private func readBlock(into output: UnsafeMutableRawBufferPointer) throws -> Int {
        while true {
            let count = Glibc.read(descriptor, output.baseAddress, output.count)
            if count >= 0 { return count }
            if errno != EINTR { throw CorpusError.unreadable(path: path, reason: systemMessage()) }
        }
    }

    private static func read(_ descriptor: Int32, _ path: String, count: Int, at offset: Int64) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress?.advanced(by: filled), count - filled, off_t(offset) + off_t(filled))
            }
            if got == 0 { break }
            if got > 0 {
                filled += got
            } else if errno != EINTR {
                throw CorpusError.unreadable(path: path, reason: systemMessage())
            }
        }
        bytes.removeLast(count - filled)
        return bytes
    }
}

extension stat {
    /// Nanoseconds since 1970.
    var modificationTime: Int64 { Int64(st_mtim.tv_sec) &* 1_000_000_000 &+ Int64(st_mtim.tv_nsec) }
}

/// The message of the last failed system call.
func systemMessage(_ code: Int32 = errno) -> String {
    String(cString: strerror(code))
}
