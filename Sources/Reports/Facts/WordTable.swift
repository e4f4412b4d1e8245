import Checkpoints
import Pretraining
import Tokenization

/// The vectors that the main encoder reads for tokens, from a checkpoint.
struct WordTable {
    private let rows: [Float]
    private let width: Int
    private let count: Int

    /// Reads the weights; nil for a checkpoint without such a table.
    ///
    /// - Throws: `CheckpointError`.
    init?(_ reader: CheckpointReader) throws {
        guard let group = reader.manifest.group(TensorGroup.weights) else { return nil }
        let names = Set(group.tensors.map(\.name))
        let own = ["discriminator.embeddings.word", "embeddings.word", "generator.embeddings.word"].first(
            where: names.contains)
        let difference = "discriminator.embeddings.word_difference"
        // Tensors may be anything, and an empty one may be of any width. What is not stored is not made room for.
        guard let own, let shape = group.tensors.first(where: { $0.name == own })?.shape, shape.count == 2,
            shape[0] > 0, shape[1] > 0, group.storage.bytes / 255 <= group.storage.storedBytes
        else { return nil }
        (count, width) = (shape[0], shape[1])
        let wanted = Set([own, difference])
        var kept: [String: [Float]] = [:]
        let buffers = group.tensors.map {
            UnsafeMutableBufferPointer<Float>.allocate(capacity: max(1, $0.elementCount))
        }
        defer { for buffer in buffers { buffer.deallocate() } }
        let views = zip(group.tensors, buffers).map { tensor, buffer in
            MutableTensorView(
                name: tensor.name, shape: tensor.shape,
                elements: UnsafeMutableBufferPointer(rebasing: buffer[..<tensor.elementCount]))
        }
        try reader.read([TensorGroup.weights: views])
        for view in views where wanted.contains(view.name) { kept[view.name] = Array(view.elements) }
        guard var table = kept[own] else { return nil }
        // Gradient-disentangled sharing (DeBERTa-v3): the main encoder reads the generator's vectors and a difference.
        if let more = kept[difference], more.count == table.count {
            for index in table.indices { table[index] += more[index] }
        }
        // All vectors have a part in common, which says nothing of words and would make any two of them alike
        // (Mu and Viswanath 2018, arXiv 1702.01417).
        var mean = [Double](repeating: 0, count: width)
        for row in 0..<count { for column in 0..<width { mean[column] += Double(table[row * width + column]) } }
        let number = Double(max(1, count))
        let common = mean.map { Float($0 / number) }
        for row in 0..<count {
            let range = row * width..<(row + 1) * width
            for index in range { table[index] -= common[index - range.lowerBound] }
            let norm = table[range].reduce(0) { $0 + $1 * $1 }.squareRoot()
            if norm > 0 { for index in range { table[index] /= norm } }
        }
        rows = table
    }

    /// - Parameters:
    ///   - words: to look for; empty: some of the vocabulary's own.
    ///   - neighbours: of each.
    func neighbours(_ tokenizer: Tokenizer, words: [String], neighbours: Int = 8) -> [NeighbourFacts] {
        let candidates = (0..<Int32(min(count, tokenizer.vocabularySize))).compactMap {
            id -> (id: Int32, word: String)? in
            let token = tokenizer.token(id)
            let word: Substring
            if tokenizer.kind == .wordPiece {
                guard tokenizer.beginsWords([id])[0] else { return nil }
                word = token[...]
            } else {
                guard let first = token.first, first == " " || first == "▁" else { return nil }
                word = token.dropFirst()
            }
            return word.count >= 3 && word.allSatisfy(\.isLetter) ? (id, String(word)) : nil
        }
        let chosen =
            words.isEmpty
            ? Self.spread(candidates.filter { $0.word.count >= 4 }, 12)
            : words.compactMap { word in candidates.first { $0.word == word } }
        return chosen.map { center in
            let scored = candidates.filter { $0.word.lowercased() != center.word.lowercased() }
                .map { (word: $0.word, cosine: cosine(center.id, $0.id)) }
                .sorted { $0.cosine > $1.cosine }.prefix(neighbours)
            return NeighbourFacts(
                word: center.word,
                neighbours: scored.map { .init(word: $0.word, cosine: (Double($0.cosine) * 1000).rounded() / 1000) })
        }
    }

    /// Tokens stand in the order in which they were merged, the most frequent first: the first ones are words of grammar, the
    /// last ones were hardly seen.
    private static func spread(_ words: [(id: Int32, word: String)], _ number: Int) -> [(id: Int32, word: String)] {
        let middle = words[(words.count / 20)..<max(words.count / 20, words.count / 2)]
        guard middle.count > number else { return Array(middle) }
        return (0..<number).map { middle[middle.startIndex + $0 * middle.count / number] }
    }

    private func cosine(_ first: Int32, _ second: Int32) -> Float {
        rows.withUnsafeBufferPointer { rows in
            let (a, b) = (Int(first) * width, Int(second) * width)
            var sum: Float = 0
            for index in 0..<width { sum += rows[a + index] * rows[b + index] }
            return sum
        }
    }
}
