import Encoder
import Kernels
import Parametrization

/// Momentum orthogonalized, for the matrices of hidden layers; AdamW moves everything else (Jordan et al. 2024, "Muon: an
/// optimizer for hidden layers in neural networks"; `torch.optim.Muon`).
package enum Muon {
    /// Second moments are of the tensors that AdamW moves; those of matrices stay zero.
    static let state: [OptimizerStateName] = [.firstMoments, .secondMoments]

    /// Whether it moves a tensor: every matrix within a residual branch, query, key and value each by itself. Heads, tables and
    /// projections of embeddings are AdamW's, as are norms and biases.
    package static func moves(_ spec: ParameterSpec) -> Bool {
        spec.role == .hidden && spec.depth != .outside && spec.shape.count == 2
    }

    /// Rules for width and depth. The spectral scale asks for none across width (Yang et al. 2023, arXiv 2310.17813); that of
    /// AdamW's size is larger than it by the root of the width. Depth is absorbed into the last matrix of a branch as for AdamW,
    /// see `ParameterScaling`.
    package static func scaling(_ spec: ParameterSpec, _ settings: MuonConfiguration) -> ParameterScaling {
        var scaling = spec.scaling
        let width = settings.scaling == .likeAdamW ? spec.widthRatio.squareRoot() : 1
        let depth = spec.depth == .branchOutput ? spec.depthRatio : 1
        scaling.learningRate = 1 / (width * depth)
        scaling.weightDecay = width * depth
        return scaling
    }

    /// One matrix with its gradient and momentum.
    struct Member {
        let weights: Int
        /// Where gradient and momentum begin in their buffers.
        let moments: Int
        let rows: Int
        let columns: Int
        /// Beside the learning rate: by depth, and of this tensor.
        let learningRateFactor: Double
        let weightDecay: Double
        let precision: ProductPrecision

        /// - Parameters:
        ///   - weights: where the weights begin, which may be those of another tensor's twin.
        ///   - factor: of the tensor's learning rate, beside.
        ///   - precision: of products.
        init(
            _ spec: ParameterSpec, weights: Int, _ settings: MuonConfiguration, factor: Double,
            precision: ProductPrecision
        ) {
            self.weights = weights
            self.precision = precision
            moments = spec.offset
            (rows, columns) = (spec.shape[0], spec.shape[1])
            let scaling = Muon.scaling(spec, settings)
            learningRateFactor = scaling.learningRate * factor
            weightDecay = settings.weightDecay * scaling.weightDecay
        }

        var flops: Double { Orthogonalization.flops(rows: rows, columns: columns, precision: precision) }
    }

    /// Moves a matrix and clears its gradient. Without a gradient only decay moves it: an orthogonalized remainder of momentum
    /// would be as large a step as any.
    ///
    /// - Parameters:
    ///   - memory: of `Orthogonalization.floatCount` for this shape at least.
    ///   - learningRate: of the step.
    ///   - gradientScale: of clipping.
    static func update(
        _ member: Member, weights: FloatBuffer, gradients: FloatBuffer, momentum: FloatBuffer, learningRate: Double,
        gradientScale: Double, _ settings: MuonConfiguration, decaysCautiously: Bool, memory: FloatBuffer
    ) {
        let count = member.rows * member.columns
        let weight = weights.base + member.weights
        let gradient = gradients.base + member.moments
        let buffer = momentum.base + member.moments
        let rate = learningRate * member.learningRateFactor
        let kept = Float(1 - rate * member.weightDecay)
        guard (0..<count).contains(where: { gradient[$0] != 0 }) else {
            for index in 0..<count { weight[index] *= kept }
            return
        }
        let (beta, scale) = (Float(settings.momentum), Float(gradientScale))
        // torch.optim.Muon: the average is of weight 1 − β, which orthogonalization does not see; Nesterov looks one step ahead.
        for index in 0..<count {
            let value = scale * gradient[index]
            let average = buffer[index] + (1 - beta) * (value - buffer[index])
            buffer[index] = average
            gradient[index] = value + beta * (average - value)
        }
        let update = Matrix(gradient, rows: member.rows, columns: member.columns)
        Orthogonalization(
            rows: member.rows, columns: member.columns, precision: member.precision, memory: memory)(update)
        let step = Float(rate * settings.scale(rows: member.rows, columns: member.columns))
        for index in 0..<count {
            let decays = !decaysCautiously || gradient[index] * weight[index] >= 0
            weight[index] = (decays ? kept : 1) * weight[index] - step * gradient[index]
            gradient[index] = 0
        }
    }
}
