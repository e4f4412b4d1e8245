import Encoder

/// Assigns the tensors of a folder to those of a network, one part after another, until none is left without a word.
struct NetworkReading {
    private(set) var tensors: [String: ImportedTensor] = [:]
    /// Of the engine, in the order of the forward pass.
    private(set) var names: [String] = []

    let files: WeightFiles
    let description: EncoderDescription
    let network: NetworkKind
    let vocabularySize: Int
    /// Names as they should be, and as the folder has them.
    private let present: [String: String]
    private var taken: Set<String> = []
    /// Reasons why tensors are left, by name.
    private var reasons: [String: String] = [:]
    var nesting = ""

    init(_ files: WeightFiles, _ description: EncoderDescription, _ network: NetworkKind, vocabularySize: Int) {
        self.files = files
        self.description = description
        self.network = network
        self.vocabularySize = vocabularySize
        // TensorFlow's names of a norm's parameters, which transformers renames as well.
        present = Dictionary(
            files.names.map { name in
                var plain = name
                if plain.hasSuffix("LayerNorm.gamma") { plain = plain.dropLast("gamma".count) + "weight" }
                if plain.hasSuffix("LayerNorm.beta") { plain = plain.dropLast("beta".count) + "bias" }
                return (plain, name)
            }, uniquingKeysWith: { first, _ in first })
    }

    // MARK: Parts

    /// Embeddings and layers: all of them must be there.
    mutating func encoder() throws {
        if description.family == .engine { return try engine() }
        let word = "embeddings.word_embeddings.weight"
        let nested = description.family.nesting
        switch (present[nested + word] != nil, present[word] != nil) {
        case (true, true): throw ImportError.unexpectedTensor(path: files.path, word)
        case (false, true): nesting = ""
        default: nesting = nested
        }
        var table = MappedTensorTable(
            network: network == .generator ? .generator : .discriminator, embeddingPrefix: "embeddings.",
            nesting: nesting)
        let (hidden, width) = (description.shape.hiddenSize, description.embeddingSize)
        table.norm("norm", "LayerNorm", width, in: .embeddings)
        if width != hidden {
            table.linear("projection", "embeddings_project", [hidden, width], in: .encoder)
        }
        if description.model.attention.disentangled {
            table.add(
                "relative_positions", "encoder.rel_embeddings.weight",
                [RelativePositionBuckets(description.model.attention).rowCount, hidden], in: .encoder)
            table.norm("relative_norm", "encoder.LayerNorm", hidden, in: .encoder)
        }
        table.layers(
            description.shape.layerCount, hiddenSize: hidden, feedForwardSize: description.shape.intermediateSize,
            projectionEnding: description.family == .deberta ? "_proj" : "")
        try rows(
            "embeddings.word", nesting + word, [description.vocabularySize, width], taking: 0..<vocabularySize)
        if description.model.positions == .learned {
            try rows(
                "embeddings.position", nesting + "embeddings.position_embeddings.weight",
                [description.positionRows, width], taking: description.firstPosition..<description.positionRows)
        }
        try tokenTypes()
        for tensor in table.tensors { try take(tensor.engineName, tensor.huggingFaceName, tensor.shape) }
    }

    /// The engine has two types. A model with one gets it twice, and of more the first two are taken.
    private mutating func tokenTypes() throws {
        let count = description.tokenTypeCount
        guard count > 0 else { return }
        let (name, shape) = (nesting + "embeddings.token_type_embeddings.weight", [count, description.embeddingSize])
        if count > 1 { return try rows("embeddings.token_type", name, shape, taking: 0..<2) }
        try check(name, shape)
        add(
            ImportedTensor(
                engineName: "embeddings.token_type", sourceName: present[name] ?? name,
                shape: [2, description.embeddingSize], sourceRows: 1, repetitions: 2))
    }

    /// The head that tells replaced tokens, if there is one.
    mutating func detectionHead() throws -> DetectionHeadKind? {
        let hidden = description.shape.hiddenSize
        switch description.family {
        case .electra where present["discriminator_predictions.dense.weight"] != nil:
            try linear("head.dense", "discriminator_predictions.dense", [hidden, hidden])
            try linear("head.output", "discriminator_predictions.dense_prediction", [1, hidden])
            return .dense
        case .deberta where present["mask_predictions.dense.weight"] != nil:
            try norm("head.norm", "mask_predictions.LayerNorm", hidden)
            try linear("head.dense", "mask_predictions.dense", [hidden, hidden])
            try linear("head.output", "mask_predictions.classifier", [1, hidden])
            return .withClassification
        case .engine: return try engineDetectionHead()
        default: return nil
        }
    }

