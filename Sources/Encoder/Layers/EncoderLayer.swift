import Kernels

/// One transformer layer: attention, then feed-forward, each with residual and norm.
struct EncoderLayer: Sendable {
    let mixing: SelfAttention
    let attention: ResidualSublayer
    let feedForward: ResidualSublayer

    /// - Parameter dropoutLayer: whose dropout decisions it takes; its own by default.
    init(_ context: inout EncoderNetwork.BuildContext, index: Int, dropoutLayer: Int? = nil) {
        let normalization = context.model.normalization
        let count = context.shape.layerCount
        let name = "layers.\(index)"
        let (network, model) = (context.networkIndex, context.model)
        func site(_ site: DropoutSite.Site, _ probability: Double) -> DropoutSite {
            DropoutSite(network: network, layer: dropoutLayer ?? index, site: site, probability: probability)
        }
        let selfAttention = SelfAttention(
            &context, name: "\(name).attention", index: index,
            dropout: site(.attentionProbabilities, model.attentionDropout),
            positionDropout: site(.relativePositions, model.dropout))
        mixing = selfAttention
        attention = ResidualSublayer(
            &context, selfAttention, name: "\(name).attention",
            form: normalization.attentionForm(layer: index, of: count),
            dropout: site(.attentionOutput, model.dropout), recomputed: context.workspace.recomputed?.ofAttention)
        let feedForward = Self.feedForward(&context, name: "\(name).feed_forward", index: index)
        self.feedForward = ResidualSublayer(
            &context, feedForward, name: "\(name).feed_forward", form: normalization.form(layer: index, of: count),
            dropout: site(.feedForwardOutput, model.dropout), recomputed: context.workspace.recomputed?.ofFeedForward,
            output: context.layerOutput)
    }

    private static func feedForward(
        _ context: inout EncoderNetwork.BuildContext, name: String, index: Int
    ) -> any Branch {
        let body: any Branch =
            switch context.model.feedForward {
            case .gelu, .squaredReLU: FeedForward(&context, name: name)
            case .geglu: GatedFeedForward(&context, name: name)
            }
        guard let adapters = context.adapters else { return body }
        return AdaptedBranch(body: body, adapter: Adapter(&context, adapters, layer: index))
    }

    /// - Parameter x: all rows of the pass, `[n, hidden]`.
    /// - Returns: `[n, hidden]`, in this layer's own memory.
    func forward(_ x: Matrix, _ pass: LanePass) -> Matrix {
        pass.forEachSlice { attention.prepare($0.rows(of: x), $0) }
        mixing.mix(attention.branchInput(x, pass), pass)
        pass.forEachSlice { slice in
            let y = attention.forward(slice.rows(of: x), slice)
            feedForward.prepare(y, slice)
            _ = feedForward.forward(y, slice)
        }
        return result(pass)
    }

    /// - Parameters:
    ///   - gradient: of the output on entry, of `x` on return.
    ///   - x: what the forward pass read.
    func backward(_ gradient: Matrix, x: Matrix, _ pass: LanePass) {
        pass.forEachSlice { slice in
            let (gradient, y) = (slice.rows(of: gradient), attention.result(slice))
            attention.restoreBranchInput(slice.rows(of: x), slice)
            attention.restoreResult(slice)
            feedForward.restoreBranchInput(y, slice)
            feedForward.beginBackward(gradient, x: y, slice)
            feedForward.backward(gradient, x: y, slice)
            attention.beginBackward(gradient, x: slice.rows(of: x), slice)
        }
        mixing.mixBackward(attention.branchInput(x, pass), pass)
        pass.forEachSlice { attention.backward($0.rows(of: gradient), x: $0.rows(of: x), $0) }
    }

    /// What the last forward pass returned, computed again if it was not kept.
    func restoredResult(_ pass: LanePass) -> Matrix {
        if feedForward.recomputesResult { pass.forEachSlice { feedForward.restoreResult($0) } }
        return result(pass)
    }

    /// What the last forward pass returned; with recomputation, until the next layer's.
    func result(_ pass: LanePass) -> Matrix { feedForward.result(pass) }
}
