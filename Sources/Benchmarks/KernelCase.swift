import Encoder
import Kernels
import Pretraining

/// One kernel with the shapes of a configuration.
struct KernelCase: Sendable {
    let name: String
    let shape: String
    /// Floats that a call reads and writes; `body` gets so many.
    let operandCount: Int
    let calls: Int
    let body: @Sendable (UnsafeMutablePointer<Float>) -> Void

    /// - Parameter work: roughly the floating-point operations of a call, or the floats that it moves; decides how often
    ///   the kernel is called.
    private init(
        _ name: String, _ shape: String, operands: Int, work: Int,
        _ body: @escaping @Sendable (UnsafeMutablePointer<Float>) -> Void
    ) {
        self.name = name
        self.shape = shape
        operandCount = (operands + 15) / 16 * 16
        calls = min(max(4, 4_000_000_000 / max(work, 1)), 400)
        self.body = body
    }

    /// The kernels that a step of the configuration calls, with the discriminator's shapes.
    static func all(_ configuration: RunConfiguration) throws -> [KernelCase] {
        let model = configuration.model
        let precision = configuration.training.precision
        let hidden = model.hiddenSize
        let intermediate = model.intermediateSize
        let rows = max(configuration.training.chunkTokens, configuration.corpus.sequenceLength)
        let vocabulary = configuration.tokenizer.vocabularySize
        let chosen = max(1, Int(Double(rows) * configuration.objective.meanMaskFraction))
        return products("query, key, value", precision, rows, output: 3 * hidden, input: hidden)
            + products("attention output", precision, rows, output: hidden, input: hidden)
            + products("feed-forward input", precision, rows, output: intermediate, input: hidden)
            + products("feed-forward output", precision, rows, output: hidden, input: intermediate)
            + products("vocabulary", precision, chosen, output: vocabulary, input: model.embeddingSize)
            + attention(
                segments: Array(stride(from: 0, to: rows, by: configuration.corpus.sequenceLength)) + [rows],
                headCount: model.headCount, headSize: hidden / model.headCount)
            + elementwise(rows: rows, hidden: hidden, intermediate: intermediate)
            + [softmax(rows: chosen, vocabulary: vocabulary)] + optimizer(count: 1 << 20)
            + embeddings(rows: rows, width: model.embeddingSize, vocabulary: vocabulary)
    }

    private static func products(
        _ name: String, _ precision: ProductPrecision, _ rows: Int, output: Int, input: Int
    ) -> [KernelCase] {
        let (x, w, y) = (rows * input, output * input, rows * output)
        let work = 2 * rows * output * input
        // Rounded once a step, so not here.
        let memory =
            precision.keepsWeights
            ? FloatBuffer(count: BFloat16Weight.count(outputs: output, inputs: input) / 2) : nil
        @Sendable func rounded() -> BFloat16Weight? {
            memory.map { BFloat16Weight($0, outputs: output, inputs: input) }
        }
        if let weight = rounded() {
            let numbers = FloatBuffer(count: w)
            for i in 0..<w { numbers.base[i] = Float(i % 13) * 0.0625 - 0.375 }
            let matrix = Matrix(numbers.base, rows: output, columns: input)
            for part in 0..<weight.partCount { weight.round(matrix, part: part) }
        }
        @Sendable func views(_ base: UnsafeMutablePointer<Float>) -> (x: Matrix, w: Matrix, y: Matrix) {
            (
                Matrix(base, rows: rows, columns: input), Matrix(base + x, rows: output, columns: input),
                Matrix(base + x + w, rows: rows, columns: output)
            )
        }
        return [
            KernelCase("\(name), forward", "\(rows) × \(output) × \(input)", operands: x + w + y, work: work) {
                let m = views($0)
                switch precision {
                case .float32: Kernels.multiply(m.x, transposed: m.w, into: m.y)
                case .bfloat16: Kernels.multiplyBFloat16(m.x, transposed: m.w, rounded: rounded(), into: m.y)
                }
            },
            KernelCase("\(name), input gradient", "\(rows) × \(input) × \(output)", operands: x + w + y, work: work) {
                let m = views($0)
                switch precision {
                case .float32: Kernels.multiply(m.y, m.w, into: m.x)
                case .bfloat16: Kernels.multiplyBFloat16(m.y, m.w, rounded: rounded(), into: m.x)
                }
            },
            KernelCase("\(name), weight gradient", "\(output) × \(input) × \(rows)", operands: x + w + y, work: work) {
                let m = views($0)
                switch precision {
                case .float32: Kernels.multiply(transposed: m.y, m.x, into: m.w, accumulate: true)
                case .bfloat16: Kernels.multiplyBFloat16(transposed: m.y, m.x, into: m.w, accumulate: true)
                }
            },
        ]
    }

