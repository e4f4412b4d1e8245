import Encoder
import Kernels
import Parametrization

/// An optimizer of any kind over all tensors of a layout, each with its muP learning rate, decay and epsilon.
///
/// With separate optimizers it is two of them: the generator's, which also moves what both networks share, then the
/// discriminator's, which (unless `shared_tensors: generator`) moves the shared tensors once more, decay included, by
/// gradients and moments of its own.
public struct Optimizer: Sendable {
    /// Where a part of one tensor is that one task updates.
    private struct Slice {
        let entry: Int
        let weights: Int
        let moments: Int
        let count: Int
    }

    /// What one optimizer updates.
    private struct Group {
        let configuration: OptimizerConfiguration
        var learningRateFactors: [Double] = []
        var decays: [Double] = []
        var epsilons: [Double] = []
        var slices: [Slice] = []
        /// Muon's, dearest first, so that threads end together.
        var matrices: [Muon.Member] = []
    }

    /// Elements of a slice: large enough to amortise the task, small enough to balance threads.
    private static let sliceCount = 1 << 16

    public let configuration: OptimizerConfiguration
    private let groups: [Group]
    private let muonMemory: MuonMemory

    /// - Parameters:
    ///   - precision: of Muon's products.
    ///   - isFrozen: whether a tensor, by name, is to stay as it is.
    ///   - owns: whether this rank moves what begins at a place of the gradients; the others move the rest.
    ///   - learningRateFactor: of a tensor, by name, beside that of its parametrization.
    public init(
        _ configuration: OptimizerConfiguration, _ layout: ParameterLayout,
        parametrization: ParametrizationConfiguration, precision: ProductPrecision = .float32,
        isFrozen: (String) -> Bool = { _ in false },
        owns: (Int) -> Bool = { _ in true },
        learningRateFactor: (String) -> Double = { _ in 1 }
    ) {
        self.configuration = configuration
        var groups =
            layout.secondGroupStart == nil
            ? [Group(configuration: configuration)]
            : [Group(configuration: configuration.ofGenerator), Group(configuration: configuration)]
        let entries =
            layout.specs.map { (spec: $0, weights: $0.offset) }
            + layout.twins.map { (spec: $0.moments, weights: $0.weights.offset) }
        for (spec, weights) in entries where !isFrozen(spec.name) {
            let group = spec.offset < layout.secondGroupStart ?? 0 || groups.count == 1 ? 0 : 1
            if configuration.kind == .muon, Muon.moves(spec) {
                guard owns(spec.offset) else { continue }
                groups[group].matrices.append(
                    Muon.Member(
                        spec, weights: weights, configuration.muon, factor: learningRateFactor(spec.name),
                        precision: precision))
                continue
            }
            let entry = groups[group].decays.count
            groups[group].learningRateFactors.append(
                spec.scaling.learningRate * learningRateFactor(spec.name)
                    * (spec.isEmbeddingTable ? parametrization.embeddingLearningRateMultiplier : 1))
            groups[group].decays.append(
                spec.decays ? groups[group].configuration.weightDecay * spec.scaling.weightDecay : 0)
            groups[group].epsilons.append(groups[group].configuration.epsilon * spec.scaling.epsilon)
            for start in stride(from: 0, to: spec.count, by: Self.sliceCount) where owns(spec.offset + start) {
                groups[group].slices.append(
                    Slice(
                        entry: entry, weights: weights + start, moments: spec.offset + start,
                        count: min(Self.sliceCount, spec.count - start)))
            }
        }
        for index in groups.indices {
            let matrices = groups[index].matrices.enumerated()
            groups[index].matrices = matrices.sorted { (-$0.element.flops, $0.offset) < (-$1.element.flops, $1.offset) }
                .map(\.element)
        }
        self.groups = groups
        let members = groups.flatMap(\.matrices)
        muonMemory = MuonMemory(
            count: members.map { Orthogonalization.floatCount(rows: $0.rows, columns: $0.columns) }.max() ?? 0)
    }

    /// One update of all weights; clears the gradients.
    ///
    /// - Parameters:
    ///   - state: one buffer for each of the kind's `state`, in that order.
    ///   - step: counted from 1.
    ///   - scheduleFactor: share of the peak learning rate.
    ///   - gradientScales: what clipping multiplies gradients with, for each optimizer.
    ///   - members: which of two optimizers move; both by default.
    public func update(
        weights: FloatBuffer, gradients: FloatBuffer, state: [FloatBuffer], step: Int, scheduleFactor: Double,
        gradientScales: [Double], members: Range<Int>? = nil, pool: ThreadPool
    ) {
        precondition(state.count == configuration.kind.state.count)
        for (group, gradientScale) in Array(zip(groups, gradientScales))[members ?? groups.indices] {
            let learningRate = group.configuration.peakLearningRate * scheduleFactor
            let coefficients = group.decays.indices.map { index in
                Kernels.AdamWCoefficients(
                    learningRate: learningRate * group.learningRateFactors[index], beta1: group.configuration.beta1,
                    beta2: group.configuration.beta2, epsilon: group.epsilons[index],
                    weightDecay: group.decays[index],
                    decaysCautiously: group.configuration.cautiousWeightDecay, step: step,
                    biasCorrection: group.configuration.biasCorrection,
                    gradientScale: gradientScale)
            }
            let (slices, matrices) = (group.slices, group.matrices)
            let settings = group.configuration
            let memory = matrices.isEmpty ? [] : muonMemory.buffers(pool.threadCount)
            pool.run(matrices.count + slices.count) { task, worker in
                if task < matrices.count {
                    return Muon.update(
                        matrices[task], weights: weights, gradients: gradients, momentum: state[0],
                        learningRate: settings.muon.peakLearningRate * scheduleFactor, gradientScale: gradientScale,
                        settings.muon, decaysCautiously: settings.cautiousWeightDecay, memory: memory[worker])
                }
                let slice = slices[task - matrices.count]
                settings.kind.update(
                    OptimizerSlice(
                        weights: weights.base + slice.weights, gradients: gradients, state: state,
                        offset: slice.moments, count: slice.count), coefficients[slice.entry], settings)
            }
        }
    }
}
