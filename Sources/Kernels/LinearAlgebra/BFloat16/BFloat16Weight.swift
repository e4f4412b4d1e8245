import CAVX512

/// A weight `[output, input]`, rounded once for all products of a step, in the two layouts that forward and backward passes
/// read.
public struct BFloat16Weight: @unchecked Sendable {
    public let outputs: Int
    public let inputs: Int
    /// Panels of outputs, summed over inputs.
    let forward: UnsafeMutablePointer<UInt16>
    /// Panels of inputs, summed over outputs.
    let backward: UnsafeMutablePointer<UInt16>

    /// - Parameter base: of `count` elements, aligned to 64 bytes.
    public init(_ base: UnsafeMutablePointer<UInt16>, outputs: Int, inputs: Int) {
        self.outputs = outputs
        self.inputs = inputs
        forward = base
        backward = base + Self.panelCount(width: outputs, depth: inputs)
    }

    /// - Parameter memory: of half as many floats as `count`.
    public init(_ memory: FloatBuffer, outputs: Int, inputs: Int) {
        self.init(
            UnsafeMutableRawPointer(memory.base).assumingMemoryBound(to: UInt16.self), outputs: outputs, inputs: inputs)
    }

    /// Elements of both layouts; a multiple of 32.
    public static func count(outputs: Int, inputs: Int) -> Int {
        panelCount(width: outputs, depth: inputs) + panelCount(width: inputs, depth: outputs)
    }

    static let panelWidth = 32

    static func panelCount(width: Int, depth: Int) -> Int {
        (width + panelWidth - 1) / panelWidth * panelWidth * ((depth + 1) / 2 * 2)
    }

    /// Parts that `round` can be called for side by side: panels of outputs, then panels of inputs.
    public var partCount: Int { forwardParts + (inputs + Self.panelWidth - 1) / Self.panelWidth }

    private var forwardParts: Int { (outputs + Self.panelWidth - 1) / Self.panelWidth }

    /// Rounds one part of the weights.
    public func round(_ weights: Matrix, part: Int) {
        precondition(weights.rows == outputs && weights.columns == inputs)
        Profile.enter(.rounding)
        defer {
            // Read in single precision, written in half of it.
            let count = (part < forwardParts ? inputs : outputs) * Self.panelWidth
            Profile.leave(flops: 0, floats: count + count / 2)
        }
        if part < forwardParts {
            let start = part * Self.panelWidth
            let rows = weights.rows(start, min(Self.panelWidth, outputs - start))
            bfloat16_transposed_panels(
                rows.base, rows.rows, rows.columns, rows.stride, forward + start * ((inputs + 1) / 2 * 2))
        } else {
            let start = (part - forwardParts) * Self.panelWidth
            let columns = weights.columns(start, min(Self.panelWidth, inputs - start))
            bfloat16_panels(
                columns.base, columns.rows, columns.columns, columns.stride, backward + start * ((outputs + 1) / 2 * 2))
        }
    }
}
