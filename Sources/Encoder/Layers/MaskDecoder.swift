import Kernels

/// DeBERTa's enhanced mask decoder (He et al. 2020, arXiv 2006.03654, section 3.2; `EnhancedMaskDecoder` of the release):
/// the last layer twice, with the states before it as keys and values of both. Queries are these states plus a learned
/// position for each place within the segment, then what the first time put out. Absolute positions thus enter only where
/// tokens are predicted.
struct MaskDecoder: Sendable {
    /// Where a layer finds the states that its keys and values are made of, and leaves their gradient, which is added to:
    /// `[n, hidden]` each.
    struct Source: Sendable {
        let states: ActivationSlot
        let gradient: ActivationSlot
    }

    let source: Source
    /// Index of the last layer the first time.
    let firstLayer: Int
    private let positions: ParameterSlot
    /// The first queries, `[n, hidden]`.
    private let queries: ActivationSlot
    private let width: Int

    init(_ context: inout EncoderNetwork.BuildContext) {
        width = context.shape.hiddenSize
        firstLayer = context.shape.layerCount - 1
        positions = context.parameters.table(
            "mask_decoder.position", count: context.model.maximumPositions, width: width)
        let count = context.tokens * width
        source = Source(states: context.plan.reserve(count), gradient: context.plan.reserve(count))
        queries = context.plan.reserve(count)
    }

    private func matrix(_ slot: ActivationSlot, _ pass: LanePass) -> Matrix {
        slot.matrix(pass, rows: pass.rows, columns: width)
    }

    /// What the last layer reads the first time.
    func queries(_ pass: LanePass) -> Matrix { matrix(queries, pass) }

    /// - Parameter states: before the last layer, `[n, hidden]`.
    /// - Returns: `queries`.
    func forward(_ states: Matrix, _ pass: LanePass) -> Matrix {
        pass.forEachSlice { slice in
            let (kept, queries) = (matrix(source.states, slice), matrix(queries, slice))
            kept.base.update(from: slice.rows(of: states).base, count: slice.rows * width)
            slice.chunk.positions.withUnsafeBufferPointer {
                Kernels.gatherRows(positions.matrix(slice.weights), $0, into: queries)
            }
            Kernels.add(kept, to: queries)
        }
        return queries(pass)
    }

    func beginBackward(_ pass: LanePass) {
        pass.forEachSlice { matrix(source.gradient, $0).zero() }
    }

    /// - Parameter gradient: of `queries` on entry, of the states before the last layer on return.
    func backward(_ gradient: Matrix, _ pass: LanePass) {
        pass.forEachSlice { slice in
            let rows = slice.rows(of: gradient)
            slice.chunk.positions.withUnsafeBufferPointer {
                Kernels.scatterAddRows(rows, $0, into: positions.matrix(slice.gradient))
            }
            Kernels.add(matrix(source.gradient, slice), to: rows)
        }
    }
}