    /// The head that predicts masked tokens, if there is one that fits.
    ///
    /// - Returns: whether there is, and whether its output table is the word table.
    mutating func languageHead() throws -> (isThere: Bool, isTied: Bool) {
        if description.family == .engine { return try engineLanguageHead() }
        guard let form = LanguageHeadForm.of(description.family).first(where: { present["\($0.dense).weight"] != nil })
        else { return (false, true) }
        let (hidden, width) = (description.shape.hiddenSize, description.embeddingSize)
        let isTied = try outputIsTied(form)
        // The main encoder predicts with its word table; only a generator may have another.
        if !isTied, network == .discriminator {
            leave(
                form.all, "a head with an output table of its own, which this engine's main encoder has no place for")
            return (false, true)
        }
        let head = network == .generator ? "head" : "language_head"
        try linear("\(head).dense", form.dense, [width, hidden])
        try norm("\(head).norm", form.norm, width)
        if !isTied {
            try rows(
                "\(network.rawValue).\(head).output.weight", form.output, [description.vocabularySize, width],
                taking: 0..<vocabularySize)
        } else if let name = present[form.output] {
            taken.insert(name)
        }
        let bias = present[form.bias] != nil ? form.bias : form.outputBias
        try rows(
            "\(network.rawValue).\(head).bias", bias, [description.vocabularySize], taking: 0..<vocabularySize)
        // Older releases saved one bias under two names.
        if let twice = present[form.outputBias], !taken.contains(twice) {
            guard try files.floats(of: twice) == files.floats(of: present[bias] ?? bias) else {
                throw ImportError.unexpectedTensor(path: files.path(of: twice), twice)
            }
            taken.insert(twice)
        }
        return (true, isTied)
    }

    private func outputIsTied(_ form: LanguageHeadForm) throws -> Bool {
        guard let output = present[form.output] else {
            if description.tiesOutput { return true }
            throw ImportError.missingTensor(path: files.path, form.output)
        }
        let word = present[nesting + "embeddings.word_embeddings.weight"] ?? ""
        let isEqual =
            try files.shape(of: output) == files.shape(of: word) && files.floats(of: output) == files.floats(of: word)
        if description.tiesOutput, !isEqual {
            throw ImportError.untiedOutput(path: files.path(of: output), output)
        }
        return description.tiesOutput
    }

    // MARK: What is left

    /// Everything that was not taken, with the reason.
    ///
    /// - Throws: `ImportError.unexpectedTensor` for a part of the encoder: without it, the model would be another.
    func rest() throws -> [ImportedNetwork.Left] {
        try files.names.compactMap { name in
            guard !taken.contains(name) else { return nil }
            let shape = files.shape(of: name) ?? []
            let own = name.hasPrefix(nesting) ? String(name.dropFirst(nesting.count)) : name
            func left(_ reason: String) -> ImportedNetwork.Left { .init(name: name, shape: shape, reason: reason) }
            if let reason = reasons[name] { return left(reason) }
            if ["embeddings.position_ids", "embeddings.token_type_ids"].contains(own) {
                return left("a list of numbers from 0 on, not a parameter")
            }
            if own == "embeddings.position_embeddings.weight", description.family == .deberta {
                return left("positions that the input does not have (position_biased_input)")
            }
            if own.hasPrefix("pooler.") { return left("a pooler, which this engine does not have") }
            if name.hasPrefix(nesting), own.hasPrefix("encoder.") || own.hasPrefix("embeddings") {
                throw ImportError.unexpectedTensor(path: files.path(of: name), name)
            }
            return left(
                network == .generator && name.contains("discriminator_predictions")
                    ? "a head that tells replaced tokens, which a generator does not have"
                    : "a head of another task")
        }
    }

    private mutating func leave(_ prefixes: [String], _ reason: String) {
        for name in files.names where prefixes.contains(where: { name.hasPrefix($0) }) { reasons[name] = reason }
    }

    // MARK: Single tensors

    mutating func take(_ engineName: String, _ sourceName: String, _ shape: [Int]) throws {
        try check(sourceName, shape)
        add(
            ImportedTensor(
                engineName: engineName, sourceName: present[sourceName] ?? sourceName, shape: shape,
                sourceRows: shape.first ?? 1))
    }

    mutating func rows(
        _ engineName: String, _ sourceName: String, _ shape: [Int], taking rows: Range<Int>
    ) throws {
        try check(sourceName, shape)
        add(
            ImportedTensor(
                engineName: engineName, sourceName: present[sourceName] ?? sourceName,
                shape: [rows.count] + shape.dropFirst(), firstRow: rows.lowerBound, sourceRows: shape[0]))
    }

    private mutating func linear(_ engineName: String, _ sourceName: String, _ shape: [Int]) throws {
        try take("\(network.rawValue).\(engineName).weight", "\(sourceName).weight", shape)
        try take("\(network.rawValue).\(engineName).bias", "\(sourceName).bias", [shape[0]])
    }

    private mutating func norm(_ engineName: String, _ sourceName: String, _ size: Int) throws {
        try take("\(network.rawValue).\(engineName).gain", "\(sourceName).weight", [size])
        try take("\(network.rawValue).\(engineName).bias", "\(sourceName).bias", [size])
    }

    private func check(_ name: String, _ shape: [Int]) throws {
        guard let own = present[name], let found = files.shape(of: own) else {
            throw ImportError.missingTensor(path: files.path, name)
        }
        guard found == shape else {
            throw ImportError.wrongShape(path: files.path(of: own), name, expected: shape, found: found)
        }
        // Whole numbers are steps of a quantized model's grid, which mean nothing without its scale.
        guard let type = files.type(of: own), Self.types.contains(type) else {
            throw ImportError.wrongType(
                path: files.path(of: own), name, found: files.type(of: own)?.rawValue ?? "a type that is not known")
        }
    }

    private static let types: Set<ElementType> = [.float16, .bfloat16, .float32, .float64]

    mutating func scale(_ engineName: String, by factor: Double) { tensors[engineName]?.factor = factor }

    private mutating func add(_ tensor: ImportedTensor) {
        taken.insert(tensor.sourceName)
        names.append(tensor.engineName)
        tensors[tensor.engineName] = tensor
    }
}
