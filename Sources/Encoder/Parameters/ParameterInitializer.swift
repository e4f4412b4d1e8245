import Foundation
import Kernels

/// Draws initial values, a pure function of seed, tensor name and element index.
public enum ParameterInitializer {
    /// Fills `buffer` (of `layout.bufferCount` floats) with initial values, one task a tensor.
    public static func initialize(_ buffer: FloatBuffer, _ layout: ParameterLayout, seed: UInt64, pool: ThreadPool) {
        precondition(buffer.count >= layout.bufferCount)
        pool.run(layout.specs.count) { index, _ in
            let spec = layout.specs[index]
            let values = UnsafeMutableBufferPointer(start: buffer.base + spec.offset, count: spec.count)
            switch spec.initialization {
            case .zeros: values.update(repeating: 0)
            case .ones: values.update(repeating: 1)
            case .truncatedNormal(let deviation):
                let scale = deviation * spec.scaling.initialization
                let random = Philox(seed: seed, purpose: .initialization)
                let stream = stableHash(spec.name)
                for i in 0..<values.count { values[i] = Float(scale * truncatedNormal(random, stream, i)) }
            }
        }
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
