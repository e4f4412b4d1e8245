import Encoder
import Foundation
import Kernels
import TestSupport
import Testing

/// Every pattern against dense attention in double precision under the equivalent mask.
@Suite("Attention patterns")
struct AttentionPatternTests {
    /// One random shape, from its number.
    struct Shape {
        var model = ModelConfiguration()
        var lengths: [Int]
        var slices: [Range<Int>]
        var tokens: [Int32]
        var probability: Double
        var biasLimit: Int?

        init(_ index: Int) {
            var random = SplitMix64(seed: UInt64(1000 + index))
            func pick<Value>(_ values: [Value]) -> Value { values[Int.random(in: 0..<values.count, using: &random)] }
            // Many short documents; sometimes one of several tiles or of more keys than a panel.
            let isLong = index % 8 == 0
            lengths = (0..<pick([1, 2, 3, 5])).map { _ in Int.random(in: 1...(isLong ? 260 : 70), using: &random) }
            if index % 16 == 8 { lengths = [Int.random(in: 700...900, using: &random), 1] }
            if index % 50 == 1 { lengths = [1, 1, 1] }
            let count = lengths.reduce(0, +)
            model.headCount = count > 300 ? pick([1, 2]) : pick([1, 2, 3])
            model.hiddenSize = model.headCount * pick([8, 16, 24])
            model.layerCount = 2
            var attention = AttentionConfiguration()
            attention.pattern = pick([.full, .window, .window, .window, .window, .alternating, .bigBird, .bigBird])
            attention.window = 2 * pick([1, 2, 7, 16, 40, 300])
            if attention.pattern == .window || attention.pattern == .alternating {
                attention.dilations = pick([[], (0..<model.headCount).map { _ in pick([1, 1, 2, 3, 70]) }])
                attention.globalTokens = pick(GlobalTokenKind.allCases)
                attention.globalEvery = pick([1, 2, 5, 16])
                attention.globalIDs = [3, 4]
                attention.maximumGlobalTokens = pick([1, 3, 1000])
                attention.globalProjections = attention.globalTokens == .none ? .shared : pick([.shared, .own])
            }
            attention.blockSize = pick([16, 32, 112])
            attention.globalBlocks = pick([0, 1, 2, 5])
            attention.windowBlocks = pick([1, 3])
            attention.randomBlocks = pick([0, 1, 3])
            model.attention = attention
            tokens = (0..<count).map { _ in Int32.random(in: 0..<12, using: &random) }
            probability = pick([0, 0.25])
            biasLimit = pick([nil, 3, 50])
            let cuts = Set((0..<pick([0, 0, 2, 4])).map { _ in Int.random(in: 0...count, using: &random) })
            let ends = cuts.union([0, count]).sorted()
            slices = zip(ends, ends.dropFirst()).map { $0..<$1 }
        }

        var offsets: [Int] { lengths.reduce(into: [0]) { $0.append($0.last! + $1) } }
    }

    @Test("What units leave behind is forecast, never too little and not much too much", arguments: 0..<200)
    func unitFloats(_ index: Int) {
        var shape = Shape(index)
        // One document in slices that are as long as each other, which is what memory is planned for.
        let count = shape.tokens.count
        shape.slices = count < 8 ? [0..<count] : (0..<4).map { $0 * count / 4..<($0 + 1) * count / 4 }
        let size = shape.model.discriminatorShape
        let chunk = ChunkGeometry(firstRow: 0, tokenCount: count, segmentOffsets: [0, count])
        for layer in LayerAttention.layers(shape.model, size, networkIndex: 1) {
            for rows in [0, 9] {
                let blocks = shape.tokens.withUnsafeBufferPointer {
                    layer.blocks(chunk, tokens: $0, slices: shape.slices, units: 16)
                }
                let needed = blocks.units.reduce(0) {
                    $0 + 2 * $1.heads.count * size.headSize * ($1.keyRows.count + $1.listed.count + rows)
                }
                let relativeRows = layer.kind == .full ? rows : 0
                let found = layer.unitFloats(
                    slices: shape.slices, units: 16, headSize: size.headSize, relativeRows: relativeRows)
                if layer.kind == .full {
                    #expect(rows == 0 ? found == needed : found >= needed)
                } else if rows == 0 {
                    #expect(found >= needed)
                    // Every unit has the whole document at most; global ids may be anywhere, or nowhere.
                    #expect(found <= 3 * 2 * size.hiddenSize * count * (blocks.units.count + 1))
                }
            }
        }
    }

