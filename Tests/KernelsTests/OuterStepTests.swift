import Kernels
import TestSupport
import Testing

@Suite("Outer step")
struct OuterStepTests {
    private func values(_ count: Int, seed: UInt64) -> [Float] {
        var random = SplitMix64(seed: seed)
        return (0..<count).map { _ in Float.random(in: -1...1, using: &random) }
    }

    @Test("What no replica has moved stays what it is, however many they are", arguments: 1...9)
    func unmoved(_ replicas: Int) {
        // The mean of three of these, as it is rounded, is another number.
        let anchor = values(61, seed: 4).map { $0 * 12_582_914 / 8_388_608 }
        var momentum = [Float](repeating: 0, count: anchor.count)
        var result = [Float](repeating: 0, count: anchor.count)
        anchor.withUnsafeBufferPointer { values in
            Kernels.outerStep(
                [UnsafePointer<Float>](repeating: values.baseAddress!, count: replicas), anchor: values.baseAddress!,
                momentum: &momentum, into: &result, count: anchor.count, learningRate: 0.7, decay: 0.9)
        }
        #expect(result == anchor && momentum.allSatisfy { $0 == 0 })
    }

    @Test("Nesterov's step towards the mean is that of PyTorch's SGD, in double precision", arguments: [1, 2, 5])
    func nesterov(_ replicas: Int) {
        let count = 61
        let sources = (0..<replicas).map { values(count, seed: UInt64($0)) }
        let anchor = values(count, seed: 90)
        let before = values(count, seed: 91)
        var momentum = before
        var result = sources[0]
        result.withUnsafeMutableBufferPointer { target in
            let others = sources.dropFirst().map { source in
                let copy = UnsafeMutablePointer<Float>.allocate(capacity: count)
                copy.initialize(from: source, count: count)
                return copy
            }
            defer { for other in others { other.deallocate() } }
            let base = target.baseAddress!
            Kernels.outerStep(
                [UnsafePointer(base)] + others.map { UnsafePointer($0) }, anchor: anchor, momentum: &momentum,
                into: base, count: count, learningRate: 0.7, decay: 0.9)
        }
        for i in 0..<count {
            let mean = sources.reduce(0.0) { $0 + Double($1[i]) } / Double(replicas)
            let gradient = Double(anchor[i]) - mean
            let buffer = 0.9 * Double(before[i]) + gradient
            #expect(abs(Double(momentum[i]) - buffer) < 1e-6)
            #expect(abs(Double(result[i]) - (Double(anchor[i]) - 0.7 * (gradient + 0.9 * buffer))) < 2e-6)
        }
    }
}
