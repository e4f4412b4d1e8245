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
