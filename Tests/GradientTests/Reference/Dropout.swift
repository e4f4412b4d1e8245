extension Reference {
    /// Which elements of a `[rows, columns]` matrix stay. Kept elements grow by `1 / (1 − probability)`.
    struct DropoutMask {
        let probability: Double
        let isKept: (_ row: Int, _ column: Int) -> Bool

        func factor(_ row: Int, _ column: Int) -> Double {
            isKept(row, column) ? 1 / (1 - probability) : 0
        }
    }

    /// Multiplies by a given mask; without one the identity.
    struct Dropout: Layer {
        let mask: DropoutMask?

        func forward(_ input: Matrix) -> Matrix { masked(input) }

        func backward(upstream: Matrix) -> Matrix { masked(upstream) }

        private func masked(_ matrix: Matrix) -> Matrix {
            guard let mask else { return matrix }
            var output = matrix
            for row in 0..<matrix.rows {
                for column in 0..<matrix.columns { output[row, column] *= mask.factor(row, column) }
            }
            return output
        }
    }
}
