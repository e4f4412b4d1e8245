import Foundation

extension Reference {
    /// Rotary positions (arXiv 2104.09864) in the half-split convention: within each head, the pair `(j, j + d/2)`
    /// turns by `position · base^(−2j/d)`.
    struct RotaryPositions: Layer {
        let headSize: Int
        let base: Double
        /// The position of each row.
        let positions: [Int]

        func forward(_ input: Matrix) -> Matrix { rotated(input, direction: 1) }

        /// The transpose of a rotation is the rotation back.
        func backward(upstream: Matrix) -> Matrix { rotated(upstream, direction: -1) }

        private func rotated(_ input: Matrix, direction: Double) -> Matrix {
            let half = headSize / 2
            var output = input
            for token in 0..<input.rows {
                for start in stride(from: 0, to: input.columns, by: headSize) {
                    for j in 0..<half {
                        let frequency = pow(base, -2 * Double(j) / Double(headSize))
                        let angle = direction * Double(positions[token]) * frequency
                        let (x, y) = (input[token, start + j], input[token, start + j + half])
                        output[token, start + j] = x * cos(angle) - y * sin(angle)
                        output[token, start + j + half] = y * cos(angle) + x * sin(angle)
                    }
                }
            }
            return output
        }
    }
}
