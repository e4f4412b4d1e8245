import Configuration
import Corpus
import Pretraining
import Testing

/// Where sentence pairs are too long for the sequences.
@Suite("Sentence pairs in a configuration")
struct PairConfigurationTests {
    private func complaint(_ settings: [String]) -> String? {
        do {
            var configuration = RunConfiguration()
            try ConfigurationReader.read(
                yaml: "", origin: "run.yaml", overrides: ["corpus.pairs=true"] + settings, into: &configuration)
            return nil
        } catch { return "\(error)" }
    }

    @Test("Sequences too short for pairs are refused by name, in stages too")
    func shortSequences() {
        #expect(complaint([]) == nil && complaint(["corpus.sequence_length=8"]) == nil)
        #expect(complaint(["corpus.sequence_length=7"])?.contains("corpus.sequence_length: 7 has no room") == true)
        let stages = "training.stages=[{steps: 10, sequence_length: 4}]"
        #expect(complaint([stages])?.contains("training.stages.0.sequence_length: 4 has no room") == true)
        #expect(complaint([stages, "corpus.pairs=false"]) == nil)
    }
}
