import Configuration
import Foundation
import Pretraining

/// What is compared: arms that differ in a few settings from a common base.
public struct ComparisonConfiguration: Configurable, Equatable {
    public var base: String?
    public var settings: [String] = []
    public var arms: [ComparisonArm] = []
    public var judge: String?
    public var learningRates: [String] = []
    public var tuningShare = 0.33

    public init() {}

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.text(
            "base", &base, "Configuration that all arms start from, relative to this file; null: what the settings say."
        )
        try fields.texts("set", &settings, "Settings of all arms, key=value each, as after run --set.")
        try fields.groups("arms", &arms, "What is compared; the first one is what the others are held against.")
        try fields.text(
            "judge", &judge,
            "Arm that masks and replaces the text that all are judged on; null: the first that has a generator, or else the first."
        )
        try fields.texts(
            "learning_rates", &learningRates,
            "Peak learning rates that are tried for each arm, ascending, each with a complete schedule of its own; [] for those "
                + "of the configuration.")
        try fields.number(
            "tuning_share", &tuningShare, 0.02...1, "Length of these trials, as a share of the runs that are compared.")
    }

    public func validate() throws {
        if arms.count < 2 { throw InvalidSetting("arms", "\(arms.count) cannot be compared; list two or more") }
        for (index, arm) in arms.enumerated() where arms[..<index].contains(where: { $0.name == arm.name }) {
            throw InvalidSetting("arms.\(index).name", "\(arm.name) is the name of an earlier arm too")
        }
        if let judge, !arms.contains(where: { $0.name == judge }) {
            throw InvalidSetting("judge", "\(judge) is no arm; there are \(arms.map(\.name).joined(separator: ", "))")
        }
        try Self.validate(learningRates: learningRates)
    }

    static func validate(learningRates: [String]) throws {
        let rates = learningRates.map { Double($0) }
        for (index, rate) in rates.enumerated() {
            guard let rate, rate > 0, rate.isFinite else {
                throw InvalidSetting("learning_rates.\(index)", "\(learningRates[index]) is no number above 0")
            }
            // Trials are called by it, with three digits.
            if index > 0, let previous = rates[index - 1],
                rate <= previous || RateTrial.number(rate) == RateTrial.number(previous)
            {
                throw InvalidSetting(
                    "learning_rates.\(index)",
                    "\(learningRates[index]) is not above the one before it, as far as three digits tell")
            }
        }
    }

    /// The arm that masks text for all, and replaces tokens if any arm does.
    func judgeIndex(of arms: [(name: String, configuration: RunConfiguration)]) -> Int {
        if let judge, let index = arms.firstIndex(where: { $0.name == judge }) { return index }
        return arms.firstIndex { $0.configuration.objective.trainsGenerator }
            ?? arms.firstIndex { $0.configuration.objective.name.readsReplacements } ?? 0
    }

    /// The rates that are tried for an arm.
    func learningRates(of arm: ComparisonArm) -> [Double] {
        (arm.learningRates.isEmpty ? learningRates : arm.learningRates).compactMap { Double($0) }
    }

    /// Reads a file.
    ///
    /// - Throws: `ConfigurationError`, `FileFailure`.
    public init(contentsOf path: String) throws {
        self.init()
        try ConfigurationReader.read(
            yaml: try ConfigurationReader.text(ofFile: path), origin: path, overrides: [], into: &self)
    }

    /// The configuration of every arm.
    ///
    /// - Parameters:
    ///   - folder: what `base` is relative to.
    ///   - more: settings over all others.
    /// - Throws: `ConfigurationError` that names the arm; `ComparisonError`.
    public func resolved(relativeTo folder: String, settings more: [String] = []) throws -> [(
        name: String, configuration: RunConfiguration
    )] {
        let file = base.map { $0.hasPrefix("/") ? $0 : (folder as NSString).appendingPathComponent($0) }
        let arms = try arms.map { arm in
            do {
                let settings = self.settings + arm.settings + more
                // The base and the settings of all mean something to some arm, not to each.
                let own = self.settings.count..<self.settings.count + arm.settings.count
                return (
                    arm.name, try RunConfiguration.resolve(file: file, settings: settings, own: own).configuration
                )
            } catch let error as ConfigurationError {
                throw ComparisonError.arm(arm.name, "\(error)")
            }
        }
        let first = arms[0].1
        for (arm, (name, configuration)) in zip(self.arms, arms) {
            if configuration.tokenizer != first.tokenizer || configuration.corpus.sources != first.corpus.sources
                || configuration.corpus.otherwiseDivided(than: first.corpus).contains(where: \.isOther)
                || configuration.corpus.maximumLineBytes != first.corpus.maximumLineBytes
            {
                throw ComparisonError.arm(
                    name,
                    "has other text or another tokenizer than \(arms[0].0): models are compared on the same tokens")
            }
            if configuration.corpus.sequenceLength != first.corpus.sequenceLength
                || configuration.corpus.pairs != first.corpus.pairs
                || configuration.evaluation.tokens != first.evaluation.tokens
            {
                throw ComparisonError.arm(
                    name,
                    "has another corpus.sequence_length, corpus.pairs or evaluation.tokens than \(arms[0].0): the text that models are "
                        + "judged on would be cut otherwise")
            }
            if arm.tunedRate == .muon, configuration.optimizer.kind != .muon {
                throw ComparisonError.arm(
                    name,
                    "tries learning rates of Muon's, and has optimizer.kind: \(configuration.optimizer.kind.rawValue)")
            }
            if !learningRates(of: arm).isEmpty, !configuration.training.stages.isEmpty {
                throw ComparisonError.arm(
                    name,
                    "has training.stages, which shorter trials cannot have; leave learning_rates out and tune before")
            }
        }
        let judge = judgeIndex(of: arms)
        let (judging, configuration) = arms[judge]
        if !configuration.objective.name.readsReplacements,
            arms.contains(where: { $0.1.objective.name.readsReplacements })
        {
            throw ComparisonError.arm(judging, "replaces no tokens, and others read replacements: name another judge")
        }
        if learningRates(of: self.arms[judge]).isEmpty, self.arms.contains(where: { !learningRates(of: $0).isEmpty }) {
            throw ComparisonError.arm(
                judging, "masks text for the trials of others and has none of its own; give it learning_rates")
        }
        return arms
    }
}

