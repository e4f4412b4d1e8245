import Kernels
import Parametrization

/// The order and places of all parameters in one contiguous buffer.
///
/// Tensors are aligned to cache lines, except within a fused group: query, key and value weights stand back to back so
/// that one product computes all three.
public struct ParameterLayout: Sendable {
    public private(set) var specs: [ParameterSpec] = []
    /// What networks read that is computed from parameters.
    public private(set) var derived: [DerivedTensor] = []
    /// Matrices that inputs are multiplied with.
    public private(set) var products: [ParameterSlot] = []
    /// Where the parameters that a second optimizer moves begin; nil where one moves all.
    public private(set) var secondGroupStart: Int?
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

    /// The tensor at a place.
    func spec(at slot: ParameterSlot) -> ParameterSpec? { specs.first { $0.offset == slot.offset } }

    /// The first number of a buffer of this layout that is not finite, by tensor (its place in the list) and element; nil where
    /// all are.
    ///
    /// - Parameter some: tensors that are looked at; nil for `specs`.
    public func firstNonFinite(in buffer: FloatBuffer, specs some: [ParameterSpec]? = nil) -> (
        tensor: Int, index: Int
    )? {
        for (tensor, spec) in (some ?? specs).enumerated() {
            for i in 0..<spec.count where !buffer.base[spec.offset + i].isFinite { return (tensor, i) }
        }
        return nil
    }

    /// The layout with other factors for some tensors; see `ParameterSpec.plantedScaling`.
    package func planting(_ scaling: (ParameterSpec) -> ParameterScaling?) -> ParameterLayout {
        var result = self
        for index in result.specs.indices { result.specs[index].plantedScaling = scaling(result.specs[index]) }
        return result
    }

    /// Reserves a place for a derived tensor.
    mutating func addDerived(_ base: ParameterSlot, _ kind: (_ offset: Int) -> DerivedTensor.Kind) -> ParameterSlot {
        bufferCount = (bufferCount + 15) / 16 * 16
        let slot = ParameterSlot(offset: bufferCount, rows: base.rows, columns: base.columns)
        bufferCount += base.rows * base.columns
        derived.append(DerivedTensor(slot: slot, base: base, kind: kind(slot.offset)))
        return slot
    }

    /// Notes that inputs are multiplied with a matrix.
    mutating func addProduct(_ slot: ParameterSlot) {
        if !products.contains(slot) { products.append(slot) }
    }

    /// What is added from here on belongs to the second optimizer.
    mutating func beginSecondGroup() {
        bufferCount = (bufferCount + 15) / 16 * 16
        secondGroupStart = bufferCount
    }

    /// Closes the layout: the buffer's end is aligned too.
    mutating func finish() { bufferCount = (bufferCount + 15) / 16 * 16 }
}
