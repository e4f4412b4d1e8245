import TestSupport
import Testing

/// The derivative of `function` by each value of `parameter`, from a five-point stencil: the error is of order
/// `step⁴`, so a step large enough to stay clear of rounding still gives ten digits and more.
func centralDifferences(by parameter: Reference.Parameter, step: Double = 3e-4, of function: () -> Double) -> [Double] {
    parameter.values.indices.map { index in
        let original = parameter.values[index]
        defer { parameter.values[index] = original }
        func at(_ offset: Double) -> Double {
            parameter.values[index] = original + offset
            return function()
        }
        return (8 * (at(step) - at(-step)) - (at(2 * step) - at(-2 * step))) / (12 * step)
    }
}

/// Expects that `backward` adds the gradient of `function` to that of each parameter.
///
/// The gradients start from random values, so a backward that overwrites them fails.
func expectGradients(
    of parameters: [Reference.Parameter], tolerance: Double = 1e-7, step: Double = 3e-4, function: () -> Double,
    backward: () -> Void, sourceLocation: SourceLocation = #_sourceLocation
) {
    var generator = SplitMix64(seed: 99)
    for parameter in parameters { parameter.gradient = parameter.values.map { _ in generator.normal() } }
    let before = parameters.map(\.gradient)
    _ = function()
    backward()
    var comparison = GradientComparison.double
    for (parameter, before) in zip(parameters, before) {
        comparison.compare(
            parameter.name, shape: parameter.shape, actual: zip(parameter.gradient, before).map { $0 - $1 },
            expected: centralDifferences(by: parameter, step: step, of: function))
    }
    #expect(comparison.isWithin(tolerance), "\(comparison)", sourceLocation: sourceLocation)
}

/// Expects that a layer's backward is the gradient of its forward, by its input and by all `parameters`, for a random
/// input `[rows, columns]` and a random upstream gradient.
func expectGradients<Layer: Reference.Layer>(
    of layer: Layer, rows: Int, columns: Int, parameters: Reference.Parameters = .init(), seed: UInt64 = 7,
    sourceLocation: SourceLocation = #_sourceLocation
) {
    var layer = layer
    var generator = SplitMix64(seed: seed)
    let input = Reference.Parameter(
        "input", shape: [rows, columns], values: generator.matrix(rows, columns).values)
    let matrix = { Reference.Matrix(rows: rows, columns: columns, values: input.values) }
    let output = layer.forward(matrix())
    let upstream = generator.matrix(output.rows, output.columns)
    expectGradients(
        of: [input] + parameters.all, function: { layer.forward(matrix()).dot(upstream) },
        backward: { input.accumulate(layer.backward(upstream: upstream).values) }, sourceLocation: sourceLocation)
}
