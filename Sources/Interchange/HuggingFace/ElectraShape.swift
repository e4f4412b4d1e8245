/// The two networks of replaced-token detection, each exported as a Hugging Face model of its own.
public enum ElectraNetwork: String, Sendable, CaseIterable {
    case discriminator
    case generator
}

/// One value for each network.
public struct PerNetwork<Value> {
    public var discriminator: Value
    public var generator: Value

    public init(discriminator: Value, generator: Value) {
        self.discriminator = discriminator
        self.generator = generator
    }

    /// The same value for both networks.
    public init(both value: Value) { self.init(discriminator: value, generator: value) }

    public subscript(network: ElectraNetwork) -> Value {
        get {
            switch network {
            case .discriminator: discriminator
            case .generator: generator
            }
        }
        set {
            switch network {
            case .discriminator: discriminator = newValue
            case .generator: generator = newValue
            }
        }
    }
}

extension PerNetwork: Sendable where Value: Sendable {}
extension PerNetwork: Equatable where Value: Equatable {}

/// Sizes of a pair of ELECTRA networks that share their embeddings.
public struct ElectraShape: Sendable, Equatable {
    /// Sizes of one network's encoder.
    public struct Network: Sendable, Equatable {
        public var hiddenSize: Int
        public var feedForwardSize: Int
        public var headCount: Int
        public var layerCount: Int

        public init(hiddenSize: Int, feedForwardSize: Int, headCount: Int, layerCount: Int) {
            self.hiddenSize = hiddenSize
            self.feedForwardSize = feedForwardSize
            self.headCount = headCount
            self.layerCount = layerCount
        }
    }

    public var vocabularySize: Int
    public var embeddingSize: Int
    /// Rows of the position table: the longest sequence in tokens.
    public var positionCount: Int
    public var tokenTypeCount: Int
    /// Whether the generator's output weights are its word embeddings.
    public var outputIsTied: Bool
    /// Whether the discriminator comes with the head that detects replaced tokens, or as an encoder alone.
    public var hasDetectionHead: Bool
    /// Whether a discriminator without that head comes with one that predicts tokens with the word table.
    public var hasLanguageHead: Bool
    /// What the engine's names of each network's embeddings begin with: the same where they are shared.
    public var embeddingPrefixes: PerNetwork<String>
    /// Nil for a network that does not take part.
    public var networks: PerNetwork<Network?>

    public init(
        vocabularySize: Int, embeddingSize: Int, positionCount: Int, tokenTypeCount: Int = 2,
        outputIsTied: Bool = true, hasDetectionHead: Bool = true, hasLanguageHead: Bool = false,
        embeddingPrefixes: PerNetwork<String> = PerNetwork(both: "embeddings."),
        discriminator: Network?, generator: Network?
    ) {
        self.embeddingPrefixes = embeddingPrefixes
        self.vocabularySize = vocabularySize
        self.embeddingSize = embeddingSize
        self.positionCount = positionCount
        self.tokenTypeCount = tokenTypeCount
        self.outputIsTied = outputIsTied
        self.hasDetectionHead = hasDetectionHead
        self.hasLanguageHead = hasLanguageHead
        networks = PerNetwork(discriminator: discriminator, generator: generator)
    }

    /// The Hugging Face class of a network.
    public func architecture(of network: ElectraNetwork) -> String {
        switch network {
        case .discriminator where hasDetectionHead: "ElectraForPreTraining"
        case .discriminator: hasLanguageHead ? Self.maskedLanguageModel : Self.encoderAlone
        case .generator: Self.maskedLanguageModel
        }
    }

    static let encoderAlone = "ElectraModel"
    private static let maskedLanguageModel = "ElectraForMaskedLM"

    /// Greatest size that is accepted for any one dimension; keeps products within `Int` and bounds hostile input.
    static let maximumSize = 1 << 28
    static let maximumLayerCount = 4096

    /// What is wrong with the sizes, as a sentence, or nil.
    var problem: String? {
        func outside(_ name: String, _ size: Int, _ maximum: Int = ElectraShape.maximumSize) -> String? {
            (1...maximum).contains(size) ? nil : "\(name) is \(size), outside 1...\(maximum)"
        }
        let shared =
            outside("vocab_size", vocabularySize) ?? outside("embedding_size", embeddingSize)
            ?? outside("max_position_embeddings", positionCount) ?? outside("type_vocab_size", tokenTypeCount)
        if let shared { return shared }
        for case let network? in ElectraNetwork.allCases.map({ networks[$0] }) {
            let own =
                outside("hidden_size", network.hiddenSize) ?? outside("intermediate_size", network.feedForwardSize)
                ?? outside("num_attention_heads", network.headCount)
                ?? outside("num_hidden_layers", network.layerCount, Self.maximumLayerCount)
            if let own { return own }
            if !network.hiddenSize.isMultiple(of: network.headCount) {
                return "hidden_size \(network.hiddenSize) is not a multiple of \(network.headCount) attention heads"
            }
        }
        return nil
    }
}
