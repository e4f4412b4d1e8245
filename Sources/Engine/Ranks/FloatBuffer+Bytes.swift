import Kernels

extension FloatBuffer {
    /// The bytes of some numbers, to be sent or received.
    func bytes(_ numbers: Range<Int>) -> UnsafeMutableRawBufferPointer {
        UnsafeMutableRawBufferPointer(
            start: base + numbers.lowerBound, count: numbers.count * MemoryLayout<Float>.stride)
    }

    var bytes: UnsafeMutableRawBufferPointer { bytes(0..<count) }
}
