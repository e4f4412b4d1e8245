/// How many numbers are how large: four stretches between a power of two and the next, for either sign. What is below 2⁻³⁰
/// counts as zero.
public struct ValueHistogram: Sendable, Equatable {
    public private(set) var count = 0
    public private(set) var minimum = 0.0
    public private(set) var maximum = 0.0
    public private(set) var sum = 0.0
    public private(set) var sumOfSquares = 0.0

    /// By sign, exponent and the first two bits of the significand, which are the first eleven bits of a number.
    private var counts = [Int](repeating: 0, count: 1 << 11)
    private static let shift: UInt32 = 21
    private static let signBit = 1 << 10
    /// The first stretch that is not zero.
    private static let smallest = Int(Float(0x1p-30).bitPattern >> shift)

    public init() {}

    /// - Parameter values: finite.
    public mutating func add(_ values: UnsafeBufferPointer<Float>) {
        guard let first = values.first else { return }
        var (low, high) = (first, first)
        var (total, squares) = (0.0, 0.0)
        counts.withUnsafeMutableBufferPointer { counts in
            for value in values {
                counts[Int(value.bitPattern >> Self.shift)] += 1
                low = min(low, value)
                high = max(high, value)
                total += Double(value)
                squares += Double(value) * Double(value)
            }
        }
        minimum = count == 0 ? Double(low) : min(minimum, Double(low))
        maximum = count == 0 ? Double(high) : max(maximum, Double(high))
        count += values.count
        sum += total
        sumOfSquares += squares
    }

    /// Stretches from the lowest to the highest with a number, with their upper ends. The first one is empty: it tells the lower
    /// end of the next.
    public var buckets: [(limit: Double, count: Int)] {
        var all: [(limit: Double, count: Int)] = []
        let magnitudes = Self.smallest..<Self.signBit
        func edge(_ index: Int) -> Double { Double(Float(bitPattern: UInt32(index) << Self.shift)) }
        for index in magnitudes.reversed() { all.append((-edge(index), counts[index | Self.signBit])) }
        let zeros = (0..<Self.smallest).reduce(0) { $0 + counts[$1] + counts[$1 | Self.signBit] }
        all.append((edge(Self.smallest), zeros))
        for index in magnitudes { all.append((index + 1 < Self.signBit ? edge(index + 1) : .infinity, counts[index])) }
        guard let first = all.firstIndex(where: { $0.count > 0 }), let last = all.lastIndex(where: { $0.count > 0 })
        else {
            return []
        }
        return (first > 0 ? [(all[first - 1].limit, 0)] : []) + all[first...last]
    }
}
