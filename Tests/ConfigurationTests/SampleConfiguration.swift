import Configuration

/// A tree with every kind of setting.
struct SampleConfiguration: Configurable, Equatable {
    var model = Model()
    var corpus = Corpus()
    var optimizer = Optimizer()
    var empty = Empty()

    mutating func visit(_ fields: inout some FieldVisitor) throws {
        try fields.group("model", &model, "What is trained.")
        try fields.group("corpus", &corpus, "What it is trained on.")
        try fields.group("optimizer", &optimizer, "How it is trained.")
        try fields.group("empty", &empty, "A group without settings.")
    }

    struct Empty: Configurable, Equatable {
        mutating func visit(_ fields: inout some FieldVisitor) throws {}
    }

    struct Model: Configurable, Equatable {
        var preset = "small"
        var width = 256
        var heads = 4
        var headWidth: Int?
        var normalization = Normalization()

        mutating func visit(_ fields: inout some FieldVisitor) throws {
            try fields.text("preset", &preset, "Name of the preset that gives the defaults.")
            try fields.integer("width", &width, 1...65536, "Width of the hidden state.")
            try fields.integer("heads", &heads, 1...1024, "Attention heads.")
            try fields.integer("head_width", &headWidth, 1...1024, "Width of a head; null for width / heads.")
            try fields.group("normalization", &normalization, "Where the norms stand.")
        }

        func validate() throws {
            guard width % heads == 0 else { throw InvalidSetting("heads", "\(heads) heads do not divide \(width)") }
        }
    }

    struct Normalization: Configurable, Equatable {
        enum Placement: String, CaseIterable, Sendable { case post, pre, mix, none }

        var placement = Placement.post
        var alpha: Double?

        mutating func visit(_ fields: inout some FieldVisitor) throws {
            try fields.choice("placement", &placement, "Before or after the branch.")
            try fields.number("alpha", &alpha, 0...1, "Share of layers with Post-LN, for mix.")
        }

        func validate() throws {
            guard alpha == nil || placement == .mix else {
                throw InvalidSetting("alpha", "has no meaning without placement: mix")
            }
        }
    }

    struct Corpus: Configurable, Equatable {
        var sources = [Source()]
        var extensions = ["txt", "jsonl"]
        var cache: String?
        var strict = false

        mutating func visit(_ fields: inout some FieldVisitor) throws {
            try fields.groups("sources", &sources, "Where the text comes from.")
            try fields.texts("extensions", &extensions, "Names' ends that count as text.")
            try fields.text("cache", &cache, "A folder for temporary files.")
            try fields.flag("strict", &strict, "Refuse invalid UTF-8.")
        }
    }

    struct Source: Configurable, Equatable {
        var path = "corpora/*.txt"
        var weight = 1.0

        mutating func visit(_ fields: inout some FieldVisitor) throws {
            try fields.text("path", &path, "File, folder or glob.")
            try fields.number("weight", &weight, 0...1e6, "Share of the draws.")
        }

        func validate() throws {
            guard weight > 0 else { throw InvalidSetting("weight", "a source without weight is never read") }
        }
    }

    struct Optimizer: Configurable, Equatable {
        var peakLearningRate = 5e-4
        var warmupSteps = 10_000
        var weightDecay = 0.01
        var epsilon = 1e-6
        var seed = 0
        var shift = -0.5

        mutating func visit(_ fields: inout some FieldVisitor) throws {
            try fields.number("peak_learning_rate", &peakLearningRate, 0...10, "Learning rate after warmup.")
            try fields.integer("warmup_steps", &warmupSteps, 0...Int.max, "Steps of linear warmup.")
            try fields.number("weight_decay", &weightDecay, 0...Double.infinity, "Decoupled decay.")
            try fields.number("epsilon", &epsilon, 0...1, "Added to the root of the second moment.")
            try fields.integer("seed", &seed, Int.min...Int.max, "Seed of all random numbers.")
            try fields.number(
                "shift", &shift, -Double.greatestFiniteMagnitude...Double.greatestFiniteMagnitude, "Any number.")
        }
    }
}

/// Reads into the defaults.
func read(_ yaml: String = "", _ overrides: String...) throws -> SampleConfiguration {
    var root = SampleConfiguration()
    try ConfigurationReader.read(yaml: yaml, origin: "run.yaml", overrides: overrides, into: &root)
    return root
}

/// What reading complains about; empty if it does not.
func complaints(_ yaml: String = "", _ overrides: String...) -> [ConfigurationProblem] {
    var root = SampleConfiguration()
    do {
        try ConfigurationReader.read(yaml: yaml, origin: "run.yaml", overrides: overrides, into: &root)
        return []
    } catch let error as ConfigurationError {
        return error.problems
    } catch {
        return [ConfigurationProblem(.invalid, origin: "unexpected", problem: "\(error)")]
    }
}
