import Foundation
import Kernels

/// Draws initial values, a pure function of seed, tensor name and element index.
public enum ParameterInitializer {
    /// Elements that one task draws.
    private static let sliceCount = 1 << 16

    /// Fills `buffer` (of `layout.bufferCount` floats) with initial values.
    public static func initialize(_ buffer: FloatBuffer, _ layout: ParameterLayout, seed: UInt64, pool: ThreadPool) {
        precondition(buffer.count >= layout.bufferCount)
        let slices = layout.specs.flatMap { spec in
            stride(from: 0, to: spec.count, by: sliceCount).map { (spec, $0..<min($0 + sliceCount, spec.count)) }
        }
        let random = Philox(seed: seed, purpose: .initialization)
        pool.run(slices.count) { task, _ in
            let (spec, range) = slices[task]
            fill(buffer.base + spec.offset, range, spec, random)
        }
    }

    private static func fill(
        _ values: UnsafeMutablePointer<Float>, _ range: Range<Int>, _ spec: ParameterSpec, _ random: Philox
    ) {
        switch spec.initialization {
        case .zeros: for i in range { values[i] = 0 }
        case .ones: for i in range { values[i] = 1 }
        case .truncatedNormal(let deviation):
            let scale = deviation * spec.scaling.initialization
            let stream = stableHash(spec.name)
            for i in range { values[i] = Float(scale * truncatedNormal(random, stream, i)) }
        case .uniform(let bound):
            let scale = bound * spec.scaling.initialization
            let stream = stableHash(spec.name)
            for i in range { values[i] = Float(scale * uniform(random, stream, i)) }
        }
    }

    /// A number between −1 and 1, ends excluded.
    private static func uniform(_ random: Philox, _ stream: UInt64, _ index: Int) -> Double {
        let words = random.block([
            UInt32(truncatingIfNeeded: index), 0, UInt32(truncatingIfNeeded: stream),
            UInt32(truncatingIfNeeded: stream >> 32),
        ])
        return (Double(words.x) + 0.5) * 0x1p-31 - 1
    }

    /// A standard normal number within ±2, by Box–Muller and rejection.
    private static func truncatedNormal(_ random: Philox, _ stream: UInt64, _ index: Int) -> Double {
        var attempt: UInt32 = 0
        while true {
            let words = random.block([
                UInt32(truncatingIfNeeded: index), attempt, UInt32(truncatingIfNeeded: stream),
                UInt32(truncatingIfNeeded: stream >> 32),
            ])
            let radius = (-2 * log((Double(words.x) + 0.5) * 0x1p-32)).squareRoot()
            let angle = 2 * Double.pi * Double(words.y) * 0x1p-32
            let first = radius * cos(angle)
            if abs(first) <= 2 { return first }
            let second = radius * sin(angle)
            if abs(second) <= 2 { return second }
            attempt += 1
        }
    }

    /// FNV-1a, so that a tensor's values depend on its name and not on what stands before it.
    private static func stableHash(_ text: String) -> UInt64 {
        text.utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01b3 }
    }
}
