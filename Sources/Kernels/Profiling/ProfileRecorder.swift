import Foundation

extension Profile {
    /// What one thread recorded.
    final class Recorder: @unchecked Sendable {
        struct Key: Hashable {
            var phase: String
            var kernel: Kernel?
            var caller: Kernel?
            var shape: SIMD3<Int32>
        }

        struct Totals {
            var calls = 0
            var seconds = 0.0
            var flops = 0.0
            var bytes = 0.0

            static func + (a: Totals, b: Totals) -> Totals {
                Totals(
                    calls: a.calls + b.calls, seconds: a.seconds + b.seconds, flops: a.flops + b.flops,
                    bytes: a.bytes + b.bytes)
            }
        }

        private struct Frame {
            var key: Key
            var started: UInt64
            /// Nanoseconds of what was called from here.
            var nested: UInt64 = 0
        }

        /// Of the thread that records; "run" for the one that all others work for.
        private let thread = ThreadName.current ?? "run"
        private(set) var totals: [Key: Totals] = [:]
        private(set) var spans: [Span] = []
        private var stack: [Frame] = []

        func reset() {
            totals.removeAll()
            spans.removeAll()
        }

        func enter(phase: String) {
            push(Key(phase: phase, kernel: nil, caller: nil, shape: .zero))
        }

        func enter(kernel: Kernel, shape: SIMD3<Int32>) {
            let outer = stack.last?.key
            push(Key(phase: outer?.phase ?? "", kernel: kernel, caller: outer?.kernel, shape: shape))
        }

        private func push(_ key: Key) { stack.append(Frame(key: key, started: Profile.now)) }

        func leave(flops: Double = 0, bytes: Double = 0) {
            guard let frame = stack.popLast() else { return }
            let end = Profile.now
            let elapsed = end - frame.started
            if !stack.isEmpty { stack[stack.count - 1].nested += elapsed }
            let own = Totals(
                calls: 1, seconds: Double(elapsed - min(frame.nested, elapsed)) * 1e-9, flops: flops, bytes: bytes)
            totals[frame.key, default: Totals()] = totals[frame.key, default: Totals()] + own
            guard Profile.keepsSpans else { return }
            let kernel = frame.key.kernel?.rawValue
            add(kernel ?? frame.key.phase, kernel: kernel == nil ? nil : frame.key.phase, from: frame.started, to: end)
        }

        /// - Parameter kernel: the phase that it is a kernel of, perhaps none (""); nil for what is no kernel.
        func add(_ name: String, kernel: String?, from start: UInt64, to end: UInt64, message: String? = nil) {
            spans.append(
                Span(
                    name: name, phase: kernel, thread: thread, message: message,
                    start: start, nanoseconds: end - min(start, end)))
        }
    }

    /// The kernels that report themselves.
    public enum Kernel: String, Sendable, CaseIterable {
        case linearForward = "product, forward"
        case linearInputGradient = "product, input gradient"
        case linearWeightGradient = "product, weight gradient"
        case attentionForward = "attention, forward"
        case attentionBackward = "attention, backward"
        case prepareQueryKeyValue = "query, key, value: bias, rotation, scale"
        case prepareQueryKeyValueBackward = "query, key, value, backward"
        case activation = "bias and activation"
        case activationBackward = "activation, backward"
        case residual = "dropout and residual sum"
        case residualNorm = "dropout, residual sum and norm"
        case residualBackward = "dropout and residual sum, backward"
        case residualNormBackward = "dropout, residual sum and norm, backward"
        case norm = "norm"
        case normBackward = "norm, backward"
        case dropout = "dropout"
        case bias = "bias"
        case columnSums = "column sums"
        case embed = "embedding rows"
        case gather = "rows gathered"
        case scatter = "rows scattered"
        case classification = "softmax, loss, sample, gradient"
        case detection = "binary cross-entropy"
        case dotRows = "row dot products"
        case dotRowsBackward = "row dot products, backward"
        case merge = "gradients merged"
        case rounding = "weights rounded"
        case update = "AdamW"
    }
}
