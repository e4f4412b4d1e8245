import Runs
import TestSupport
import Testing

@Suite struct ValueHistogramTests {
    /// Every number is in the one stretch that it lies in; sums are those of the numbers.
    @Test func everyNumberIsCountedWhereItIs() {
        var random = SplitMix64(seed: 5)
        var values: [Float] = [0, -0, 1, -1, 1.25, -1.25, 1e-12, -1e-12, 0x1p-30, -0x1p-30, 3e38]
        for _ in 0..<5000 {
            let magnitude = Float(random.next() % 1_000_000) * 1e-5
            values.append(random.next() % 2 == 0 ? magnitude : -magnitude)
        }
        var histogram = ValueHistogram()
        // In two parts, as tensors of a group come.
        values[..<100].withUnsafeBufferPointer { histogram.add($0) }
        values[100...].withUnsafeBufferPointer { histogram.add($0) }
        let buckets = histogram.buckets
        #expect(buckets.map(\.count).reduce(0, +) == values.count && histogram.count == values.count)
        #expect(zip(buckets, buckets.dropFirst()).allSatisfy { $0.limit < $1.limit })
        #expect(buckets.first?.count == 0)
        var low = -Double.infinity
        var isRight = true
        for bucket in buckets {
            let inside = values.count { value in
                let value = Double(value)
                // A stretch has its end that is nearer to zero; that around zero has neither.
                if low < 0, bucket.limit > 0 { return value > low && value < bucket.limit }
                return low >= 0 ? value >= low && value < bucket.limit : value > low && value <= bucket.limit
            }
            isRight = isRight && inside == bucket.count
            low = bucket.limit
        }
        #expect(isRight)
        #expect(histogram.minimum == Double(values.min() ?? 0) && histogram.maximum == Double(values.max() ?? 0))
        let sum = values.reduce(0.0) { $0 + Double($1) }
        #expect(abs(histogram.sum - sum) <= 1e-9 * abs(sum))
        #expect(ValueHistogram().buckets.isEmpty)
    }
}