    @Test("Short documents share units, long ones are divided, and there are never many more than were asked for")
    func shares() {
        var random = SplitMix64(seed: 5)
        for _ in 0..<400 {
            let lengths = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                [1, 5, 90, 700, 3000].randomElement(using: &random)!
            }
            let ends = lengths.reduce(into: [0]) { $0.append($0.last! + $1) }
            let segments = zip(ends, ends.dropFirst()).map { $0..<$1 }
            for units in [1, 2, 3, 8] {
                let shares = LayerAttention.shares(of: segments, units: units)
                #expect(shares.flatMap { Array($0.segments) } == segments)
                #expect(shares.allSatisfy { $0.parts == 1 || $0.segments.count == 1 })
                let count = shares.reduce(0) { $0 + $1.parts }
                #expect(count <= (units > 1 ? 3 * units - 1 : 1), "\(lengths) \(units): \(count)")
                // Keys are in as many units as their document has parts: never more memory than one document takes.
                let rows = shares.reduce(0) { $0 + $1.parts * $1.segments.reduce(0) { $0 + $1.count } }
                #expect(rows <= LayerAttention.parts(units: units, headCount: 1, rows: ends.last!) * ends.last!)
            }
        }
        #expect(LayerAttention.shares(of: [0..<4096], units: 4).map(\.parts) == [4])
    }

    /// What a mask says of a layer: visibility and the column in the dropout stream, straight from the definitions.
    struct Mask {
        let layer: LayerAttention
        let segments: [Range<Int>]
        let globals: [[Int]]

        init(_ layer: LayerAttention, _ shape: Shape) {
            self.layer = layer
            segments = zip(shape.offsets, shape.offsets.dropFirst()).map { $0..<$1 }
            let attention = shape.model.attention
            globals = segments.enumerated().map { index, segment in
                guard case .window = layer.kind else { return [] }
                switch attention.globalTokens {
                case .none: return []
                case .first: return index == 0 ? [segment.lowerBound] : []
                case .documents: return [segment.lowerBound]
                case .ids:
                    let chosen = segment.filter { attention.globalIDs.contains(Int(shape.tokens[$0])) }
                    return Array(chosen.prefix(attention.maximumGlobalTokens))
                case .every:
                    let chosen = segment.filter { ($0 - segment.lowerBound) % attention.globalEvery == 0 }
                    return Array(chosen.prefix(attention.maximumGlobalTokens))
                }
            }
        }

        func segment(of row: Int) -> Int { segments.firstIndex { $0.contains(row) }! }
        func isGlobal(_ row: Int) -> Bool { globals[segment(of: row)].contains(row) }

        /// nil where the key is not seen.
        func column(head: Int, query: Int, key: Int) -> Int? {
            let index = segment(of: query)
            let start = segments[index].lowerBound
            guard segments[index].contains(key) else { return nil }
            switch layer.kind {
            case .full: return key - start
            case .window(let halfWidth, let dilations):
                if globals[index].contains(query) { return key - start }
                let dilation = dilations[head]
                let distance = abs(query - key)
                if distance % dilation == 0, distance <= halfWidth * dilation { return (key - start) / dilation }
                return globals[index].firstIndex(of: key).map { LayerAttention.globalColumns + $0 }
            case .blocks(let sparsity):
                let count = (segments[index].count + sparsity.size - 1) / sparsity.size
                let seen = sparsity.blocks(seenBy: (query - start) / sparsity.size, of: count, head: head)
                return seen.contains((key - start) / sparsity.size) ? key - start : nil
            }
        }
    }

    /// Rows of `qkv`: `[n, 3 · width]`; global queries read `own` where the layer has projections for them.
    struct Plain {
        var output: [Double]
        var gradient: [Double]
        var ownGradient: [Double]
        var biasGradient: [Double]

        init(
            _ shape: Shape, _ mask: Mask, qkv: GuardedMatrix, own: GuardedMatrix, bias: GuardedMatrix?,
            dropout: DropoutStream?, stream: UInt32, firstRow: Int, upstream: GuardedMatrix
        ) {
            let (n, heads) = (qkv.rows, shape.model.headCount)
            let width = shape.model.hiddenSize
            let size = width / heads
            output = [Double](repeating: 0, count: n * width)
            gradient = [Double](repeating: 0, count: n * 3 * width)
            ownGradient = gradient
            let limit = bias.map { ($0.columns - 1) / 2 } ?? 0
            biasGradient = [Double](repeating: 0, count: heads * (2 * limit + 1))
            let base = DropoutStream(seed: 9, step: 4)
            for head in 0..<heads {
                let decisions =
                    dropout == nil ? nil : base.stream(stream + UInt32(head), probability: shape.probability)
                for query in 0..<n {
                    let isOwn = mask.layer.hasGlobalProjections && mask.isGlobal(query)
                    let source = isOwn ? own : qkv
                    let at = head * size
                    let segment = mask.segments[mask.segment(of: query)]
                    let seen = segment.compactMap { key in
                        mask.column(head: head, query: query, key: key).map { (key: key, column: $0) }
                    }
                    func distance(_ key: Int) -> Int { min(max(key - query, -limit), limit) + limit }
                    let scores = seen.map { key, _ in
                        (0..<size).reduce(bias.map { $0(head, distance(key)) } ?? 0) {
                            $0 + source(query, at + $1) * source(key, width + at + $1)
                        }
                    }
                    let top = scores.max()!
                    let total = scores.reduce(0) { $0 + exp($1 - top) }
                    let probabilities = scores.map { exp($0 - top) / total }
                    let factors = seen.map { _, column in
                        decisions.map { Double($0.factor(row: UInt32(firstRow + query), column: column)) } ?? 1
                    }
                    var slopes = [Double](repeating: 0, count: seen.count)
                    func add(_ value: Double, row: Int, column: Int) {
                        let place = row * 3 * width + column
                        if isOwn { ownGradient[place] += value } else { gradient[place] += value }
                    }
                    for (index, (key, _)) in seen.enumerated() {
                        let kept = probabilities[index] * factors[index]
                        for i in 0..<size {
                            let value = source(key, 2 * width + at + i)
                            output[query * width + at + i] += kept * value
                            slopes[index] += upstream(query, at + i) * value * factors[index]
                            add(kept * upstream(query, at + i), row: key, column: 2 * width + at + i)
                        }
                    }
                    let mean = zip(probabilities, slopes).reduce(0) { $0 + $1.0 * $1.1 }
                    for (index, (key, _)) in seen.enumerated() {
                        let slope = probabilities[index] * (slopes[index] - mean)
                        if bias != nil { biasGradient[head * (2 * limit + 1) + distance(key)] += slope }
                        for i in 0..<size {
                            add(slope * source(key, width + at + i), row: query, column: at + i)
                            add(slope * source(query, at + i), row: key, column: width + at + i)
                        }
                    }
                }
            }
        }
    }

    @Test("Outputs and gradients equal dense attention under the equivalent mask", arguments: 0..<400)
    func matchesDense(index: Int) {
        let shape = Shape(index)
        var random = SplitMix64(seed: UInt64(index))
        let (n, heads) = (shape.tokens.count, shape.model.headCount)
        let width = shape.model.hiddenSize
        let layer = LayerAttention.layers(shape.model, shape.model.discriminatorShape, networkIndex: 1)[1]
        let chunk = ChunkGeometry(firstRow: 0, tokenCount: n, segmentOffsets: shape.offsets)
        let blocks = shape.tokens.withUnsafeBufferPointer {
            layer.blocks(chunk, tokens: $0, slices: shape.slices, units: 3)
        }
        let firstRow = 37
        let stream: UInt32 = 80
        let dropout =
            shape.probability == 0
            ? nil : DropoutStream(seed: 9, step: 4).stream(stream, probability: shape.probability)
        let qkv = GuardedMatrix(n, 3 * width, padding: index % 3, scale: 0.8, random: &random)
        let own = GuardedMatrix(n, 3 * width, scale: 0.8, random: &random)
        let upstream = GuardedMatrix(n, width, padding: 1, random: &random)
        let bias = shape.biasLimit.map { GuardedMatrix(heads, 2 * $0 + 1, random: &random) }
        let biasGradient = GuardedMatrix(heads, 2 * (shape.biasLimit ?? 0) + 1) { _, _ in 0 }
        let output = GuardedMatrix(n, width)
        let logSumExp = GuardedMatrix(heads, n)
        let gradient = GuardedMatrix(n, 3 * width) { _, _ in 0 }
        let ownGradient = GuardedMatrix(n, 3 * width) { _, _ in 0 }
        let kernel = AttentionKernel(headCount: heads, headSize: width / heads)
        let scratch = GuardedMatrix(1, kernel.scratchCount(blocks))
        let kernelBias = bias.map { AttentionKernel.Bias(table: $0.base, maximumDistance: shape.biasLimit!) }
        let shared = AttentionKernel.Input(qkv.matrix)
        let ofGlobals = AttentionKernel.Input(own.matrix)
        let gradientOfGlobals = AttentionKernel.Gradient(ownGradient.matrix)
        for unit in blocks.units {
            for bundle in unit.bundles {
                let isOwn = layer.hasGlobalProjections && blocks.isOfGlobalQueries(bundle: bundle)
                kernel.forward(
                    isOwn ? ofGlobals : shared, blocks: blocks, bundles: bundle..<bundle + 1, bias: kernelBias,
                    dropout: dropout, firstRow: firstRow, output: output.matrix, logSumExp: logSumExp.base,
                    scratch: scratch.base)
            }
        }
        for unit in blocks.units {
            for bundle in unit.bundles {
                let isOwn = layer.hasGlobalProjections && blocks.isOfGlobalQueries(bundle: bundle)
                kernel.backward(
                    upstream: upstream.matrix, isOwn ? ofGlobals : shared, output: output.matrix,
                    logSumExp: logSumExp.base, blocks: blocks, bundles: bundle..<bundle + 1, bias: kernelBias,
                    dropout: dropout, firstRow: firstRow, gradient: isOwn ? gradientOfGlobals : .init(gradient.matrix),
                    biasGradient: bias == nil ? nil : biasGradient.base, scratch: scratch.base)
            }
        }
        let mask = Mask(layer, shape)
        let plain = Plain(
            shape, mask, qkv: qkv, own: own, bias: bias, dropout: dropout, stream: stream, firstRow: firstRow,
            upstream: upstream)
        #expect(relativeError(output.values, plain.output) < 1e-5, "\(shape)")
        if layer.hasGlobalProjections {
            #expect(relativeError(ownGradient.values, plain.ownGradient) < 1e-5, "\(shape)")
        }
        // Together, so that a gradient of almost nothing is not measured by itself.
        #expect(
            relativeError(gradient.values + ownGradient.values, plain.gradient + plain.ownGradient) < 1e-5, "\(shape)")
        if bias != nil { #expect(relativeError(biasGradient.values, plain.biasGradient) < 2e-5, "\(shape)") }
        #expect([qkv, own, upstream, output, logSumExp, gradient, ownGradient, scratch].allSatisfy { $0.isIntact })
    }

    @Test("Work is proportional to the window, not to the square of the length")
    func workIsLinear() {
        var model = ModelConfiguration()
        model.attention.pattern = .window
        model.attention.window = 512
        model.attention.globalTokens = .first
        let layer = LayerAttention.layers(model, model.discriminatorShape, networkIndex: 1)[0]
        let counts = [4096, 16384, 65536].map { length in
            let chunk = ChunkGeometry(firstRow: 0, tokenCount: length, segmentOffsets: [0, length])
            let tokens = [Int32](repeating: 9, count: length)
            return tokens.withUnsafeBufferPointer {
                layer.blocks(chunk, tokens: $0, slices: [0..<length], units: 1).scoreCount
            }
        }
        // A tile's own rows and units of 16 beyond the window; edges see less.
        #expect(Double(counts[0]) < 4096 * 4 * 640)
        #expect(abs(Double(counts[1]) / Double(4 * counts[0]) - 1) < 0.1)
        #expect(abs(Double(counts[2]) / Double(4 * counts[1]) - 1) < 0.05)
    }

    @Test("BigBird's blocks: global, window, random, as many as wanted, and the same every time")
    func randomBlocks() {
        var model = ModelConfiguration()
        model.attention.pattern = .bigBird
        let layers = LayerAttention.layers(model, model.discriminatorShape, networkIndex: 1)
        guard case .blocks(let first) = layers[0].kind, case .blocks(let second) = layers[1].kind else {
            Issue.record("not blocks")
            return
        }
        for query in 0..<64 {
            let seen = first.blocks(seenBy: query, of: 64, head: 2)
            if query == 0 || query == 63 {
                #expect(seen == Array(0..<64))
                continue
            }
            let near = Set([query - 1, query, min(63, query + 1)])
            #expect(seen.first == 0 && seen.last == 63 && near.isSubset(of: seen))
            #expect(seen.count == near.union([0, 63]).count + 3)
            #expect(seen == first.blocks(seenBy: query, of: 64, head: 2))
        }
        let draws = { (sparsity: LayerAttention.BlockSparsity, head: Int) in
            (1..<63).map { sparsity.blocks(seenBy: $0, of: 64, head: head) }
        }
        #expect(draws(first, 0) != draws(first, 1))
        #expect(draws(first, 0) != draws(second, 0))
    }

    @Test(
        "BigBird's global blocks: one more at the beginning than at the end where they are odd; all of a short document"
    )
    func globalBlocks() {
        var model = ModelConfiguration()
        model.attention.pattern = .bigBird
        for (global, count, expected) in [
            (0, 5, []), (1, 5, [0]), (2, 5, [0, 4]), (3, 5, [0, 1, 4]), (4, 5, [0, 1, 3, 4]), (4, 3, [0, 1, 2]),
            (2, 1, [0]), (9, 2, [0, 1]),
        ] {
            model.attention.globalBlocks = global
            let layer = LayerAttention.layers(model, model.discriminatorShape, networkIndex: 1)[0]
            guard case .blocks(let sparsity) = layer.kind else { preconditionFailure("not blocks") }
            let (first, last) = sparsity.globals(of: count)
            #expect(Array(first) + Array(last) == expected, "\(global) of \(count)")
        }
    }
}
