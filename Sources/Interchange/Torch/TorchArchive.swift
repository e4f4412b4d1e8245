import CZlib
import Files

/// A zip archive as `torch.save` writes it: entries without compression, one after another, below one folder.
///
/// Strict where general readers are lenient: what two programs could read in different ways is refused. Source: PKWARE's
/// APPNOTE 6.3 and PyTorch's `caffe2/serialize/inline_container.cc`.
struct TorchArchive: Sendable {
    struct Entry: Sendable, Equatable {
        /// Below the archive's one folder.
        var name: String
        /// Within the file.
        var bytes: Range<Int>
        var checksum: UInt32
    }

    let entries: [String: Entry]
    private let file: FileDescriptor

    /// A hundred times what large models have, and read within a second.
    private static let largestDirectory = 16 << 20
    private static let mostEntries = 1 << 16

    /// Reads the directory and checks that all entries lie where it says, without a gap in meaning.
    ///
    /// - Throws: `TorchFailure`, `FileFailure`.
    init(_ file: FileDescriptor, size: Int) throws {
        self.file = file
        let end = try DirectoryEnd(file, size: size)
        guard end.count <= Self.mostEntries, end.size <= Self.largestDirectory else {
            throw TorchFailure.malformedArchive("its directory claims \(end.count) entries in \(end.size) bytes")
        }
        let directory = try Self.read(file, end.offset..<end.offset + end.size)
        var fields = LittleEndianReader(directory)
        var found: [(header: Int, entry: Entry)] = []
        for _ in 0..<end.count {
            guard let header = DirectoryEntry(&fields) else {
                throw TorchFailure.malformedArchive("its directory breaks off after \(found.count) entries")
            }
            found.append((header.offset, try Self.entry(header, file, limit: end.offset)))
        }
        guard fields.isAtEnd else { throw TorchFailure.malformedArchive("its directory is longer than its entries") }
        found.sort { $0.header < $1.header }
        for (before, after) in zip(found, found.dropFirst()) where before.entry.bytes.upperBound > after.header {
            throw TorchFailure.malformedArchive("the entries \(before.entry.name) and \(after.entry.name) overlap")
        }
        entries = try Self.below(oneFolder: found.map(\.entry))
    }

    /// The entries under their names within the one folder that all of them are in.
    private static func below(oneFolder entries: [Entry]) throws(TorchFailure) -> [String: Entry] {
        var result: [String: Entry] = [:]
        var folder: Substring?
        for entry in entries {
            let parts = entry.name.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count > 1, parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }),
                entry.name.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F && $0 != UInt8(ascii: "\\") })
                    || entry.name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F && $0 != UInt8(ascii: "\\") })
            else { throw .malformedArchive("the name \(entry.name.quoted) is not one that torch.save gives") }
            guard folder == nil || folder == parts[0] else {
                throw .malformedArchive("\(entry.name.quoted) is not in the folder of the others")
            }
            folder = parts[0]
            var named = entry
            named.name = parts.dropFirst().joined(separator: "/")
            guard result.updateValue(named, forKey: named.name) == nil else {
                throw .malformedArchive("two entries are named \(named.name.quoted)")
            }
        }
        return result
    }

    /// Follows a directory's entry to its bytes.
    private static func entry(_ header: DirectoryEntry, _ file: FileDescriptor, limit: Int) throws -> Entry {
        let name = header.name
        guard header.isStored, header.compressedSize == header.size else { throw TorchFailure.compressed(entry: name) }
        guard !header.isEncrypted else { throw TorchFailure.malformedArchive("the entry \(name.quoted) is encrypted") }
        func fail(_ problem: String) -> TorchFailure { .malformedArchive("the entry \(name.quoted) \(problem)") }
        guard header.offset >= 0, header.offset <= limit - 30 else { throw fail("begins outside the file") }
        var local = LittleEndianReader(try read(file, header.offset..<header.offset + 30))
        guard local.number(4) == 0x0403_4B50 else { throw fail("has no header of its own") }
        local.skip(4)
        let isStored = local.number(2) == 0
        local.skip(16)
        guard isStored, let nameLength = local.number(2), let extraLength = local.number(2) else {
            throw TorchFailure.compressed(entry: name)
        }
        let start = header.offset + 30 + nameLength + extraLength
        guard start <= limit, header.size <= limit - start else { throw fail("reaches beyond the file's data") }
        let ownName = try read(file, header.offset + 30..<header.offset + 30 + nameLength)
        guard ownName.elementsEqual(name.utf8) else { throw fail("has another name in its own header") }
        return Entry(name: name, bytes: start..<start + header.size, checksum: header.checksum)
    }

    /// All bytes of an entry, whose checksum is right.
    ///
    /// - Parameter limit: largest size in bytes.
    func contents(of entry: Entry, limit: Int) throws -> [UInt8] {
        guard entry.bytes.count <= limit else {
            throw TorchFailure.malformedArchive("the entry \(entry.name.quoted) takes \(entry.bytes.count) bytes")
        }
        let bytes = try Self.read(file, entry.bytes)
        guard Self.checksum(bytes) == entry.checksum else { throw TorchFailure.damaged(entry: entry.name) }
        return bytes
    }

    private static func checksum(_ bytes: [UInt8]) -> UInt32 {
        bytes.withUnsafeBytes { bytes in
            var sum = crc32(0, nil, 0)
            var position = 0
            while position < bytes.count {
                let count = min(bytes.count - position, 1 << 30)
                let start = bytes.baseAddress?.advanced(by: position).assumingMemoryBound(to: UInt8.self)
                sum = crc32(sum, start, UInt32(count))
                position += count
            }
            return UInt32(truncatingIfNeeded: sum)
        }
    }

    static func read(_ file: FileDescriptor, _ range: Range<Int>) throws -> [UInt8] {
        try [UInt8](unsafeUninitializedCapacity: range.count) { buffer, count in
            count = try file.read(into: UnsafeMutableRawBufferPointer(buffer), at: range.lowerBound)
            guard count == range.count else { throw TorchFailure.malformedArchive("it is truncated") }
        }
    }
}

