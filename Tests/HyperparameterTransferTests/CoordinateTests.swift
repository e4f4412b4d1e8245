import Foundation
import HyperparameterTransfer
import Kernels
import Objectives
import Pretraining
import Testing

@Suite("Coordinate check")
struct CoordinateTests {
    /// Sizes that are powers of the width.
    static func measurements(
        _ module: String, size: [Double], change: [Double], widths: [Int] = [64, 128, 256]
    ) -> [CoordinateMeasurement] {
        widths.flatMap { width in
            size.indices.map { step in
                CoordinateMeasurement(
                    module: module, width: width, step: step, size: pow(Double(width), size[step]),
                    change: step == 0 ? 0 : pow(Double(width), change[step]))
            }
        }
    }

    @Test("Slopes are those of the powers, and the verdict goes by them")
    func verdict() throws {
        let flat = CoordinateVerdict(Self.measurements("layer", size: [0, 0.1], change: [0, -0.2]), tolerance: 0.3)
        #expect(flat.passes)
        let module = try #require(flat.modules.first)
        #expect(abs(try #require(module.sizeSlopes[1]) - 0.1) < 1e-12)
        #expect(abs(try #require(module.changeSlopes[0]) + 0.2) < 1e-12)
        #expect(!CoordinateVerdict(Self.measurements("layer", size: [0, 0.5], change: [0, 0]), tolerance: 0.3).passes)
        #expect(!CoordinateVerdict(Self.measurements("layer", size: [0, 0], change: [0, 0.5]), tolerance: 0.3).passes)
        #expect(
            !CoordinateVerdict(Self.measurements("layer", size: [-0.5, 0], change: [0, 0]), tolerance: 0.3).passes)
        #expect(
            !CoordinateVerdict(Self.measurements("layer", size: [0, 0], change: [0, -0.8]), tolerance: 0.3).passes)
        // Logits are random projections at the start.
        #expect(
            CoordinateVerdict(Self.measurements("logits", size: [-0.5, 0], change: [0, 0]), tolerance: 0.3).passes)
        #expect(
            !CoordinateVerdict(Self.measurements("logits", size: [0.5, 0], change: [0, 0]), tolerance: 0.3).passes)
    }

    @Test("Slopes are bounded downwards as upwards: what shrinks is not learned")
    func lowerBounds() {
        func passes(_ module: String, start: Double = 0, change: Double = 0, head: Double? = nil) -> Bool {
            var measured = Self.measurements(module, size: [start, 0], change: [0, change])
            for index in measured.indices {
                measured[index].headSize = head.map { Int(pow(Double(measured[index].width), $0)) }
            }
            return CoordinateVerdict(measured, tolerance: 0.3).passes
        }
        #expect(passes("discriminator.layers.0", change: -0.29) && !passes("discriminator.layers.0", change: -0.31))
        #expect(passes("discriminator.logits", start: -0.7, change: -0.29))
        #expect(!passes("discriminator.logits", start: -0.5, change: -0.31))
        #expect(!passes("discriminator.logits", start: -0.1) && !passes("discriminator.logits", start: -0.9))
        #expect(passes("generator.logits", start: -0.5, change: -0.59))
        #expect(!passes("generator.logits", start: -0.5, change: -0.61))
        #expect(!passes("discriminator.logits, own weights", change: -0.31))
        let scores = "discriminator.layers.0.attention.scores"
        #expect(passes(scores, head: 0) && !passes(scores, start: -0.5, head: 0))
        #expect(passes(scores, start: -0.5, head: 1) && !passes(scores, head: 1))
    }

    @Test("A size that is not finite fails, and zeros at all widths pass")
    func extremes() {
        var broken = Self.measurements("layer", size: [0, 0], change: [0, 0])
        broken[1].size = .infinity
        let verdict = CoordinateVerdict(broken, tolerance: 0.3)
        #expect(!verdict.passes && verdict.modules[0].sizeSlopes[1] == nil)
        var zeros = Self.measurements("logits", size: [0, 0], change: [0, 0])
        for index in zeros.indices where zeros[index].step == 0 { zeros[index].size = 0 }
        #expect(CoordinateVerdict(zeros, tolerance: 0.3).passes)
    }

    @Test("The smallest width from which on the check passes")
    func supported() {
        var measured = Self.measurements("layer", size: [0, 0], change: [0, 0], widths: [32, 64, 128, 256])
        for index in measured.indices where measured[index].width == 32 { measured[index].size = 0.05 }
        #expect(!CoordinateVerdict(measured, tolerance: 0.3).passes)
        #expect(CoordinateVerdict.smallestSupportedWidth(measured, tolerance: 0.3) == 64)
    }

    /// The whole check on a small model: muP's outputs do not grow with the width and the standard parametrization's do.
    @Test("muP passes and the standard parametrization fails")
    func model() throws {
        let target = TransferTests.target {
            $0.model.layerCount = 1
            $0.model.positions = .rotary
            $0.model.initialization.scheme = .fanIn
            $0.optimizer.peakLearningRate = 4e-3
            $0.corpus.sequenceLength = 32
            $0.tokenizer.vocabularySize = 300
        }
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        let check = try CoordinateCheck(target, widths: [64, 256], steps: 3, seeds: 1, tokens: 256)
        var fractions: [Double] = []
        let report = try CoordinateReport(check, pool: pool) { fractions.append($0) }
        let failing = report.maximalUpdate.modules.filter { !$0.passes }.map { "\($0.module), \($0.place)" }
        #expect(failing.isEmpty)
        let passesStandard = report.standard.passes
        #expect(!passesStandard)
        #expect(fractions.last == 1 && fractions == fractions.sorted())
        #expect(report.figure.svg.contains("Standard parametrization"))
        // The same bits again, and at the base width under both.
        let again = try check.measure(.maximalUpdate(baseWidth: 64), pool: pool)
        #expect(again == report.measurements)
        #expect(
            report.measurements.filter { $0.width == 64 } == report.standardMeasurements.filter { $0.width == 64 })
    }

    struct Recipe: CustomTestStringConvertible {
        var testDescription: String
        var change: @Sendable (inout RunConfiguration) -> Void
    }

    @Test(
        "muP's outputs do not grow with the width, whatever the recipe",
        arguments: [
            Recipe(testDescription: "METRO") {
                $0.objective.name = .metro
                $0.model.embeddingSharing = .tokenOnly
                $0.model.detectionHead = .linear
                $0.model.relativeBias.sharing = .shared
                $0.model.initialization.zeroDetectionOutput = true
            },
            Recipe(testDescription: "COCO-LM") {
                $0.objective.name = .cocoLM
                $0.model.embeddingSharing = .separate
            },
            Recipe(testDescription: "DeBERTaV3") {
                $0.model.embeddingSharing = .disentangled
                $0.model.detectionHead = .withClassification
                $0.optimizer.separate = true
            },
            Recipe(testDescription: "masked language model") { $0.objective.name = .maskedLanguageModel },
            Recipe(testDescription: "ELECTRA with embeddings of a size that stays") { $0.model.embeddingSize = 96 },
        ])
    func recipes(_ recipe: Recipe) throws {
        let target = TransferTests.target {
            $0.model.layerCount = 1
            $0.model.positions = .rotary
            $0.model.initialization.scheme = .fanIn
            $0.optimizer.peakLearningRate = 4e-3
            $0.corpus.sequenceLength = 32
            $0.tokenizer.vocabularySize = 300
            recipe.change(&$0)
        }
        let pool = ThreadPool(threadCount: 2)
        defer { pool.shutDown() }
        // One row of random weights makes the first logits: the mean of several draws is what has a slope.
        func check(seeds: Int) throws -> CoordinateCheck {
            try CoordinateCheck(target, widths: [64, 256], steps: 3, seeds: seeds, tokens: 128)
        }
        let measurements = try check(seeds: 4).measure(.maximalUpdate(baseWidth: 64), pool: pool)
        let verdict = CoordinateVerdict(measurements, tolerance: 0.3)
        let failing = verdict.modules.filter { !$0.passes }.map { "\($0.module), \($0.place)" }
        #expect(failing.isEmpty)
        let predicts = target.objective.name.prediction != .none
        #expect(measurements.contains { $0.module == "discriminator.token_logits" } == predicts)
        let standard = CoordinateVerdict(try check(seeds: 1).measure(.standard, pool: pool), tolerance: 0.3)
        #expect(!standard.passes)
    }
}