/// One side of a comparison.
public struct ComparisonArm: Configurable, Equatable {
    public var name = ""
    public var settings: [String] = []
    public var tunedRate = TunedRate.peak
    public var learningRates: [String] = []

    public init() {}

    public init(name: String, settings: [String]) {
        self.name = name
        self.settings = settings
    }

    public mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.text("name", &name, "In tables and names of folders: letters, digits, - _ and dots.")
        try fields.texts("set", &settings, "Where it differs from the base, key=value each.")
        try fields.choice(
            "tuned_rate", &tunedRate,
            "Which of the optimizer's rates is tried: peak_learning_rate, or that of Muon's matrices "
                + "(muon.peak_learning_rate).")
        try fields.texts(
            "learning_rates", &learningRates, "Rates that are tried for this arm; []: those of the comparison.")
    }

    public func validate() throws {
        try ComparisonConfiguration.validate(learningRates: learningRates)
        let isPlain = name.unicodeScalars.allSatisfy {
            ("a"..."z").contains($0) || ("A"..."Z").contains($0) || ("0"..."9").contains($0)
                || "-_.".unicodeScalars.contains($0)
        }
        if name.isEmpty || name.hasPrefix(".") || !isPlain {
            throw InvalidSetting(
                "name", "\"\(name)\" is no name of a folder; write letters, digits, -, _ and dots, a dot not first")
        }
    }
}

/// A rate of the optimizer that is tried.
public enum TunedRate: String, CaseIterable, Sendable {
    case peak = "peak_learning_rate"
    case muon = "muon.peak_learning_rate"

    /// Where a configuration has it.
    var path: WritableKeyPath<RunConfiguration, Double> & Sendable {
        switch self {
        case .peak: \.optimizer.peakLearningRate
        case .muon: \.optimizer.muon.peakLearningRate
        }
    }
}
