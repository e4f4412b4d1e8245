import CAVX512

/// A weight `[output, input]`, rounded once for all products of a step, in what the back-end reads: panels for forward and
/// for backward passes, or rows for both.
public struct BFloat16Weight: @unchecked Sendable {
    public let outputs: Int
    public let inputs: Int
    private let backend: BFloat16Backend
    /// Panels of outputs, summed over inputs; or rows.
    let forward: UnsafeMutablePointer<UInt16>
    /// Panels of inputs, summed over outputs; or the same rows.
    let backward: UnsafeMutablePointer<UInt16>

    /// - Parameter base: of `count` elements, aligned to 64 bytes.
    public init(
        _ base: UnsafeMutablePointer<UInt16>, outputs: Int, inputs: Int, backend: BFloat16Backend = .current
    ) {
        self.outputs = outputs
        self.inputs = inputs
        self.backend = backend
        forward = base
        backward = backend == .processor ? base + Self.panelCount(width: outputs, depth: inputs) : base
    }

    /// - Parameter memory: of half as many floats as `count`.
    public init(_ memory: FloatBuffer, outputs: Int, inputs: Int, backend: BFloat16Backend = .current) {
        self.init(
            UnsafeMutableRawPointer(memory.base).assumingMemoryBound(to: UInt16.self), outputs: outputs, inputs: inputs,
            backend: backend)
    }

    /// Elements that it takes; a multiple of 32.
    public static func count(outputs: Int, inputs: Int, backend: BFloat16Backend = .current) -> Int {
        switch backend {
        case .processor:
            panelCount(width: outputs, depth: inputs) + panelCount(width: inputs, depth: outputs)
        case .oneDNN: (outputs * even(inputs) + 31) / 32 * 32
        case .emulated: 0
        }
    }

    static let panelWidth = 32

    static func panelCount(width: Int, depth: Int) -> Int {
        (width + panelWidth - 1) / panelWidth * panelWidth * even(depth)
    }

    /// The length of a rounded row of `count` elements.
    static func even(_ count: Int) -> Int { (count + 1) / 2 * 2 }

    /// Parts that `round` can be called for side by side: of outputs, and of inputs where these have panels.
    public var partCount: Int {
        forwardParts + (backend == .processor ? (inputs + Self.panelWidth - 1) / Self.panelWidth : 0)
    }

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
            let target = forward + start * Self.even(inputs)
            if backend == .processor {
                bfloat16_transposed_panels(rows.base, rows.rows, rows.columns, rows.stride, target)
            } else {
                bfloat16_rows(rows.base, rows.rows, rows.columns, rows.stride, target)
            }
        } else {
            let start = (part - forwardParts) * Self.panelWidth
            let columns = weights.columns(start, min(Self.panelWidth, inputs - start))
            bfloat16_panels(
                columns.base, columns.rows, columns.columns, columns.stride, backward + start * Self.even(outputs))
        }
    }
}
