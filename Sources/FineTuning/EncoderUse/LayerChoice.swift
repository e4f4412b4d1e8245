import Configuration
import Corpus
import Encoder
import Foundation
import Kernels
import Pretraining
import Runs

/// How well the layers of a pretrained encoder tell a task's classes apart before it is fine-tuned, and which to keep.
public struct LayerChoice: Codable, Equatable, Sendable {
    /// ν of each layer, the first first; nil where the means of the classes do not differ.
    public var variability: [Double?]
    /// Training texts that were looked at.
    public var texts: Int
    /// The layer with the lowest, counted from 1.
    public var layers: Int

    private static let mostTexts = 2048
    private static let textsAtATime = 256

    /// - Throws: `InvalidSetting` for tasks without classes, `TaskError`, `CancellationError`.
    public init(_ configuration: FineTuningConfiguration, pretrained: String, threads: Int) throws {
        guard configuration.task.kind == .classes else {
            throw InvalidSetting(
                "kind", "is not classes, and layers are chosen by how they tell classes apart; name a number")
        }
        let model = try LoadedModel(path: pretrained, threads: threads)
        defer { model.engine.pool.shutDown() }
        let longest = try FineTuningRun.longestText(configuration, model.configuration, of: model.reader)
        let data = try TaskData(configuration, tokenizer: model.tokenizer, longestText: longest)
        let engine = try FineTuningRun.engine(
            configuration, model.configuration, tokenizer: model.tokenizer, data.definition, longestText: longest,
            longestExample: data.longestExample, steps: 1, pool: model.engine.pool)
        engine.isCancelled = { TerminationSignals.pending != nil }
        engine.initialize()
        engine.load(model.engine, trainsTokenTypes: try FineTuningRun.trainsTokenTypes(model))
        let all = data.training.flatMap(\.examples).compactMap { example -> (TaskExample, Int)? in
            if case .label(let label) = example.target { (example, label) } else { nil }
        }
        // By chance, as files may be sorted by class, or have classes in turn.
        let known = CounterRandom(seed: UInt64(configuration.training.seed), purpose: .sampling, source: 0)
            .permutation(all.count).prefix(Self.mostTexts).sorted().map { all[Int($0)] }
        var states: [[[Double]]] = []
        for start in stride(from: 0, to: known.count, by: Self.textsAtATime) {
            let observer = PooledStates()
            _ = try engine.predict(
                known[start..<min(start + Self.textsAtATime, known.count)].map(\.0),
                dropout: nil, inspection: LayerInspection(observer: observer))
            states += observer.all
        }
        let classes = known.map(\.1)
        texts = known.count
        variability = try (1...engine.model.encoder.layerCount).map { layer in
            try TerminationSignals.check()
            return HiddenStateVariability.value(states.map { $0[layer] }, classes: classes)
        }
        guard variability.contains(where: { $0 != nil }) else {
            throw TaskError.file(
                path: configuration.task.train, "has classes that no layer tells apart at all; name a number of layers")
        }
        let values = variability.map { $0 ?? .infinity }
        layers = (values.indices.min { values[$0] < values[$1] } ?? 0) + 1
    }

    /// For people: a line for each layer.
    public var text: String {
        variability.enumerated().map { index, value in
            let number = value.map { String(format: "%.3g", $0) } ?? "–"
            return "layer \(index + 1)  ν \(number)" + (index + 1 == layers ? "  lowest" : "")
        }.joined(separator: "\n")
    }
}
