import Checkpoints
import Configuration
import Encoder
import Foundation
import Pretraining
import Runs

/// What fine-tuning starts from in a suite.
public struct SuiteStart: Codable, Equatable, Sendable {
    /// In tables, and of its folder.
    public var name: String
    /// Of the checkpoint, or of the one whose shape and tokenizer it has.
    public var path: String
    public var isFromScratch: Bool
    /// Name of the start from random weights that it is held against.
    public var baseline: String?
    /// What it shares with others that differ in nothing but the seed of their pretraining; nil where it is alone.
    public var recipe: String?

    public init(
        name: String, path: String, isFromScratch: Bool, baseline: String? = nil, recipe: String? = nil
    ) {
        self.recipe = recipe
        self.name = name
        self.path = path
        self.isFromScratch = isFromScratch
        self.baseline = baseline
    }

    /// Checkpoints, and behind them random weights, once for those that have shape and tokenizer in common.
    ///
    /// - Parameter paths: checkpoints or run directories.
    /// - Throws: `TaskError` for one that is named twice, `CheckpointError`.
    public static func starts(_ paths: [String], comparingWithScratch: Bool) throws -> [SuiteStart] {
        let names = try names(paths)
        var starts: [SuiteStart] = []
        var taken = Set(names)
        var made: [(recipe: String, tokenizer: Data, seed: Int)] = []
        typealias Shape = (
            configuration: RunConfiguration, model: ModelConfiguration, length: Int, tokenizer: Data, start: SuiteStart
        )
        var shapes: [Shape] = []
        for (name, path) in zip(names, paths) {
            let reader = try CheckpointReader(newestOf: path)
            let configuration = try TrainingCheckpoint.configuration(reader)
            let length = try TrainingCheckpoint.trainedConfiguration(reader).corpus.sequenceLength
            let tokenizer = try TrainingCheckpoint.tokenizer(reader)
            var start = SuiteStart(name: name, path: path, isFromScratch: false)
            if comparingWithScratch {
                let known = shapes.first { shape in
                    shape.model == encoder(configuration.model)
                        && shape.configuration.parametrization == configuration.parametrization
                        && shape.length == length
                        && shape.tokenizer == tokenizer
                }
                func fresh() -> SuiteStart {
                    var own = "scratch-\(name)"
                    // A model may be called so.
                    while !taken.insert(own).inserted { own = "scratch-" + own }
                    return SuiteStart(name: own, path: path, isFromScratch: true)
                }
                let scratch = known?.start ?? fresh()
                if known == nil {
                    shapes.append((configuration, encoder(configuration.model), length, tokenizer, scratch))
                }
                start.baseline = scratch.name
            }
            starts.append(start)
            var recipe = configuration
            recipe.training.seed = 0
            // Those that were cut off, or began with other weights, are something else.
            let origin = try TrainingCheckpoint.state(reader).startedFrom ?? ""
            made.append(
                (
                    "\(reader.manifest.step) \(origin)\n" + (try ConfigurationWriter.yaml(recipe)), tokenizer,
                    configuration.training.seed
                ))
        }
        nameRecipes(&starts, made, &taken)
        return starts + shapes.map(\.start)
    }

    /// - Parameters:
    ///   - made: how each was pretrained, but for its seed; and that.
    ///   - taken: names that are not to be used again.
    private static func nameRecipes(
        _ starts: inout [SuiteStart], _ made: [(recipe: String, tokenizer: Data, seed: Int)],
        _ taken: inout Set<String>
    ) {
        for index in starts.indices where starts[index].recipe == nil {
            let alike = made.indices.filter {
                made[$0].recipe == made[index].recipe && made[$0].tokenizer == made[index].tokenizer
            }
            // A model that is there twice says nothing of chance.
            guard alike.count > 1, Set(alike.map { made[$0].seed }).count == alike.count else { continue }
            let first = starts[index].name
            let common = alike.reduce(first) { $0.commonPrefix(with: starts[$1].name) }
            var name = String(common.reversed().drop { "-_. ".contains($0) }.reversed())
            // Names may have nothing in common, or what another is called.
            if name.isEmpty || taken.contains(name) { name = "\(first) and others" }
            taken.insert(name)
            for other in alike { starts[other].recipe = name }
        }
    }

    /// What of a model fine-tuning draws by chance: without the generator and the heads of pretraining.
    private static func encoder(_ model: ModelConfiguration) -> ModelConfiguration {
        var model = model
        let usual = ModelConfiguration()
        (model.generator, model.embeddingSharing) = (usual.generator, usual.embeddingSharing)
        (model.detectionHead, model.preset) = (usual.detectionHead, usual.preset)
        model.initialization.zeroDetectionOutput = usual.initialization.zeroDetectionOutput
        return model
    }

    /// The shortest ends of the paths that tell them apart.
    static func names(_ paths: [String]) throws -> [String] {
        let parts = paths.map { RunDirectory(path: $0).path.split(separator: "/").map(String.init) }
        return try parts.indices.map { index in
            let others = parts.indices.filter { $0 != index }.map { parts[$0] }
            for length in 1...max(parts[index].count, 1) {
                let end = parts[index].suffix(length)
                if others.allSatisfy({ $0.suffix(length) != end }) { return end.joined(separator: "_") }
            }
            throw TaskError.file(path: paths[index], "is named twice; name every model once")
        }
    }
}
