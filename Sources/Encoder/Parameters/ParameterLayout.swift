import Parametrization

/// The order and places of all parameters in one contiguous buffer.
///
/// Tensors are aligned to cache lines, except within a fused group: query, key and value weights stand back to back so
/// that one product computes all three.
public struct ParameterLayout: Sendable {
    public private(set) var specs: [ParameterSpec] = []
    /// Floats in the buffer, padding included; padding stays zero.
    public private(set) var bufferCount = 0
    private var indices: [String: Int] = [:]

    public init() {}

    /// Number of parameters, without padding.
    public var parameterCount: Int { specs.reduce(0) { $0 + $1.count } }

    public subscript(name: String) -> ParameterSpec? { indices[name].map { specs[$0] } }

    /// Appends a tensor and returns its place.
    @discardableResult
    mutating func add(_ spec: ParameterSpec, fusedWithPrevious: Bool = false) -> ParameterSlot {
        precondition(indices[spec.name] == nil, "two parameters named \(spec.name)")
        var placed = spec
        if !fusedWithPrevious { bufferCount = (bufferCount + 15) / 16 * 16 }
        placed.offset = bufferCount
        bufferCount += placed.count
        indices[placed.name] = specs.count
        specs.append(placed)
        return placed.slot
    }

    /// Closes the layout: the buffer's end is aligned too.
    mutating func finish() { bufferCount = (bufferCount + 15) / 16 * 16 }
}
