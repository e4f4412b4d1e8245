/// Compares named tensors with what they should be and finds the worst element.
///
/// The error of an element is `|actual − expected|` over the largest of: `|expected|`, `tensorFloor` times the largest
/// expected magnitude of its tensor, `totalFloor` times the largest of all tensors. Without floors, elements that
/// cancel to nearly nothing (the key bias has a gradient of exactly 0) would measure rounding alone.
struct GradientComparison: CustomStringConvertible {
    struct Worst {
        var name: String
        /// In every dimension of the tensor.
        var index: [Int]
        var actual: Double
        var expected: Double
        var error: Double
    }

    private struct Tensor {
        var name: String
        var shape: [Int]
        var actual: [Double]
        var expected: [Double]
        var scale: Double
    }

    let tensorFloor: Double
    let totalFloor: Double
    private var tensors: [Tensor] = []
    private(set) var problems: [String] = []

    init(tensorFloor: Double, totalFloor: Double) {
        self.tensorFloor = tensorFloor
        self.totalFloor = totalFloor
    }

    /// For two computations in `Double`: nearly elementwise.
    static var double: GradientComparison { GradientComparison(tensorFloor: 1e-3, totalFloor: 1e-4) }

    /// For `Float` against `Double`: relative to the largest element of each tensor.
    static var float: GradientComparison { GradientComparison(tensorFloor: 1, totalFloor: 1e-2) }

    mutating func compare<Value: BinaryFloatingPoint>(
        _ name: String, shape: [Int], actual: some Sequence<Value>, expected: [Double]
    ) {
        let actual = actual.map { Double($0) }
        guard actual.count == expected.count, expected.count == shape.reduce(1, *) else {
            problems.append("\(name): \(actual.count) elements where \(expected.count) of shape \(shape) were expected")
            return
        }
        let scale = expected.reduce(0) { max($0, abs($1)) }
        tensors.append(Tensor(name: name, shape: shape, actual: actual, expected: expected, scale: scale))
    }

    /// Compares named gradients with those of `parameters`; names that only one side knows are problems.
    mutating func compare<Value: BinaryFloatingPoint>(
        gradients: [String: [Value]], with parameters: Reference.Parameters
    ) {
        for parameter in parameters.all {
            guard let actual = gradients[parameter.name] else {
                problems.append("\(parameter.name): no gradient")
                continue
            }
            compare(parameter.name, shape: parameter.shape, actual: actual, expected: parameter.gradient)
        }
        for name in gradients.keys.sorted() where parameters[name] == nil {
            problems.append("\(name): the reference has no such parameter")
        }
    }

    /// The element of the largest error; nil if there was none to compare.
    var worst: Worst? {
        let largest = tensors.reduce(0) { max($0, $1.scale) }
        var worst: Worst?
        for tensor in tensors {
            let floor = max(tensorFloor * tensor.scale, totalFloor * largest, .leastNormalMagnitude)
            for (index, (actual, expected)) in zip(tensor.actual, tensor.expected).enumerated() {
                let relative = abs(actual - expected) / max(abs(expected), floor)
                let error = relative.isNaN ? .infinity : relative
                if error > (worst?.error ?? -1) {
                    worst = Worst(
                        name: tensor.name, index: Self.coordinates(index, in: tensor.shape), actual: actual,
                        expected: expected, error: error)
                }
            }
        }
        return worst
    }

    /// Whether something was compared and all of it agrees.
    func isWithin(_ tolerance: Double) -> Bool {
        guard problems.isEmpty, let worst else { return false }
        return worst.error <= tolerance
    }

    var description: String {
        guard let worst else { return (problems + ["nothing was compared"]).joined(separator: "\n") }
        let place = worst.index.map(String.init).joined(separator: ", ")
        let line = "\(worst.name)[\(place)] is \(worst.actual), not \(worst.expected): relative error \(worst.error)"
        return (problems + [line]).joined(separator: "\n")
    }

    private static func coordinates(_ index: Int, in shape: [Int]) -> [Int] {
        var rest = index
        var coordinates: [Int] = []
        for size in shape.reversed() {
            coordinates.insert(rest % size, at: 0)
            rest /= size
        }
        return coordinates
    }
}