/// Where the directory is: the last 22 bytes of the file, and the records for large archives before them, which PyTorch
/// always writes.
private struct DirectoryEnd {
    var offset: Int
    var size: Int
    var count: Int

    init(_ file: FileDescriptor, size fileSize: Int) throws {
        func fail(_ problem: String) -> TorchFailure { .malformedArchive(problem) }
        guard fileSize >= 22 else { throw fail("\(fileSize) bytes are too few") }
        var end = LittleEndianReader(try TorchArchive.read(file, fileSize - 22..<fileSize))
        guard end.number(4) == 0x0605_4B50, end.number(4) == 0, let here = end.number(2), let count = end.number(2),
            let size = end.number(4), let offset = end.number(4), end.number(2) == 0
        else { throw fail("it does not end with a directory; it is truncated, or something was appended") }
        (self.offset, self.size, self.count) = (offset, size, count)
        var directoryEnd = fileSize - 22
        if let large = try Self.large(file, fileSize: fileSize) {
            guard [0xFFFF, large.count].contains(count), [0xFFFF_FFFF, large.size].contains(size),
                [0xFFFF_FFFF, large.offset].contains(offset)
            else { throw fail("its two records of the directory contradict one another") }
            (self.offset, self.size, self.count, directoryEnd) = large
        } else if here != count {
            throw fail("it is a part of several")
        }
        guard self.offset >= 0, self.size >= 0, self.count >= 0, self.offset <= directoryEnd,
            self.size == directoryEnd - self.offset
        else { throw fail("its directory is not where it says") }
    }

    /// The record of a large archive and where it begins, if there is one.
    private static func large(
        _ file: FileDescriptor, fileSize: Int
    ) throws -> (offset: Int, size: Int, count: Int, recordStart: Int)? {
        guard fileSize >= 22 + 20 + 56 else { return nil }
        var locator = LittleEndianReader(try TorchArchive.read(file, fileSize - 42..<fileSize - 22))
        guard locator.number(4) == 0x0706_4B50 else { return nil }
        let problem = TorchFailure.malformedArchive("its directory's second record is not where it says")
        guard locator.number(4) == 0, let start = locator.number(8), start == fileSize - 42 - 56 else { throw problem }
        var record = LittleEndianReader(try TorchArchive.read(file, start..<start + 56))
        guard record.number(4) == 0x0606_4B50, record.number(8) == 44, record.skip(4), record.number(8) == 0,
            let here = record.number(8), let count = record.number(8), here == count, let size = record.number(8),
            let offset = record.number(8)
        else { throw problem }
        return (offset, size, count, start)
    }
}

/// An entry of the directory.
private struct DirectoryEntry {
    var isStored: Bool
    var isEncrypted: Bool
    var checksum: UInt32
    var compressedSize: Int
    var size: Int
    var offset: Int
    var name: String

    init?(_ fields: inout LittleEndianReader) {
        guard fields.number(4) == 0x0201_4B50, fields.skip(4), let flags = fields.number(2),
            let method = fields.number(2),
            fields.skip(4), let checksum = fields.number(4), var compressedSize = fields.number(4),
            var size = fields.number(4), let nameLength = fields.number(2), let extraLength = fields.number(2),
            let commentLength = fields.number(2), fields.skip(8), var offset = fields.number(4),
            let nameBytes = fields.bytes(nameLength), let extra = fields.bytes(extraLength), fields.skip(commentLength),
            let name = String(validating: nameBytes, as: UTF8.self)
        else { return nil }
        // What does not fit into 32 bits stands in an extra field, in this order.
        var extraFields = LittleEndianReader(extra)
        while let kind = extraFields.number(2), let length = extraFields.number(2),
            let content = extraFields.bytes(length)
        {
            guard kind == 1 else { continue }
            var wide = LittleEndianReader(content)
            if size == 0xFFFF_FFFF {
                guard let value = wide.number(8) else { return nil }
                size = value
            }
            if compressedSize == 0xFFFF_FFFF {
                guard let value = wide.number(8) else { return nil }
                compressedSize = value
            }
            if offset == 0xFFFF_FFFF {
                guard let value = wide.number(8) else { return nil }
                offset = value
            }
        }
        isStored = method == 0
        isEncrypted = flags & 1 != 0
        self.checksum = UInt32(truncatingIfNeeded: checksum)
        (self.compressedSize, self.size, self.offset, self.name) = (compressedSize, size, offset, name)
    }
}
