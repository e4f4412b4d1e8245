extension Reference {
    /// `dropout(LayerNorm(word + position + token type))`, positions restarting at each segment.
    struct TokenEmbedding {
        private var word: TableLookup
        private var position: TableLookup?
        private var tokenType: TableLookup
        private var norm: any Layer
        private let dropout: Dropout
        private let segments: Segments

        init(
            _ configuration: EncoderConfiguration, name: String = "embeddings", word wordName: String? = nil,
            segments: Segments, dropout: DropoutMask? = nil, _ parameters: Parameters
        ) throws {
            let width = configuration.embeddingSize
            word = try TableLookup(
                wordName ?? "\(name).word", rows: configuration.vocabularySize, width: width, parameters)
            if case .learned(let maximum) = configuration.positions {
                position = try TableLookup("\(name).position", rows: maximum, width: width, parameters)
            }
            tokenType = try TableLookup("\(name).token_type", rows: 2, width: width, parameters)
            norm = try configuration.makeNorm("\(name).norm", width: width, parameters)
            self.dropout = Dropout(mask: dropout)
            self.segments = segments
        }

        mutating func forward(_ tokens: [Int]) -> Matrix {
            precondition(tokens.count == segments.tokenCount, "\(tokens.count) tokens, not \(segments.tokenCount)")
            var sum = word.forward(tokens) + tokenType.forward(segments.types)
            let positions = segments.positions
            if let places = position?.forward(positions) { sum = sum + places }
            return dropout.forward(norm.forward(sum))
        }

        mutating func backward(upstream: Matrix) {
            let sum = norm.backward(upstream: dropout.backward(upstream: upstream))
            word.backward(upstream: sum)
            tokenType.backward(upstream: sum)
            position?.backward(upstream: sum)
        }
    }
}
