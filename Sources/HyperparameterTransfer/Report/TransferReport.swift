import Configuration
import Files
import Foundation
import Pretraining

/// All that came of a search; what `--json` prints, and what the reports for people are made from.
public struct TransferReport: Encodable, Sendable {
    public struct Rung: Encodable, Sendable {
        public var steps: Int
        public var trials: [TrialResult]
    }

    /// As it was called.
    public var command: [String]
    public var metric: TrialMetric
    public var proxyWidth: Int
    public var targetWidth: Int
    public var proxyLayers: Int
    public var targetLayers: Int
    /// What is written into the target's configuration.
    public var values: SearchSpace.Point
    /// The run that had them.
    public var bestTrial: TrialResult
    public var rungs: [Rung]
    /// Rules that were applied, or that could have been.
    public var notes: [String]
    /// Floating-point operations of all trials.
    public var searchFlops: Double
    public var targetFlops: Double
    public var costShare: Double
    /// Of the target at the steps of the verification; nil where it cannot be told.
    public var expectedLoss: Double?
    public var expectation: String
    public var coordinates: CoordinateReport?
    public var verification: Verification?
    /// Path of the target's configuration, and its text.
    public var configuration: String
    public var configurationText: String

    init(
        _ plan: TransferPlan, command: [String], rungs: [[TrialResult]], best: TrialResult, notes: [String],
        coordinates: CoordinateReport?, verification: Verification?, configuration: RunConfiguration, path: String,
        vocabularySize: Int
    ) {
        self.command = command
        metric = plan.options.metric
        proxyWidth = plan.baseWidth
        targetWidth = plan.target.model.hiddenSize
        proxyLayers = plan.proxy.model.layerCount
        targetLayers = plan.target.model.layerCount
        values = best.values
        bestTrial = best
        self.rungs = zip(plan.halving.rungs, rungs).map { Rung(steps: $0.steps, trials: $1) }
        self.notes = notes
        // With the run that replaced tokens for all.
        searchFlops = rungs.joined().reduce(
            plan.corruptionSource(tokenizer: "")?.flops(vocabularySize: vocabularySize) ?? 0
        ) { $0 + $1.flops }
        targetFlops = plan.targetFlops(vocabularySize: vocabularySize)
        costShare = searchFlops / targetFlops
        self.coordinates = coordinates
        self.verification = verification
        self.configuration = path
        configurationText = (try? ConfigurationWriter.yaml(configuration)) ?? ""
        let sameLength = verification.map { $0.steps == plan.target.training.steps } ?? false
        expectedLoss = verification?.expectedLoss
        if let verification, let expected = verification.expectedLoss {
            expectation =
                "about \(Self.number(expected)) after \(verification.steps) steps"
                + (sameLength ? "" : ", of the target's \(plan.target.training.steps)")
                + (verification.sweeps.contains { $0.width == plan.target.model.hiddenSize }
                    ? " (measured)" : " (a power law through the verified widths)")
        } else {
            expectation =
                "not known: it takes three widths of a verification (--verify) in equal steps whose losses fall ever more "
                + "slowly. The proxy reached \(Self.number(best.loss(plan.options.metric) ?? .nan))"
        }
    }

    static func number(_ value: Double) -> String {
        let text = String(format: "%.4g", locale: nil, value)
        return text.replacing("e-0", with: "e-").replacing("e+0", with: "e")
    }

    /// Writes `report.json`, `report.md`, `report.html` and the plots.
    func write(to folder: String) throws {
        try JSONFile.write(self, to: folder + "/report.json")
        for (name, figure) in figures { try JSONFile.write(figure.svg, to: "\(folder)/\(name).svg") }
        try JSONFile.write(MarkdownReport(self).text, to: folder + "/report.md")
        try JSONFile.write(HTMLReport(self).text, to: folder + "/report.html")
    }

    /// The commands that lead from here to the target, and back to where this came from.
    var commands: [String] {
        [
            Self.shell(["pretrain"] + command),
            Self.shell(["pretrain", "run", configuration, "--output", "checkpoints/target"]),
            Self.shell([
                "pretrain", "run", "--output",
                PathParts.folder(of: configuration) + "/" + bestTrial.name,
            ]),
        ]
    }

    private static func shell(_ words: [String]) -> String {
        words.map { word in
            let plain = word.utf8.allSatisfy {
                (0x30...0x39).contains($0) || (0x41...0x5A).contains($0) || (0x61...0x7A).contains($0)
                    || "-_./=,:+@%".utf8.contains($0)
            }
            return plain && !word.isEmpty ? word : "'" + word.replacing("'", with: "'\\''") + "'"
        }.joined(separator: " ")
    }
}
