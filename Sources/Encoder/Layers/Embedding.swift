import Kernels

/// From token ids to the first layer's input: word + position + token type embedding, norm, dropout, and a projection where
/// the embedding size differs from the hidden size.
struct Embedding: Sendable {
    private let shared: SharedEmbeddings
    private let norm: Norm
    private let projection: (weight: ParameterSlot, bias: OptionalBias)?
    private let dropout: DropoutSite
    private let width: Int

    private let sum: ActivationSlot
    private let normalized: ActivationSlot
    private let projected: ActivationSlot?
    private let gradient: ActivationSlot

    init(_ context: inout EncoderNetwork.BuildContext, shared: SharedEmbeddings) {
        width = context.model.embeddingSize
        self.shared = shared
        norm = Norm(shared.norm, &context.plan, context.model.normalization, tokens: context.tokens)
        dropout = DropoutSite(
            network: context.networkIndex, layer: -1, site: .embeddings, probability: context.model.dropout)
        sum = context.plan.reserve(context.tokens * width)
        normalized = context.plan.reserve(context.tokens * width)
        gradient = context.plan.reserve(context.tokens * width)
        if width == context.shape.hiddenSize {
            projection = nil
            projected = nil
        } else {
            projection = (
                // Between two growing dimensions where the embedding size grows with the model, as in the generators of
                // ELECTRA-base and -large.
                context.parameters.matrix(
                    "projection.weight", output: context.shape.hiddenSize, input: width,
                    role: context.embeddingGrows ? .hidden : .input,
                    inputRatio: context.embeddingGrows ? shared.widthRatio : nil, glorot: true),
                context.bias("projection.bias", context.shape.hiddenSize)
            )
            if let projection { context.parameters.multiplies(projection.weight) }
            projected = context.plan.reserve(context.tokens * context.shape.hiddenSize)
        }
    }

    /// - Parameter tokens: `[n]` ids.
    /// - Returns: `[n, hidden]`.
    func forward(_ tokens: UnsafeBufferPointer<Int32>, _ pass: LanePass) -> Matrix {
        let sum = sum.matrix(pass, rows: pass.rows, columns: width)
        let normalized = normalized.matrix(pass, rows: pass.rows, columns: width)
        let weights = pass.weights
        pass.chunk.positions.withUnsafeBufferPointer { positions in
            pass.chunk.tokenTypes.withUnsafeBufferPointer { types in
                Kernels.embed(
                    tokens, words: shared.word.matrix(weights), positions: positions,
                    positionTable: shared.position?.matrix(weights), offsets: shared.tokenType.matrix(weights),
                    types: types, into: sum)
            }
        }
        norm.forward(sum, into: normalized, pass)
        if let decisions = dropout.decisions(pass) {
            Kernels.applyDropout(normalized, decisions, firstRow: pass.chunk.firstRow)
        }
        guard let projection else { return normalized }
        let output = result(pass)
        pass.project(normalized, by: projection.weight, into: output)
        Kernels.addBias(output, projection.bias.vector(pass))
        return output
    }

    /// What the last forward pass returned.
    func result(_ pass: LanePass) -> Matrix {
        guard let projection, let projected else { return normalized.matrix(pass, rows: pass.rows, columns: width) }
        return projected.matrix(pass, rows: pass.rows, columns: projection.weight.rows)
    }

    /// - Parameter upstream: gradient of the output, `[n, hidden]`; overwritten.
    func backward(_ upstream: Matrix, tokens: UnsafeBufferPointer<Int32>, _ pass: LanePass) {
        var incoming = upstream
        if let projection {
            let normalized = normalized.matrix(pass, rows: pass.rows, columns: width)
            incoming = gradient.matrix(pass, rows: pass.rows, columns: width)
            Kernels.addColumnSums(upstream, to: projection.bias.gradient(pass))
            pass.addGradient(of: projection.weight, upstream: upstream, input: normalized)
            pass.projectBack(upstream, by: projection.weight, into: incoming)
        }
        if let decisions = dropout.decisions(pass) {
            Kernels.applyDropout(incoming, decisions, firstRow: pass.chunk.firstRow)
        }
        norm.backward(
            upstream: incoming, x: sum.matrix(pass, rows: pass.rows, columns: width), into: incoming,
            accumulate: false, pass)
        Kernels.scatterAddRows(incoming, tokens, into: shared.word.matrix(pass.gradient))
        if let position = shared.position {
            pass.chunk.positions.withUnsafeBufferPointer {
                Kernels.scatterAddRows(incoming, $0, into: position.matrix(pass.gradient))
            }
        }
        if pass.chunk.tokenTypes.isEmpty {
            Kernels.addColumnSums(incoming, to: shared.tokenType.vector(pass.gradient))
        } else {
            pass.chunk.tokenTypes.withUnsafeBufferPointer {
                Kernels.scatterAddRows(incoming, $0, into: shared.tokenType.matrix(pass.gradient))
            }
        }
    }
}
