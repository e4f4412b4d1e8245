import Corpus
import Foundation
import TestSupport
import Testing

@Suite struct CorpusSurveyTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func survey(
        _ heldOut: Double = 0, _ change: (inout CorpusSource) -> Void = { _ in }
    ) throws -> (survey: CorpusSurvey, advice: [String]) {
        var configuration = CorpusConfiguration()
        var source = CorpusSource(path: folder("text"))
        change(&source)
        configuration.sources = [source]
        configuration.heldOut = heldOut
        let survey = try CorpusSurvey(CorpusListing(configuration))
        return (survey, survey.advice(configuration))
    }

    @Test func documentsSizesAndRepetitions() throws {
        let documents = (0..<100).map { "Document number \($0 % 80) has some words." }
        try folder.write(documents.joined(separator: "\n\n"), to: "text/a.txt")
        try folder.write("passed over", to: "text/b.docx")
        let (survey, advice) = try survey()
        let source = try #require(survey.sources.first)
        #expect(source.documents == 100 && source.duplicates == 20 && source.lines == 100 && source.isComplete)
        // Each document is 33 or 34 bytes long; the median is told to within a quarter of a power of two.
        #expect((30...42).contains(source.medianDocumentBytes) && source.longestDocumentBytes == 34)
        #expect(advice.contains { $0.contains("20 of 100 documents occurred before") }, "\(advice)")
        #expect(survey.skipped.contains { $0.kind == .otherFile })
        #expect(survey.scripts == [ScriptShare(script: "Latin", share: 1)] && survey.unicodeForm == .none)
    }

    @Test("Progress is of the text as it is read, and repetitions are of all sources")
    func progress() throws {
        let text = (0..<1000).map { "Document number \($0) has some words." }.joined(separator: "\n\n")
        try folder.write(text, to: "text/a.txt")
        try folder.write(text + "\n\nOne more.", to: "more/b.txt")
        var settings = configuration(folder("text"))
        settings.sources.append(CorpusSource(path: folder("more")))
        var shares: [Double] = []
        let survey = try CorpusSurvey(CorpusListing(settings)) { shares.append($0) }
        #expect(survey.sources.map(\.duplicates) == [0, 1000])
        #expect(shares == shares.sorted() && shares.last.map { abs($0 - 1) < 1e-9 } == true)
        // Documents of both sources, and the end of each.
        try #require(shares.count == 1000 + 1 + 1001 + 1)
        #expect((0.2...0.3).contains(shares[500]) && (0.45...0.51).contains(shares[999]), "\(shares[500])")
    }

    @Test func documentsForALastTestAreCountedApart() throws {
        try folder.write((0..<2000).map { "Document number \($0)." }.joined(separator: "\n\n"), to: "text/a.txt")
        var settings = configuration(folder("text"), heldOut: 0.1)
        let without = try CorpusSurvey(try CorpusListing(settings)).sources[0]
        settings.test = 0.2
        let source = try CorpusSurvey(try CorpusListing(settings)).sources[0]
        #expect(without.testDocuments == 0 && without.testBytes == 0)
        #expect(source.heldOutDocuments == without.heldOutDocuments && source.heldOutBytes == without.heldOutBytes)
        #expect((340...460).contains(source.testDocuments) && source.testBytes > 20 * Int64(source.testDocuments))
    }

    @Test func aFileWithoutEmptyLinesIsNoticed() throws {
        try folder.write((0..<2000).map { "Sentence \($0) stands alone." }.joined(separator: "\n"), to: "text/a.txt")
        let (whole, advice) = try survey(0.01)
        #expect(whole.documents == 1 && advice.contains { $0.contains("document_separator: line") }, "\(advice)")
        let (lines, none) = try survey(0.01) { $0.documentSeparator = .line }
        #expect(lines.documents == 2000 && (5...50).contains(lines.heldOutDocuments) && none.isEmpty, "\(none)")
    }

    @Test func heldOutLinesThatTrainingHasToo() throws {
        // Every document consists of the same long lines and one of its own, so that all that is held out is known.
        let shared = (0..<64).map { "This line number \($0) is a part of every single document." }.joined(
            separator: "\n")
        try folder.write((0..<100).map { "Number \($0)\n" + shared }.joined(separator: "\n\n"), to: "text/a.txt")
        let (leaking, advice) = try survey(0.2)
        #expect(
            try #require(leaking.heldOutLinesInTraining) > 0.99 && advice.contains { $0.contains("held-out lines") })
        try folder.write(
            (0..<2000).map { "This line number \($0) is written in this one document and in no other." }
                .joined(separator: "\n\n"), to: "text/a.txt")
        #expect(try survey(0.2).survey.heldOutLinesInTraining == 0)
    }

    @Test(
        "Scripts and forms",
        arguments: [
            ("caf\u{E9} na\u{EF}ve", "composed"), ("cafe\u{301} nai\u{308}ve", "decomposed"),
            ("caf\u{E9} nai\u{308}ve", "mixed"), ("Добрый день", "composed"), ("नमस्ते दुनिया", "none"),
        ])
    func forms(_ text: String, _ form: String) throws {
        try folder.write(text, to: "text/a.txt")
        let (survey, advice) = try survey()
        #expect(survey.unicodeForm.rawValue == form)
        #expect(advice.contains { $0.contains("uconv") } == (form == "mixed"))
        let script = text.hasPrefix("Д") ? "Cyrillic" : text.hasPrefix("न") ? "Devanagari" : "Latin"
        #expect(survey.scripts.first?.script == script)
    }
}
