import Foundation

extension Reference {
    /// Which attention probabilities stay. Kept ones grow by `1 / (1 − probability)`.
    struct AttentionDropoutMask {
        let probability: Double
        /// Query and key are indices of flat tokens.
        let isKept: (_ head: Int, _ query: Int, _ key: Int) -> Bool
    }

    /// What keys and values are made of, if not of what queries are made of.
    final class KeyValueSource {
        var states = Matrix(zeros: 0, 0)
        var gradient = Matrix(zeros: 0, 0)
    }

    /// Multi-head self-attention (arXiv 1706.03762) over flat tokens `[n, H]`: per head
    /// `softmax(scale · Q Kᵀ) V` over the keys that `isVisible`, all `n²` scores materialised.
    struct SelfAttention: Layer {
        let heads: Int
        let headSize: Int
        let scale: Double
        let isVisible: Segments.Visibility
        let dropout: AttentionDropoutMask?
        private let rotary: RotaryPositions?
        private let relativeBias: RelativeBias?
        private let relative: RelativePositions?
        private let keyValues: KeyValueSource?
        private let relativeDropout: Dropout
        /// The projections of queries and keys once more, for relative positions.
        private var relativeQuery: Linear
        private var relativeKey: Linear
        private var relativeQueries = Matrix(zeros: 0, 0)
        private var relativeKeys = Matrix(zeros: 0, 0)
        /// Of queries, with gains, and of keys.
        private var headNorms: (queries: HeadNorm, keys: HeadNorm)?
        private var query: Linear
        private var key: Linear
        private var value: Linear
        private var output: Linear

        private var queries = Matrix(zeros: 0, 0)
        private var keys = Matrix(zeros: 0, 0)
        private var values = Matrix(zeros: 0, 0)
        /// `[n, n]` per head, before dropout.
        private(set) var probabilities: [Matrix] = []

        init(
            _ name: String, width: Int, heads: Int, scale: Double, isVisible: @escaping Segments.Visibility,
            rotary: RotaryPositions? = nil, relativeBias: RelativeBias? = nil,
            relative: RelativePositions? = nil, relativeDropout: DropoutMask? = nil,
            keyValues: KeyValueSource? = nil,
            dropout: AttentionDropoutMask? = nil, hasBias: Bool = true, headNormEpsilon: Double? = nil,
            _ parameters: Parameters
        ) throws {
            precondition(width % heads == 0, "\(heads) heads do not divide width \(width)")
            self.heads = heads
            self.headSize = width / heads
            self.scale = scale
            self.isVisible = isVisible
            self.dropout = dropout
            self.rotary = rotary
            self.relativeBias = relativeBias
            self.keyValues = keyValues
            self.relative = relative
            self.relativeDropout = Dropout(mask: relativeDropout)
            relativeQuery = try Linear("\(name).query", inputs: width, outputs: width, hasBias: hasBias, parameters)
            relativeKey = try Linear("\(name).key", inputs: width, outputs: width, hasBias: hasBias, parameters)
            query = try Linear("\(name).query", inputs: width, outputs: width, hasBias: hasBias, parameters)
            key = try Linear("\(name).key", inputs: width, outputs: width, hasBias: hasBias, parameters)
            value = try Linear("\(name).value", inputs: width, outputs: width, hasBias: hasBias, parameters)
            headNorms = try headNormEpsilon.map {
                (
                    try HeadNorm("\(name).query_gain", heads: heads, headSize: width / heads, epsilon: $0, parameters),
                    try HeadNorm(nil, heads: heads, headSize: width / heads, epsilon: $0, parameters)
                )
            }
            output = try Linear("\(name).output", inputs: width, outputs: width, hasBias: hasBias, parameters)
        }

        mutating func forward(_ input: Matrix) -> Matrix {
            queries = query.forward(input)
            keys = key.forward(keyValues?.states ?? input)
            values = value.forward(keyValues?.states ?? input)
            if headNorms != nil {
                queries = headNorms!.queries.forward(queries)
                keys = headNorms!.keys.forward(keys)
            }
            if let rotary {
                queries = rotary.forward(queries)
                keys = rotary.forward(keys)
            }
            if let relative {
                let table = relativeDropout.forward(relative.normalized)
                relativeQueries = relativeQuery.forward(table)
                relativeKeys = relativeKey.forward(table)
            }
            probabilities = (0..<heads).map(softmaxOfScores)
            var context = Matrix(like: input)
            for head in 0..<heads {
                for i in 0..<input.rows {
                    for j in 0..<input.rows where isVisible(i, j) {
                        let weight = probabilities[head][i, j] * dropoutFactor(head, i, j)
                        for c in columns(of: head) { context[i, c] += weight * values[j, c] }
                    }
                }
            }
            return output.forward(context)
        }

