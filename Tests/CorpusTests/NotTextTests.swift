import Corpus
import Foundation
import TestSupport
import Testing

/// Names that promise what the content does not hold.
@Suite struct NotTextTests {
    private let folder = try! TemporaryFolder()

    private func random(_ count: Int) -> [UInt8] {
        var generator = SplitMix64(seed: 41)
        return (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
    }

    private func skipping(_ path: String) -> CorpusConfiguration { configuration(path) { $0.damagedFiles = .skip } }

    @Test(arguments: [Archive.gzip, .zstandard, .lz4])
    func anArchiveWithoutItsMagicIsDamaged(archive: Archive) throws {
        var packed = archive.pack(Array(String(repeating: "some text. ", count: 5000).utf8))
        packed.replaceSubrange(0..<2, with: [0x20, 0x20])
        for content in [packed, Array("plain text in fact\n".utf8)] {
            let path = try folder.write(content, to: "a.TXT" + archive.rawValue.uppercased())
            let error = #expect(throws: CorpusError.self) { try pieces(configuration(path)) }
            guard case .damagedArchive(path, 0, let reason) = error else { throw try #require(error) }
            #expect(reason.contains("its name ends in \(archive.rawValue)"))
            let result = try pieces(skipping(path))
            #expect(result.texts.isEmpty && result.report.counts == [.damagedArchive: 1])
        }
    }

    @Test(arguments: ["a.txt", "a.jsonl"])
    func binaryFilesAreRefused(name: String) throws {
        let path = try folder.write(random(60_000), to: name)
        let error = #expect(throws: CorpusError.self) { try pieces(configuration(path)) }
        guard case .notText(path, _) = error else { throw try #require(error) }
        #expect(try pieces(skipping(path)).report.counts == [.notText: 1])
    }

    @Test func cyrillicOfAnotherEncodingIsRefusedButUTF8IsRead() throws {
        let text = String(repeating: "Съешь ещё этих мягких французских булок. ", count: 50)
        let path = try folder.write(text, to: "a.txt")
        #expect(try pieces(configuration(path)).report.isEmpty)
        let other = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value < 128 ? $0.value : $0.value + 0xB0) }
        let koi = try folder.write(other.map { $0 == 0 ? 0xC0 : $0 }, to: "b.txt")
        let error = #expect(throws: CorpusError.self) { try pieces(configuration(koi)) }
        guard case .notText(koi, _) = error else { throw try #require(error) }
    }

    /// As after a crash, or from a disk that fails.
    @Test(arguments: ["\n\n", "\n"])
    func binaryDataAmidTextIsNamedByItsPlace(separator: String) throws {
        let isText = separator == "\n\n"
        func row(_ text: [UInt8]) -> [UInt8] {
            isText ? text : Array("{\"text\": \"".utf8) + text + Array("\"}".utf8)
        }
        let good = (0..<300).map { row(Array("sound document \($0)".utf8)) }.joined(separator: Array(separator.utf8))
            .map { $0 }
        let binary = random(4000).map { $0 < 0x20 || $0 == 0x22 || $0 == 0x5C ? 0xFF : $0 }
        let start = good.count + separator.utf8.count
        let all = [Array(good), row(binary), Array(good)].joined(separator: Array(separator.utf8))
        let path = try folder.write(Array(all), to: isText ? "a.txt" : "a.jsonl")
        let error = #expect(throws: CorpusError.self) { try pieces(configuration(path)) }
        guard case .notText(path, let reason) = error else { throw try #require(error) }
        #expect(reason.contains("at byte \(isText ? start : start + 10)"), "\(reason)")
        let result = try pieces(skipping(path))
        // It is no document without text as well.
        #expect(result.texts.count == 600 && result.report.counts == [.notText: 1])
    }

    @Test func aHoleInATextIsNamed() throws {
        let path = try folder.write(
            Array("first document\n\n".utf8) + [UInt8](repeating: 0x61, count: 5000)
                + [UInt8](repeating: 0, count: 4096)
                + Array("\n\nlast".utf8), to: "a.txt")
        let error = #expect(throws: CorpusError.self) { try pieces(configuration(path)) }
        guard case .notText(path, let reason) = error else { throw try #require(error) }
        #expect(reason.contains("4096 of 9096 bytes are 0") && reason.contains("at byte 16"), "\(reason)")
        #expect(try pieces(skipping(path)).texts == ["first document", "last"])
    }
}
