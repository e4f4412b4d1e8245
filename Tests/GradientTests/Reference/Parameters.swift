import TestSupport

extension Reference {
    /// A named tensor and its gradient, shared by reference between the layers that use it.
    final class Parameter {
        let name: String
        let shape: [Int]
        var values: [Double]
        var gradient: [Double]

        init(_ name: String, shape: [Int], values: [Double]) {
            precondition(values.count == shape.reduce(1, *), "\(name): \(values.count) values for shape \(shape)")
            self.name = name
            self.shape = shape
            self.values = values
            gradient = [Double](repeating: 0, count: values.count)
        }

        /// Adds to the gradient, which several layers may share.
        func accumulate(_ addend: [Double]) {
            precondition(addend.count == gradient.count)
            for index in gradient.indices { gradient[index] += addend[index] }
        }
    }

    /// What is wrong with the tensors that a model is to be built from.
    enum ParameterError: Error, CustomStringConvertible {
        case missing(String, known: [String])
        case duplicate(String)
        case shape(String, expected: [Int], found: [Int])
        case count(String, shape: [Int], found: Int)

        var description: String {
            switch self {
            case .missing(let name, let known): "no parameter \(name) among \(known.joined(separator: ", "))"
            case .duplicate(let name): "parameter \(name) given twice"
            case .shape(let name, let expected, let found): "parameter \(name) has shape \(found), not \(expected)"
            case .count(let name, let shape, let found): "parameter \(name) has \(found) values for shape \(shape)"
            }
        }
    }

    /// An ordered dictionary from name to parameter. Layers ask it for what they need by name and shape.
    final class Parameters {
        private(set) var all: [Parameter] = []
        private var byName: [String: Parameter] = [:]
        private var requested: Set<String> = []
        private var generator: SplitMix64?

        /// No parameters yet: `add` them, then build a model.
        init() {}

        /// Draws every parameter that a layer asks for: a model of random weights.
        init(drawnFrom seed: UInt64) {
            generator = SplitMix64(seed: seed)
        }

        func add<Value: BinaryFloatingPoint>(_ name: String, shape: [Int], values: some Sequence<Value>) throws {
            let values = values.map { Double($0) }
            guard byName[name] == nil else { throw ParameterError.duplicate(name) }
            guard values.count == shape.reduce(1, *) else {
                throw ParameterError.count(name, shape: shape, found: values.count)
            }
            insert(Parameter(name, shape: shape, values: values))
        }

        /// The parameter of this name, which must have this shape.
        func require(_ name: String, _ shape: [Int]) throws -> Parameter {
            if byName[name] == nil, var generator {
                insert(Parameter(name, shape: shape, values: Self.draw(name, shape, from: &generator)))
                self.generator = generator
            }
            guard let parameter = byName[name] else { throw ParameterError.missing(name, known: all.map(\.name)) }
            guard parameter.shape == shape else {
                throw ParameterError.shape(name, expected: shape, found: parameter.shape)
            }
            requested.insert(name)
            return parameter
        }

        subscript(name: String) -> Parameter? { byName[name] }

        /// Names that were added but that no layer asked for: a misspelt parameter must not go unnoticed.
        var unrequested: [String] { all.map(\.name).filter { !requested.contains($0) } }

        func resetGradients() {
            for parameter in all { parameter.gradient = [Double](repeating: 0, count: parameter.values.count) }
        }

        private func insert(_ parameter: Parameter) {
            all.append(parameter)
            byName[parameter.name] = parameter
        }

        /// Gains near 1, small biases, matrices that keep the scale of what they multiply: nothing starts at 0 or 1
        /// exactly, where a wrong gradient could hide.
        private static func draw(_ name: String, _ shape: [Int], from generator: inout SplitMix64) -> [Double] {
            let isMatrix = shape.count > 1
            let centre = name.hasSuffix("gain") ? 1.0 : 0.0
            let deviation = isMatrix ? 1 / Double(shape[shape.count - 1]).squareRoot() : 0.3
            return (0..<shape.reduce(1, *)).map { _ in centre + deviation * generator.normal() }
        }
    }
}