        mutating func backward(upstream: Matrix) -> Matrix {
            let contextGradient = output.backward(upstream: upstream)
            var queryGradient = Matrix(like: queries)
            var keyGradient = Matrix(like: keys)
            var valueGradient = Matrix(like: values)
            var relativeQueryGradient = Matrix(like: relativeQueries)
            var relativeKeyGradient = Matrix(like: relativeKeys)
            for head in 0..<heads {
                for i in 0..<queries.rows {
                    // The gradient of row i of the probabilities, then of the scores: dS = P · (dP − Σ P dP).
                    var probabilityGradient = [Double](repeating: 0, count: keys.rows)
                    var mean = 0.0
                    for j in 0..<keys.rows where isVisible(i, j) {
                        let factor = dropoutFactor(head, i, j)
                        for c in columns(of: head) {
                            probabilityGradient[j] += factor * contextGradient[i, c] * values[j, c]
                            valueGradient[j, c] += factor * probabilities[head][i, j] * contextGradient[i, c]
                        }
                        mean += probabilities[head][i, j] * probabilityGradient[j]
                    }
                    for j in 0..<keys.rows where isVisible(i, j) {
                        let scoreGradient = probabilities[head][i, j] * (probabilityGradient[j] - mean)
                        relativeBias?.accumulate(scoreGradient, head: head, distance: j - i)
                        for c in columns(of: head) {
                            queryGradient[i, c] += scale * scoreGradient * keys[j, c]
                            keyGradient[j, c] += scale * scoreGradient * queries[i, c]
                        }
                        guard let row = relative?.row(i - j) else { continue }
                        for c in columns(of: head) {
                            queryGradient[i, c] += scale * scoreGradient * relativeKeys[row, c]
                            keyGradient[j, c] += scale * scoreGradient * relativeQueries[row, c]
                            relativeKeyGradient[row, c] += scale * scoreGradient * queries[i, c]
                            relativeQueryGradient[row, c] += scale * scoreGradient * keys[j, c]
                        }
                    }
                }
            }
            if let rotary {
                queryGradient = rotary.backward(upstream: queryGradient)
                keyGradient = rotary.backward(upstream: keyGradient)
            }
            if headNorms != nil {
                queryGradient = headNorms!.queries.backward(upstream: queryGradient)
                keyGradient = headNorms!.keys.backward(upstream: keyGradient)
            }
            if let relative {
                let gradient =
                    relativeQuery.backward(upstream: relativeQueryGradient)
                    + relativeKey.backward(upstream: relativeKeyGradient)
                relative.gradient = relative.gradient + relativeDropout.backward(upstream: gradient)
            }
            let ofQueries = query.backward(upstream: queryGradient)
            let ofRest = key.backward(upstream: keyGradient) + value.backward(upstream: valueGradient)
            guard let keyValues else { return ofQueries + ofRest }
            keyValues.gradient = keyValues.gradient + ofRest
            return ofQueries
        }

        private func columns(of head: Int) -> Range<Int> { head * headSize..<(head + 1) * headSize }

        private func dropoutFactor(_ head: Int, _ query: Int, _ key: Int) -> Double {
            guard let dropout else { return 1 }
            return dropout.isKept(head, query, key) ? 1 / (1 - dropout.probability) : 0
        }

        private func relativeScore(_ head: Int, _ query: Int, _ key: Int) -> Double {
            guard let row = relative?.row(query - key) else { return 0 }
            return columns(of: head).reduce(0) {
                $0 + queries[query, $1] * relativeKeys[row, $1] + keys[key, $1] * relativeQueries[row, $1]
            }
        }

        /// `[n, n]` probabilities of one head; 0 where a key is not visible.
        private func softmaxOfScores(head: Int) -> Matrix {
            var probabilities = Matrix(zeros: queries.rows, keys.rows)
            for i in 0..<queries.rows {
                let visible = (0..<keys.rows).filter { isVisible(i, $0) }
                let scores = visible.map { j in
                    (relativeBias?.value(head: head, distance: j - i) ?? 0)
                        + scale * columns(of: head).reduce(0) { $0 + queries[i, $1] * keys[j, $1] }
                        + scale * relativeScore(head, i, j)
                }
                let largest = scores.max() ?? 0
                let exponentials = scores.map { exp($0 - largest) }
                let sum = exponentials.reduce(0, +)
                for (j, exponential) in zip(visible, exponentials) { probabilities[i, j] = exponential / sum }
            }
            return probabilities
        }
    }
}
