import Encoder
import Kernels

extension ReplacedTokenDetection {
    /// The generator predicts the masked tokens, learns (if it is trained), and samples; its samples are put in place. A
    /// sample that equals the original counts as original.
    ///
    /// No gradient flows through sampling: the generator is done before the main encoder starts.
    ///
    /// - Returns: the corrupted text, `[n]`.
    func corrupt(_ chunk: inout ObjectiveChunk) -> [Int32] {
        let given = chunk.work.replacements.map { Array($0[chunk.places]) }
        var corrupted = chunk.original
        var replacements = given ?? []
        // A frozen generator whose samples are known has nothing to do in training, nor one that has had its turn.
        if chunk.work.part != .mainEncoder, let auxiliary = model.auxiliary,
            given == nil || configuration.trainsGenerator || !chunk.learns
        {
            let sampled = generate(auxiliary, &chunk)
            replacements = given ?? sampled
        }
        precondition(replacements.count == chunk.rows.count, "replacements without a generator have to be given")
        for (row, token) in zip(chunk.rows, replacements) { corrupted[Int(row)] = token }
        return corrupted
    }

    private func generate(_ auxiliary: ReplacedTokenModel.Auxiliary, _ chunk: inout ObjectiveChunk) -> [Int32] {
        let rows = chunk.rows
        guard !rows.isEmpty else { return [] }
        let learns = chunk.learns && configuration.trainsGenerator
        // A frozen generator samples as it is, without dropout.
        let pass = configuration.trainsGenerator ? chunk.pass : chunk.pass.withoutLearning
        let weight = Float(configuration.generatorWeight / Double(chunk.maskedCount))
        let apart = samplesApart && learns ? sampleWithoutDropout(auxiliary, chunk) : nil
        var sampled: [Int32] = []
        sampled.reserveCapacity(rows.count)
        chunk.masked.withUnsafeBufferPointer { inputs in
            rows.withUnsafeBufferPointer { places in
                let hidden = auxiliary.network.forward(inputs, pass)
                let logits = Profile.phase("generator head, forward") {
                    auxiliary.head.forward(hidden, rows: places, pass)
                }
                let bias = auxiliary.head.outputBias(pass)
                for (index, row) in rows.enumerated() {
                    let target = chunk.original[Int(row)]
                    let uniform = chunk.work.sampling.uniform(
                        step: chunk.work.step, position: pass.chunk.firstRow + Int(row))
                    let warm =
                        apart != nil || chunk.work.temperature == 1
                        ? nil : sample(logits.row(index), bias, at: chunk.work.temperature, uniform, auxiliary, pass)
                    let outcome = Kernels.softmaxCrossEntropy(
                        logits.row(index), bias: bias, classCount: model.vocabularySize, target: target,
                        uniform: uniform,
                        gradient: learns ? .init(scale: weight, bias: auxiliary.head.outputBiasGradient(pass)) : nil)
                    let token = apart?[index] ?? warm ?? outcome.sampled
                    chunk.sums.generatorLoss += outcome.loss
                    chunk.sums.generatorCorrect += outcome.best == target ? 1 : 0
                    chunk.sums.sampledCorrect += token == target ? 1 : 0
                    sampled.append(token)
                }
                chunk.sums.maskedCount += rows.count
                if learns {
                    let gradient = auxiliary.gradient.matrix(pass, rows: hidden.rows, columns: hidden.columns)
                    gradient.zero()
                    Profile.phase("generator head, backward") {
                        auxiliary.head.addGradient(logits, rows: places, to: gradient, pass)
                    }
                    auxiliary.network.backward(gradient, tokens: inputs, pass)
                }
            }
        }
        return sampled
    }

    /// Whether sampling needs a forward pass of its own: the generator learns with dropout and samples without.
    private var samplesApart: Bool { configuration.samplesWithoutDropout && model.generatorDrops }

    /// The generator's samples as in evaluation, at the masked tokens; the same random numbers choose.
    private func sampleWithoutDropout(
        _ auxiliary: ReplacedTokenModel.Auxiliary, _ chunk: ObjectiveChunk
    ) -> [Int32] {
        let pass = chunk.pass.withoutLearning
        let rows = chunk.rows
        return chunk.masked.withUnsafeBufferPointer { inputs in
            rows.withUnsafeBufferPointer { places in
                let hidden = auxiliary.network.forward(inputs, pass)
                let logits = Profile.phase("generator head, forward") {
                    auxiliary.head.forward(hidden, rows: places, pass)
                }
                let bias = auxiliary.head.outputBias(pass)
                return rows.enumerated().map { index, row in
                    let uniform = chunk.work.sampling.uniform(
                        step: chunk.work.step, position: pass.chunk.firstRow + Int(row))
                    return Kernels.softmaxCrossEntropy(
                        logits.row(index), bias: bias, classCount: model.vocabularySize,
                        target: chunk.original[Int(row)], uniform: uniform, gradient: nil
                    ).sampled
                }
            }
        }
    }

    /// A token from the softmax of (logits + bias) / temperature; the logits stay as they are.
    private func sample(
        _ logits: UnsafeMutablePointer<Float>, _ bias: UnsafePointer<Float>, at temperature: Double, _ uniform: Double,
        _ auxiliary: ReplacedTokenModel.Auxiliary, _ pass: LanePass
    ) -> Int32 {
        let count = model.vocabularySize
        let tempered = auxiliary.tempered.vector(pass)
        let factor = Float(1 / temperature)
        for i in 0..<count {
            tempered[i] = logits[i] * factor
            tempered[count + i] = bias[i] * factor
        }
        return Kernels.softmaxCrossEntropy(
            tempered, bias: tempered + count, classCount: count, target: 0, uniform: uniform, gradient: nil
        ).sampled
    }
}
