import Benchmarks
import Corpus
import Testing

@Suite struct RunSuggestionTests {
    @Test("The held-out share goes by the size of the text, unless it was named, be it the default")
    func heldOut() throws {
        let corpus = CorpusConfiguration()
        func share(_ bytes: Int64, _ settings: [String] = []) throws -> Double {
            let (divided, isSet) = try RunSuggestion.divided(corpus, bytes: bytes, settings: settings)
            #expect(isSet == (divided.heldOut != corpus.heldOut))
            return divided.heldOut
        }
        #expect(try share(1_000_000) == 0.05)
        #expect(try share(10_000_000) == 0.04)
        #expect(try share(10_000_000, ["corpus.test=0.1"]) == 0.04)
        for settings in [["corpus.held_out=0.005"], ["corpus={held_out: 0.005}"]] {
            #expect(try share(10_000_000, settings) == corpus.heldOut)
        }
    }
}