    private static func attention(segments: [Int], headCount: Int, headSize: Int) -> [KernelCase] {
        let rows = segments[segments.count - 1]
        let width = headCount * headSize
        let kernel = AttentionKernel(headCount: headCount, headSize: headSize)
        let blocks = AttentionBlocks.full(segments: segments, headCount: headCount)
        let longest = zip(segments, segments.dropFirst()).map { $1 - $0 }.max() ?? rows
        let dropout = DropoutStream(seed: 1, step: 1).stream(1, probability: 0.1)
        let parts = (qkv: 3 * rows * width, output: rows * width, statistics: rows * headCount)
        let scratch = 2 * parts.qkv + 2 * parts.output + parts.statistics
        let operands = scratch + kernel.scratchCount(keys: longest)
        let work = 4 * rows * longest * width
        let shape = "\(headCount) heads of \(headSize), \(rows) × \(longest)"
        return [
            KernelCase("attention, forward", shape, operands: operands, work: work) {
                kernel.forward(
                    .init(Matrix($0, rows: rows, columns: 3 * width)), blocks: blocks, dropout: dropout, firstRow: 0,
                    output: Matrix($0 + 2 * parts.qkv, rows: rows, columns: width),
                    logSumExp: $0 + 2 * parts.qkv + 2 * parts.output, scratch: $0 + scratch)
            },
            KernelCase("attention, backward", shape, operands: operands, work: 3 * work) {
                kernel.backward(
                    upstream: Matrix($0 + 2 * parts.qkv + parts.output, rows: rows, columns: width),
                    .init(Matrix($0, rows: rows, columns: 3 * width)),
                    output: Matrix($0 + 2 * parts.qkv, rows: rows, columns: width),
                    logSumExp: $0 + 2 * parts.qkv + 2 * parts.output, blocks: blocks, dropout: dropout, firstRow: 0,
                    gradient: .init(Matrix($0 + parts.qkv, rows: rows, columns: 3 * width)),
                    scratch: $0 + scratch)
            },
        ]
    }

    private static func elementwise(rows: Int, hidden: Int, intermediate: Int) -> [KernelCase] {
        let small = rows * hidden
        let large = rows * intermediate
        let dropout = DropoutStream(seed: 1, step: 1).stream(1, probability: 0.1)
        @Sendable func matrix(_ base: UnsafeMutablePointer<Float>, _ index: Int) -> Matrix {
            Matrix(base + index * small, rows: rows, columns: hidden)
        }
        @Sendable func wide(_ base: UnsafeMutablePointer<Float>, _ index: Int) -> Matrix {
            Matrix(base + index * large, rows: rows, columns: intermediate)
        }
        let shape = "\(rows) × \(hidden)"
        let wideShape = "\(rows) × \(intermediate)"
        return [
            KernelCase("bias and activation", wideShape, operands: 2 * large + intermediate, work: 60 * large) {
                Kernels.addBiasGELU(wide($0, 0), bias: $0 + 2 * large, derivative: wide($0, 1))
            },
            KernelCase("activation, backward", wideShape, operands: 2 * large + intermediate, work: 20 * large) {
                Kernels.activationBackward(
                    upstream: wide($0, 0), derivative: wide($0, 1), biasGradient: $0 + 2 * large)
            },
            KernelCase(
                "dropout, residual sum and norm", shape, operands: 4 * small + 5 * hidden + 2 * rows, work: 60 * small
            ) {
                let tail = $0 + 4 * small
                Kernels.addResidualThenLayerNorm(
                    branch: matrix($0, 0), bias: tail, residual: matrix($0, 1), dropout: dropout, firstRow: 0,
                    sum: matrix($0, 2), gain: tail + hidden, normBias: tail + 2 * hidden, epsilon: 1e-12,
                    output: matrix($0, 3), statistics: tail + 5 * hidden)
            },
            KernelCase(
                "dropout, residual sum and norm, backward", shape, operands: 4 * small + 5 * hidden + 2 * rows,
                work: 60 * small
            ) {
                let tail = $0 + 4 * small
                Kernels.addResidualThenLayerNormBackward(
                    upstream: matrix($0, 0), sum: matrix($0, 1), statistics: tail + 5 * hidden, gain: tail,
                    dropout: dropout, firstRow: 0, gainGradient: tail + hidden, normBiasGradient: tail + 2 * hidden,
                    residualGradient: matrix($0, 2), branchGradient: matrix($0, 3), biasGradient: tail + 3 * hidden)
            },
            KernelCase("norm", shape, operands: 2 * small + 2 * hidden + 2 * rows, work: 40 * small) {
                let tail = $0 + 2 * small
                Kernels.layerNorm(
                    matrix($0, 0), gain: tail, bias: tail + hidden, epsilon: 1e-12, output: matrix($0, 1),
                    statistics: tail + 2 * hidden)
            },
            KernelCase("dropout", shape, operands: small, work: 40 * small) {
                Kernels.applyDropout(matrix($0, 0), dropout, firstRow: 0)
            },
        ]
    }

