import Configuration
import Encoder
import Pretraining
import Testing

/// Settings of earlier programs that mean something else by now.
@Suite("Checkpoints of earlier programs")
struct EarlierConfigurationTests {
    private func problem(_ change: (inout RunConfiguration) -> Void, isEarlier: Bool = true) throws -> String? {
        var configuration = RunConfiguration()
        change(&configuration)
        let yaml = try ConfigurationWriter.yaml(configuration)
        let lines = yaml.split(separator: "\n").filter { !isEarlier || !$0.contains("before_first_attention") }
        return configuration.meaning(changedSince: lines.joined(separator: "\n"))
    }

    @Test("Mix-LN of a share that was rounded up is refused, one of whole layers is not")
    func mix() throws {
        func mix(_ alpha: Double, _ layers: Int, generator: Int? = nil) -> (inout RunConfiguration) -> Void {
            {
                $0.model.normalization.placement = .mix
                $0.model.normalization.alpha = alpha
                $0.model.layerCount = layers
                $0.model.generator.layerCount = generator
            }
        }
        #expect(try problem(mix(0.25, 2))?.contains("0.25 of 2 layers") == true)
        #expect(try problem(mix(0.25, 12, generator: 6))?.contains("of 6 layers") == true)
        #expect(try problem(mix(0.25, 12)) == nil && problem(mix(0.29, 100)) == nil)
        #expect(try problem(mix(0.25, 2), isEarlier: false) == nil)
        #expect(try problem { $0.model.layerCount = 2 } == nil)
    }

    @Test("BigBird's global blocks that were all first are refused")
    func bigBird() throws {
        #expect(try problem { $0.model.attention.pattern = .bigBird } != nil)
        #expect(try problem({ $0.model.attention.pattern = .bigBird }, isEarlier: false) == nil)
        #expect(
            try problem {
                $0.model.attention.pattern = .bigBird
                $0.model.attention.globalBlocks = 1
            } == nil)
    }
}
