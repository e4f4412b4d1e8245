extension Reference {
    /// The Post-LN sublayer `N(x + dropout(F(x)))`.
    struct PostNormResidual: Layer {
        var function: any Layer
        var norm: any Layer
        let dropout: Dropout

        mutating func forward(_ input: Matrix) -> Matrix {
            norm.forward(input + dropout.forward(function.forward(input)))
        }

        mutating func backward(upstream: Matrix) -> Matrix {
            let sum = norm.backward(upstream: upstream)
            return sum + function.backward(upstream: dropout.backward(upstream: sum))
        }
    }

    /// A sublayer without a norm, `x + dropout(F(x))`.
    struct BareResidual: Layer {
        var function: any Layer
        let dropout: Dropout

        mutating func forward(_ input: Matrix) -> Matrix { input + dropout.forward(function.forward(input)) }

        mutating func backward(upstream: Matrix) -> Matrix {
            upstream + function.backward(upstream: dropout.backward(upstream: upstream))
        }
    }

    /// The Peri-LN sublayer `x + dropout(M(F(N(x))))`.
    struct PeriNormResidual: Layer {
        var function: any Layer
        var norm: any Layer
        var outputNorm: any Layer
        let dropout: Dropout

        mutating func forward(_ input: Matrix) -> Matrix {
            input + dropout.forward(outputNorm.forward(function.forward(norm.forward(input))))
        }

        mutating func backward(upstream: Matrix) -> Matrix {
            let sum = outputNorm.backward(upstream: dropout.backward(upstream: upstream))
            return upstream + norm.backward(upstream: function.backward(upstream: sum))
        }
    }

    /// A layer whose output is multiplied by a constant.
    struct Scaled: Layer {
        private var layer: any Layer
        private let factor: Double

        init(_ layer: any Layer, by factor: Double) {
            self.layer = layer
            self.factor = factor
        }

        mutating func forward(_ input: Matrix) -> Matrix { factor * layer.forward(input) }

        mutating func backward(upstream: Matrix) -> Matrix { layer.backward(upstream: factor * upstream) }
    }

    /// The Pre-LN sublayer `x + dropout(F(N(x)))`.
    struct PreNormResidual: Layer {
        var function: any Layer
        var norm: any Layer
        let dropout: Dropout

        mutating func forward(_ input: Matrix) -> Matrix {
            input + dropout.forward(function.forward(norm.forward(input)))
        }

        mutating func backward(upstream: Matrix) -> Matrix {
            let branch = function.backward(upstream: dropout.backward(upstream: upstream))
            return upstream + norm.backward(upstream: branch)
        }
    }
}
