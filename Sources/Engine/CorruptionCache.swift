import Corpus
import Foundation
import Kernels
import Objectives

/// Samples of a frozen generator in a file, so that a later run over the same text need not compute them again
/// (Fast-ELECTRA's offline preprocessing, arXiv 2310.07347).
///
/// The file is a signature, without which no file is written to, and a list of records, one a step: key, step, count, tokens,
/// all little-endian. The key is a digest of all that the samples depend on but the machine, so a record of other text, another
/// generator or another temperature is never taken: it is computed again and appended. So is one that is not what was written,
/// after a power failure say: the count's upper half is a checksum. A torn record at the end, of a run that was killed, is cut
/// off.
package final class CorruptionCache {
    private let handle: FileHandle
    private let generatorKey: UInt64
    /// Where a step's newest record begins.
    private var places: [Int: UInt64] = [:]
    private var end: UInt64 = 0
    /// Whether this run may write: one at a time does, others read.
    package let writes: Bool

    /// What a file of samples begins with.
    private static let signature = Data([0x89] + "pretrain samples\n".utf8)

    /// - Parameter engine: whose generator has its weights.
    /// - Throws: `EngineError.unusableCache` where the file cannot be opened, `foreignCache` where it is another's.
    package init(path: String, _ engine: TrainingEngine) throws {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(atPath: path, contents: nil)
        }
        guard let handle = FileHandle(forUpdatingAtPath: path) else {
            throw EngineError.unusableCache(path: path, reason: "objective.frozen_generator.cache cannot be opened")
        }
        self.handle = handle
        writes = flock(handle.fileDescriptor, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK
        var digest = Digest()
        let multiplier = engine.objective.model.outputMultipliers.generator
        for (_, value) in engine.configuration.generatorSettings(outputMultiplier: multiplier) { digest.add(value) }
        for spec in engine.state.layout.specs where spec.name.hasPrefix("generator.") {
            let values = engine.state.weights.base + spec.offset
            for i in 0..<spec.count { digest.add(UInt64(values[i].bitPattern)) }
        }
        generatorKey = digest.value
        do {
            try scan(path)
        } catch let error as EngineError {
            throw error
        } catch {
            throw EngineError.unusableCache(path: path, reason: "\(error)")
        }
    }

    deinit { try? handle.close() }

    /// What the samples of a step depend on.
    ///
    /// - Parameter configuration: of the run's stage.
    package func key(
        _ batch: TokenBatch, _ masking: Masking, temperature: Double, _ configuration: EngineConfiguration
    ) -> UInt64 {
        var digest = Digest()
        digest.add(generatorKey)
        digest.add(UInt64(configuration.seed))
        digest.add(temperature.bitPattern)
        // Products of another precision or of other sizes round otherwise.
        digest.add(configuration.precision.rawValue)
        digest.add([configuration.sequenceLength, configuration.chunkTokens, configuration.laneCount])
        // The same tokens are another text where they are divided otherwise.
        digest.add(batch.sequenceOffsets)
        digest.add(batch.segmentOffsets)
        digest.add(batch.tokenTypes)
        digest.add(masking.inputs)
        digest.add(masking.positions)
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
        digest.add(tokens)
        return UInt64(tokens.count) | digest.value << 32
    }

    /// Keeps the samples of a step. A file that cannot be written costs later runs time, and this one nothing.
    package func keep(_ replacements: [Int32], step: Int, key: UInt64) {
        guard writes else { return }
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

    private func scan(_ path: String) throws {
        let size = try handle.seekToEnd()
        end = UInt64(Self.signature.count)
        let beginning = try read(at: 0, count: Int(min(size, end)))
        guard Self.signature.starts(with: beginning) else { throw EngineError.foreignCache(path: path) }
        if size < end, !writes {
            end = size
            return
        }
        // A new file, or one of a run that was killed as it began.
        if size < end {
            try handle.seek(toOffset: 0)
            try handle.write(contentsOf: Self.signature)
            // Records behind a signature that a power failure took would be another's file.
            return try handle.synchronize()
        }
        while end + UInt64(Self.headerBytes) <= size {
            let header = try read(at: end, count: Self.headerBytes)
            let bytes = 4 * UInt64(UInt32(truncatingIfNeeded: header.load(16)))
            guard bytes <= size - end - UInt64(Self.headerBytes) else { break }
            places[Int(truncatingIfNeeded: header.load(8))] = end
            end += UInt64(Self.headerBytes) + bytes
        }
        if writes { try handle.truncate(atOffset: end) }
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

        /// Numbers and how many there are, so that of two lists in a row it matters where one ends.
        mutating func add(_ numbers: [some FixedWidthInteger]) {
            add(UInt64(numbers.count))
            for number in numbers { add(UInt64(truncatingIfNeeded: number)) }
        }

        mutating func add(_ text: String) { add(Array(text.utf8)) }
    }
}

extension Data {
    fileprivate func load(_ offset: Int) -> UInt64 {
        withUnsafeBytes { UInt64(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) }
    }
}
