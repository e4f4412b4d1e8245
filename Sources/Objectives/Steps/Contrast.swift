import Encoder
import Kernels

extension ReplacedTokenDetection {
    /// Sequence contrastive learning (Meng et al. 2021, arXiv 2102.08473, section 3.3): the first token's state of a
    /// corrupted segment is to be near that of a crop of the original, and far from those of other segments.
    ///
    /// Contrasted are the segments of a chunk, as the release contrasts those of one device's batch: `training.chunk_tokens`
    /// is part of what is learned here.
    func contrast(_ states: MainStates, _ chunk: inout ObjectiveChunk) {
        guard let contrast = model.contrast else { return }
        let pass = chunk.pass
        let crops = crops(of: chunk)
        // A crop begins a sequence where its segment does: that makes its first token global under global_tokens: first.
        let beginsSequence = Set(pass.chunk.sequences)
        let cropSequences = zip(pass.chunk.segments, crops.offsets).filter { beginsSequence.contains($0.0) }.map(\.1)
        var cropPass = LanePass(
            weights: pass.weights, gradients: pass.gradients, arena: pass.arena, dropout: pass.dropout,
            chunk: ChunkGeometry(
                firstRow: pass.chunk.firstRow, tokenCount: crops.tokens.count,
                segmentOffsets: crops.offsets.map { $0 + pass.chunk.firstRow },
                sequenceOffsets: cropSequences.map { $0 + pass.chunk.firstRow },
                tokenTypes: crops.types.isEmpty
                    ? [] : [Int32](repeating: 0, count: pass.chunk.firstRow) + crops.types))
        cropPass.products = pass.products
        let firsts = pass.chunk.segments.dropLast().map { Int32($0) }
        let cropFirsts = crops.offsets.dropLast().map { Int32($0) }
        let segmentCount = chunk.work.batch.segmentOffsets.count - 1
        let scale = configuration.contrast / Double(max(segmentCount, 1))

        firsts.withUnsafeBufferPointer { firsts in
            cropFirsts.withUnsafeBufferPointer { cropFirsts in
                crops.tokens.withUnsafeBufferPointer { tokens in
                    let cropped = contrast.network.forward(tokens, cropPass)
                    let one = contrast.heads.corrupted.forward(states.hidden, rows: firsts, pass)
                    let other = contrast.heads.cropped.forward(cropped, rows: cropFirsts, cropPass)
                    let outcome = Kernels.contrastiveLoss(
                        one, other, temperature: configuration.contrastiveTemperature, scale: scale,
                        isLearned: chunk.learns)
                    chunk.sums.contrastiveLoss += outcome.loss
                    chunk.sums.contrastiveCount += firsts.count
                    chunk.sums.contrastiveCorrect += outcome.correct
                    guard chunk.learns else { return }
                    contrast.heads.corrupted.addGradient(one, rows: firsts, to: states.gradient, pass)
                    let gradient = contrast.gradient.matrix(
                        cropPass, rows: cropped.rows, columns: cropped.columns)
                    gradient.zero()
                    contrast.heads.cropped.addGradient(other, rows: cropFirsts, to: gradient, cropPass)
                    contrast.network.backward(gradient, tokens: tokens, cropPass)
                }
            }
        }
    }

    /// Of every segment the first token, a stretch of those between, and the last.
    private func crops(of chunk: ObjectiveChunk) -> (tokens: [Int32], types: [Int32], offsets: [Int]) {
        var rows: [Int] = []
        var offsets = [0]
        let segments = chunk.pass.chunk.segments
        for (start, end) in zip(segments, segments.dropFirst()) {
            let inner = max(end - start - 2, 0)
            let kept = min(inner, Int((Double(inner) * configuration.contrastiveCrop).rounded(.up)))
            let uniform = chunk.work.cropping.uniform(
                step: chunk.work.step, position: chunk.pass.chunk.firstRow + start)
            let skipped = Int(uniform * Double(inner - kept + 1))
            rows.append(start)
            rows += (start + 1 + skipped)..<(start + 1 + skipped + kept)
            if end - start > 1 { rows.append(end - 1) }
            offsets.append(rows.count)
        }
        let types = chunk.pass.chunk.tokenTypes
        return (rows.map { chunk.original[$0] }, types.isEmpty ? [] : rows.map { types[$0] }, offsets)
    }
}
