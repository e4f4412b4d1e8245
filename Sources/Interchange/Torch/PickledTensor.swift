/// A storage that a pickle names; its bytes lie elsewhere.
struct PickledStorage: Equatable, Sendable {
    var key: String
    var type: ElementType
    /// Elements.
    var count: Int
}

/// A tensor as a view of a storage.
struct PickledTensor: Equatable, Sendable {
    var storage: PickledStorage
    /// In elements, as strides are.
    var offset: Int
    var shape: [Int]
    var strides: [Int]
}

extension PickledTensor {
    /// Number of elements, once `problem` has found none.
    var count: Int { shape.reduce(1, *) }

    var isContiguous: Bool {
        if shape.contains(0) { return true }
        var expected = 1
        for (size, stride) in zip(shape, strides).reversed() where size != 1 {
            guard stride == expected else { return false }
            expected *= size
        }
        return true
    }

    /// Why the tensor is not a view of its storage; nil where it is one.
    func problem(storageBytes: Int) -> String? {
        guard storage.count.multipliedReportingOverflow(by: storage.type.size).overflow == false,
            storage.count * storage.type.size == storageBytes
        else { return "its storage says \(storage.count) elements and has \(storageBytes) bytes" }
        guard offset >= 0, offset <= storage.count, (shape + strides).allSatisfy({ $0 >= 0 }) else {
            return "its offset, shape \(shape) or strides \(strides) are out of range"
        }
        var (count, last) = (1, offset)
        for (size, stride) in zip(shape, strides) {
            let product = count.multipliedReportingOverflow(by: size)
            let reach = max(size - 1, 0).multipliedReportingOverflow(by: stride)
            let end = last.addingReportingOverflow(reach.partialValue)
            guard !product.overflow, !reach.overflow, !end.overflow else { return "its shape \(shape) overflows" }
            (count, last) = (product.partialValue, end.partialValue)
        }
        // Elements that are counted several times could make any amount out of one number.
        guard count <= storage.count, count == 0 || last < storage.count else {
            return "its shape \(shape) with strides \(strides) reaches beyond its storage of \(storage.count) elements"
        }
        return nil
    }

    /// The elements' bytes in row-major order.
    func gathered(from bytes: UnsafeRawBufferPointer) -> [UInt8] {
        let size = storage.type.size
        var result: [UInt8] = []
        result.reserveCapacity(count * size)
        var index = [Int](repeating: 0, count: shape.count)
        var position = offset
        for _ in 0..<count {
            result.append(contentsOf: bytes[position * size..<(position + 1) * size])
            for axis in shape.indices.reversed() {
                index[axis] += 1
                // An axis of one element is never gone along, and its stride may be anything.
                position &+= strides[axis]
                if index[axis] < shape[axis] { break }
                position &-= shape[axis] &* strides[axis]
                index[axis] = 0
            }
        }
        return result
    }
}
