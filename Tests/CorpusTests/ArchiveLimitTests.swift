import Corpus
import Foundation
import Machine
import TestSupport
import Testing

/// Sound archives that ask for much.
@Suite struct ArchiveLimitTests {
    private let folder = try! TemporaryFolder()

    /// A frame of one stored block (RFC 8878) with a window of 2^`log` bytes, as `zstd --long=log` writes of a pipe.
    private func frame(_ content: String, windowLog log: Int) -> [UInt8] {
        let size = content.utf8.count
        let block = UInt32(size) << 3 | 1
        return [0x28, 0xB5, 0x2F, 0xFD, 0, UInt8(log - 10) << 3]
            + [UInt8(block & 0xFF), UInt8(block >> 8 & 0xFF), UInt8(block >> 16)] + Array(content.utf8)
    }

    private func decode(_ frame: [UInt8], available: UInt64) throws -> String {
        let decompressor = try ZstandardDecompressor(availableMemory: { available })
        var output = [UInt8](repeating: 0, count: 1000)
        var text: [UInt8] = []
        var position = 0
        while position < frame.count {
            let step = try frame[position...].withUnsafeBytes { input in
                try output.withUnsafeMutableBytes { try decompressor.decode(input, into: $0) }
            }
            position += step.consumed
            text += output[..<step.produced]
            if step == (0, 0) { break }
        }
        return String(decoding: text, as: UTF8.self)
    }

    @Test(arguments: [10, 20, 27, 28])
    func largeWindowsAreRead(log: Int) throws {
        let path = try folder.write(frame("some text", windowLog: log), to: "a.txt.zst")
        #expect(try pieces(configuration(path)).texts == ["some text"])
    }

    @Test(arguments: [28, 30, 31])
    func windowsUpToTheLargestAreAMatterOfMemory(log: Int) throws {
        let frame = frame("some text", windowLog: log)
        #expect(try decode(frame, available: 1 << UInt64(log)) == "some text")
        let failure = #expect(throws: DecompressionFailure.self) {
            try decode(frame, available: 1 << UInt64(log) - 1)
        }
        #expect(failure?.isLimit == true)
        #expect(failure?.reason.contains("needs \(1 << (log - 20)) MiB") == true, "\(String(describing: failure))")
    }

    /// As `zstd` writes of a file: a single segment, whose window is its content.
    @Test func theContentOfASingleSegmentIsAMatterOfMemory() throws {
        let content = "some text"
        let size = UInt64(1) << 30
        let block = UInt32(content.utf8.count) << 3
        var frame: [UInt8] = [0x28, 0xB5, 0x2F, 0xFD, 0b1110_0000]
        for byte in 0..<8 { frame.append(UInt8(truncatingIfNeeded: size >> (8 * UInt64(byte)))) }
        for byte in 0..<3 { frame.append(UInt8(truncatingIfNeeded: block >> (8 * UInt32(byte)))) }
        frame += Array(content.utf8)
        let failure = #expect(throws: DecompressionFailure.self) { try decode(frame, available: size - 1) }
        #expect(failure?.isLimit == true)
        #expect(failure?.reason.contains("needs 1024 MiB") == true, "\(String(describing: failure))")
    }

    @Test func aWindowThatNothingReadsIsNoDamage() throws {
        let path = try folder.write(frame("some text", windowLog: 35), to: "a.txt.zst")
        let error = #expect(throws: CorpusError.self) { try pieces(configuration(path)) }
        guard case .beyondLimit(path, let reason) = error else { throw try #require(error) }
        #expect(reason.contains("32768 MiB"), "\(reason)")
        #expect("\(try #require(error))".contains("not damaged"))
        let result = try pieces(configuration(path) { $0.damagedFiles = .skip })
        #expect(result.texts.isEmpty && result.report.counts == [.unreadable: 1])
    }

    @Test func dictionariesAreNoDamage() throws {
        var zstandard = frame("some text", windowLog: 20)
        zstandard.replaceSubrange(4..<6, with: [1, 10 << 3, 77])
        let lz4: [UInt8] = [0x04, 0x22, 0x4D, 0x18, 0x61, 0x40, 1, 0, 0, 0, 0x55]
        for (name, content) in [("a.zst", zstandard), ("a.lz4", lz4)] {
            let path = try folder.write(content, to: name)
            let error = #expect(throws: CorpusError.self) { try pieces(configuration(path)) }
            guard case .beyondLimit(path, let reason) = error else { throw try #require(error) }
            #expect(reason.contains("dictionary"))
        }
    }

    @Test("A table that is compressed as no texts are is refused before it fills the memory")
    func bombs() throws {
        let path = try folder.write(
            [UInt8](Compressed.zstandard(String(repeating: " ", count: 257 << 20))), to: "bomb.jsonl.zst")
        let error = #expect(throws: CorpusError.self) { _ = try TextFile.contents(of: path) }
        guard case .beyondLimit(path, let reason) = error else { throw try #require(error) }
        #expect(reason.contains("256 MiB"))
        // Texts that come again are compressed well, too.
        let sound = try folder.write(
            [UInt8](Compressed.zstandard(String(repeating: "the same line\n", count: 100_000))), to: "sound.jsonl.zst")
        #expect(try TextFile.contents(of: sound).count == 1_400_000)
    }

    @Test func availableMemoryIsPlausible() {
        #expect(MachineLimits().available > 1 << 20 && MachineLimits().available < 1 << 50)
    }
}
