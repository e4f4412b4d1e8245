import Corpus
import Foundation
import Kernels
import Objectives

/// Samples of a frozen generator in a file, so that a later run over the same text need not compute them again
/// (Fast-ELECTRA's offline preprocessing, arXiv 2310.07347).
///
/// The file is a list of records, one a step: key, step, count, tokens, all little-endian. The key is a digest of all that
/// the samples depend on, so a record of other text, another generator or another temperature is never taken: it is
/// computed again and appended. So is one that is not what was written, after a power failure say: the count's upper half
/// is a checksum. A torn record at the end, of a run that was killed, is cut off.
package final class CorruptionCache {
    private let handle: FileHandle
    private let generatorKey: UInt64
    /// Where a step's newest record begins.
    private var places: [Int: UInt64] = [:]
    private var end: UInt64 = 0

    /// - Parameter engine: whose generator has its weights.
    /// - Throws: `EngineError.unusableCache` where the file cannot be opened.
    package init(path: String, _ engine: TrainingEngine) throws {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let handle = FileHandle(forUpdatingAtPath: path) else {
            throw EngineError.unusableCache(path: path, reason: "objective.frozen_generator.cache cannot be opened")
        }
        self.handle = handle
        var digest = Digest()
        digest.add(UInt64(engine.configuration.seed))
        for spec in engine.state.layout.specs where spec.name.hasPrefix("generator.") {
            let values = engine.state.weights.base + spec.offset
            for i in 0..<spec.count { digest.add(UInt64(values[i].bitPattern)) }
        }
        generatorKey = digest.value
        do {
            try scan()
        } catch {
            throw EngineError.unusableCache(path: path, reason: "\(error)")
        }
    }

    deinit { try? handle.close() }

    /// What the samples of a step depend on.
    package func key(_ masking: Masking, temperature: Double) -> UInt64 {
        var digest = Digest()
        digest.add(generatorKey)
        digest.add(temperature.bitPattern)
        for token in masking.inputs { digest.add(UInt64(UInt32(bitPattern: token))) }
        for position in masking.positions { digest.add(UInt64(UInt32(bitPattern: position))) }
        return digest.value
    }

    /// The samples of a step, if they were kept.
    ///
    /// - Parameters:
    ///   - expected: how many there have to be. A checksum tells what was written, not that it can be used.
    ///   - vocabularySize: that they have to be of.
    package func replacements(step: Int, key: UInt64, count expected: Int, vocabularySize: Int) -> [Int32]? {
        guard let place = places[step], let header = try? read(at: place, count: Self.headerBytes),
            header.load(0) == key
        else { return nil }
        let count = Int(UInt32(truncatingIfNeeded: header.load(16)))
        guard count == expected, let data = try? read(at: place + UInt64(Self.headerBytes), count: 4 * count) else {
            return nil
        }
        let tokens = (0..<count).map { index in
            data.withUnsafeBytes { Int32(littleEndian: $0.loadUnaligned(fromByteOffset: 4 * index, as: Int32.self)) }
        }
        guard header.load(16) == Self.sizeAndChecksum(tokens, step: step, key: key),
            tokens.allSatisfy({ 0..<vocabularySize ~= Int($0) })
        else { return nil }
        return tokens
    }

    /// How many tokens there are, and in the upper half what tells whether they are those that were written.
    private static func sizeAndChecksum(_ tokens: [Int32], step: Int, key: UInt64) -> UInt64 {
        var digest = Digest()
        for word in [key, UInt64(step), UInt64(tokens.count)] { digest.add(word) }
        for token in tokens { digest.add(UInt64(UInt32(bitPattern: token))) }
        return UInt64(tokens.count) | digest.value << 32
    }

    /// Keeps the samples of a step. A file that cannot be written costs later runs time, and this one nothing.
    package func keep(_ replacements: [Int32], step: Int, key: UInt64) {
        var record = Data()
        for word in [key, UInt64(step), Self.sizeAndChecksum(replacements, step: step, key: key)] {
            withUnsafeBytes(of: word.littleEndian) { record.append(contentsOf: $0) }
        }
        for token in replacements { withUnsafeBytes(of: token.littleEndian) { record.append(contentsOf: $0) } }
        do {
            try handle.seek(toOffset: end)
            try handle.write(contentsOf: record)
            places[step] = end
            end += UInt64(record.count)
        } catch {
            try? handle.truncate(atOffset: end)
        }
    }

    private static let headerBytes = 24

    private func scan() throws {
        let size = try handle.seekToEnd()
        while end + UInt64(Self.headerBytes) <= size {
            let header = try read(at: end, count: Self.headerBytes)
            let bytes = 4 * UInt64(UInt32(truncatingIfNeeded: header.load(16)))
            guard bytes <= size - end - UInt64(Self.headerBytes) else { break }
            places[Int(truncatingIfNeeded: header.load(8))] = end
            end += UInt64(Self.headerBytes) + bytes
        }
        try handle.truncate(atOffset: end)
    }

    private struct ShortRead: Error {}

    private func read(at place: UInt64, count: Int) throws -> Data {
        try handle.seek(toOffset: place)
        guard count > 0 else { return Data() }
        guard let data = try handle.read(upToCount: count), data.count == count else { throw ShortRead() }
        return data
    }

    /// FNV-1a over words.
    private struct Digest {
        private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

        mutating func add(_ word: UInt64) {
            value = (value ^ word) &* 0x0000_0100_0000_01b3
            value ^= value >> 32
        }
    }
}

extension Data {
    fileprivate func load(_ offset: Int) -> UInt64 {
        withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
    }
}