    private static func softmax(rows: Int, vocabulary: Int) -> KernelCase {
        KernelCase(
            "softmax, loss, sample, gradient", "\(rows) × \(vocabulary)", operands: (rows + 2) * vocabulary,
            work: 40 * rows * vocabulary
        ) {
            let bias = $0 + rows * vocabulary
            for row in 0..<rows {
                _ = Kernels.softmaxCrossEntropy(
                    $0 + row * vocabulary, bias: bias, classCount: vocabulary, target: 5, uniform: 0.5,
                    gradient: .init(scale: 1e-3, bias: bias + vocabulary))
            }
        }
    }

    private static func optimizer(count: Int) -> [KernelCase] {
        [
            KernelCase("gradients of two lanes merged", "\(count)", operands: 2 * count, work: 40 * count) {
                _ = Kernels.mergeGradients([$0, $0 + count], order: [(0, 1)], count: count)
            },
            KernelCase("AdamW", "\(count)", operands: 4 * count, work: 40 * count) {
                Kernels.adamW(
                    weights: $0, gradient: $0 + count, firstMoment: $0 + 2 * count, secondMoment: $0 + 3 * count,
                    count: count,
                    Kernels.AdamWCoefficients(
                        learningRate: 1e-4, beta1: 0.9, beta2: 0.999, epsilon: 1e-6, weightDecay: 0.01, step: 10,
                        biasCorrection: true, gradientScale: 1))
            },
        ]
    }

    private static func embeddings(rows: Int, width: Int, vocabulary: Int) -> [KernelCase] {
        // Rows of a table in an order without pattern.
        let tokens = (0..<rows).map { Int32(($0 * 7919) % vocabulary) }
        let table = vocabulary * width
        return [
            KernelCase(
                "embedding rows", "\(rows) × \(width)", operands: table + (rows + 1) * width, work: 100 * rows * width
            ) { base in
                tokens.withUnsafeBufferPointer {
                    Kernels.embed(
                        $0, words: Matrix(base, rows: vocabulary, columns: width), positions: $0, positionTable: nil,
                        offsets: Matrix(base + table + rows * width, rows: 1, columns: width),
                        types: UnsafeBufferPointer(start: nil, count: 0),
                        into: Matrix(base + table, rows: rows, columns: width))
                }
            },
            KernelCase("rows scattered", "\(rows) × \(width)", operands: table + rows * width, work: 100 * rows * width)
            { base in
                tokens.withUnsafeBufferPointer {
                    Kernels.scatterAddRows(
                        Matrix(base + table, rows: rows, columns: width), $0,
                        into: Matrix(base, rows: vocabulary, columns: width))
                }
            },
        ]
    }
}
