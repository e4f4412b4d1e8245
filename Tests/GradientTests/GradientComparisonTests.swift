import Testing

/// The yardstick has to notice what it is there to notice.
@Suite("Gradient comparison")
struct GradientComparisonTests {
    @Test("The worst element is named with its index")
    func worst() throws {
        var comparison = GradientComparison(tensorFloor: 0, totalFloor: 0)
        comparison.compare("a", shape: [2], actual: [1, 2] as [Float], expected: [1, 2])
        comparison.compare("b", shape: [2, 3], actual: [1, 2, 3, 4, 5.5, 6.1], expected: [1, 2, 3, 4, 5, 6])
        let worst = try #require(comparison.worst)
        #expect(worst.name == "b" && worst.index == [1, 1])
        #expect(abs(worst.error - 0.1) < 1e-12)
        #expect(!comparison.isWithin(0.05) && comparison.isWithin(0.2))
        #expect(comparison.description == "b[1, 1] is 5.5, not 5.0: relative error 0.1")
    }

    @Test("Floors keep elements that cancel from measuring rounding")
    func floors() {
        var comparison = GradientComparison(tensorFloor: 1, totalFloor: 0.01)
        comparison.compare("large", shape: [2], actual: [100, 1e-6] as [Double], expected: [100, 0])
        comparison.compare("zero", shape: [1], actual: [1e-6] as [Double], expected: [0])
        #expect(comparison.isWithin(1e-6) && !comparison.isWithin(1e-7))
    }

    @Test("Not a number, a wrong count and nothing at all are failures")
    func failures() {
        var comparison = GradientComparison.float
        #expect(!comparison.isWithin(1))
        comparison.compare("a", shape: [2], actual: [.nan, 1] as [Float], expected: [1, 1])
        #expect(!comparison.isWithin(1e9))
        comparison = .float
        comparison.compare("a", shape: [2], actual: [1, 1] as [Float], expected: [1, 1])
        #expect(comparison.isWithin(0))
        comparison.compare("b", shape: [2], actual: [1] as [Float], expected: [1, 1])
        #expect(!comparison.isWithin(1e9))
    }

    @Test("A gradient that only one side knows is a failure")
    func names() throws {
        let parameters = Reference.Parameters()
        try parameters.add("a", shape: [1], values: [2.0])
        parameters["a"]?.gradient = [3]
        var comparison = GradientComparison.float
        comparison.compare(gradients: ["a": [3]] as [String: [Float]], with: parameters)
        #expect(comparison.isWithin(0))
        comparison.compare(gradients: ["a": [3], "c": [1]] as [String: [Float]], with: parameters)
        #expect(comparison.problems == ["c: the reference has no such parameter"])
        comparison = .float
        comparison.compare(gradients: [:] as [String: [Float]], with: parameters)
        #expect(!comparison.isWithin(1))
    }
}
