import Encoder

/// The parts in which gradients are summed and measured, by a thread each, or on one of several machines.
///
/// Small tensors that stand together are one piece, large ones several; a tensor from which another is derived has pieces of its
/// own, and so has that one, so that places that belong together can be kept together. A function of the layout alone: the norm
/// of all gradients is summed over pieces in their order.
package struct GradientPieces: Sendable {
    /// The most floats of a piece of a tensor that has several; a multiple of an optimizer's slice.
    package static let floatCount = 1 << 17

    /// Places in the buffers of gradients and moments; in their order.
    package let places: [Range<Int>]
    /// Of each optimizer, by index.
    package let ofOptimizer: [Range<Int>]
    /// For each piece the first of those that have to be on one machine with it: where a derived tensor's gradient is handed on
    /// to, or the weights that two optimizers move.
    package let companions: [Int]

    package init(_ layout: ParameterLayout) {
        let secondStart = layout.secondGroupStart ?? layout.bufferCount
        // Where the first element of what belongs together stands.
        var roots: [Int: Int] = [:]
        var tensors = layout.specs.map { $0.offset..<$0.offset + $0.count }
        for tensor in layout.derived {
            tensors.append(tensor.slot.offset..<tensor.slot.offset + tensor.slot.rows * tensor.slot.columns)
            switch tensor.kind {
            case .sum(let difference):
                roots[tensor.slot.offset] = difference.offset
                roots[difference.offset] = roots[difference.offset] ?? difference.offset
            case .twin:
                roots[tensor.slot.offset] = tensor.base.offset
                roots[tensor.base.offset] = roots[tensor.base.offset] ?? tensor.base.offset
            }
        }
        var places: [Range<Int>] = []
        var first: [Int: Int] = [:]
        var companions: [Int] = []
        var isOpen = false
        for tensor in tensors.sorted(by: { $0.lowerBound < $1.lowerBound }) where !tensor.isEmpty {
            if let root = roots[tensor.lowerBound] {
                isOpen = false
                for start in stride(from: tensor.lowerBound, to: tensor.upperBound, by: Self.floatCount) {
                    let key = Self.root(of: root, roots) + start - tensor.lowerBound
                    companions.append(first[key] ?? places.count)
                    if first[key] == nil { first[key] = places.count }
                    places.append(start..<min(start + Self.floatCount, tensor.upperBound))
                }
                continue
            }
            if isOpen, let last = places.last, tensor.upperBound - last.lowerBound <= Self.floatCount,
                last.lowerBound >= secondStart || tensor.lowerBound < secondStart
            {
                places[places.count - 1] = last.lowerBound..<tensor.upperBound
                continue
            }
            for start in stride(from: tensor.lowerBound, to: tensor.upperBound, by: Self.floatCount) {
                companions.append(places.count)
                places.append(start..<min(start + Self.floatCount, tensor.upperBound))
            }
            isOpen = tensor.count < Self.floatCount
        }
        self.places = places
        self.companions = companions
        let second = places.firstIndex { $0.lowerBound >= secondStart } ?? places.count
        ofOptimizer = layout.secondGroupStart == nil ? [0..<places.count] : [0..<second, second..<places.count]
    }

    private static func root(of tensor: Int, _ roots: [Int: Int]) -> Int {
        var tensor = tensor
        while let next = roots[tensor], next != tensor { tensor = next }
        return tensor
    }
}
