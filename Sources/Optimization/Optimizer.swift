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
        /// The table, by index in its group, whose second moments are coupled.
        let table: Int?
    }

    /// A table whose rows share their second moments.
    private struct Table {
        let offset: Int
        let rows: Int
        let columns: Int
        /// Where its slices begin in the gradients, whoever moves them.
        let places: [Int]
    }

    /// What one optimizer updates.
    private struct Group {
        let configuration: OptimizerConfiguration
        var learningRateFactors: [Double] = []
        var decays: [Double] = []
        var epsilons: [Double] = []
        var slices: [Slice] = []
        var tables: [Table] = []
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
            let starts = Array(stride(from: 0, to: spec.count, by: Self.sliceCount))
            var table: Int?
            if configuration.coupledTables, spec.isEmbeddingTable, spec.shape.count == 2 {
                table = groups[group].tables.count
                groups[group].tables.append(
                    Table(
                        offset: spec.offset, rows: spec.shape[0], columns: spec.shape[1],
                        places: starts.map { spec.offset + $0 }))
            }
            for start in starts where owns(spec.offset + start) {
                groups[group].slices.append(
                    Slice(
                        entry: entry, weights: weights + start, moments: spec.offset + start,
                        count: min(Self.sliceCount, spec.count - start), table: table))
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

    /// What coupled tables need to know of gradients before they move; of the slices that this rank moves. Nothing where none are
    /// coupled.
    ///
    /// - Parameter members: which of two optimizers will move.
    package func columnSquares(
        _ gradients: FloatBuffer, members: Range<Int>? = nil, pool: ThreadPool
    ) -> ColumnSquares {
        guard configuration.coupledTables else { return ColumnSquares() }
        var slices: [(slice: Slice, table: Table)] = []
        for group in groups[members ?? groups.indices] {
            slices += group.slices.compactMap { slice in slice.table.map { (slice, group.tables[$0]) } }
        }
        let all = slices
        return ColumnSquares(places: all.map(\.slice.moments), columns: all.map(\.table.columns), pool: pool) {
            index, sums in
            let (slice, table) = all[index]
            Kernels.addColumnSquares(
                gradients.base + slice.moments, count: slice.count,
                first: (slice.moments - table.offset) % table.columns, columns: table.columns, into: sums)
        }
    }

    /// One update of all weights; clears the gradients.
    ///
    /// - Parameters:
    ///   - columnSquares: of the gradients, of all ranks; nil where this one moves everything.
    ///   - state: one buffer for each of the kind's `state`, in that order.
    ///   - step: counted from 1.
    ///   - scheduleFactor: share of the peak learning rate.
    ///   - gradientScales: what clipping multiplies gradients with, for each optimizer.
    ///   - members: which of two optimizers move; both by default.
    public func update(
        weights: FloatBuffer, gradients: FloatBuffer, state: [FloatBuffer], step: Int, scheduleFactor: Double,
        gradientScales: [Double], columnSquares: ColumnSquares? = nil, members: Range<Int>? = nil, pool: ThreadPool
    ) {
        precondition(state.count == configuration.kind.state.count)
        let squares = columnSquares ?? self.columnSquares(gradients, members: members, pool: pool)
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
            let tables = group.tables
            let means = tables.map {
                squares.means(of: $0.places, rows: $0.rows, columns: $0.columns, scale: gradientScale)
            }
            let memory = matrices.isEmpty ? [] : muonMemory.buffers(pool.threadCount)
            pool.run(matrices.count + slices.count) { task, worker in
                if task < matrices.count {
                    return Muon.update(
                        matrices[task], weights: weights, gradients: gradients, momentum: state[0],
                        learningRate: settings.muon.peakLearningRate * scheduleFactor, gradientScale: gradientScale,
                        settings.muon, decaysCautiously: settings.cautiousWeightDecay, memory: memory[worker])
                }
                let slice = slices[task - matrices.count]
                if let table = slice.table {
                    return means[table].withUnsafeBufferPointer {
                        Kernels.coupledAdamW(
                            weights: weights.base + slice.weights, gradient: gradients.base + slice.moments,
                            firstMoment: state[0].base + slice.moments, secondMoment: state[1].base + slice.moments,
                            count: slice.count, first: (slice.moments - tables[table].offset) % tables[table].columns,
                            squares: $0, coefficients[slice.entry])
                    }
                }
                settings.kind.update(
                    OptimizerSlice(
                        weights: weights.base + slice.weights, gradients: gradients, state: state,
                        offset: slice.moments, count: slice.count), coefficients[slice.entry], settings)
            }
        }
    }
}
