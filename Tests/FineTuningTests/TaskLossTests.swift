import FineTuning
import Foundation
import Testing

/// Against PyTorch, and against central differences.
@Suite("Fine-tuning: losses")
struct TaskLossTests {
    private struct Fixture: Decodable {
        struct Case<Truth: Decodable>: Decodable {
            var outputs: [Float]
            var truth: Truth
            var loss: Double
            var gradient: [Double]
        }
        var labels: [Case<[Bool]>]
        var words: [Case<[Int]>]
        var spans: [Case<[Int]>]
    }

    private func check<Truth>(_ expected: Fixture.Case<Truth>, _ target: TaskTarget) {
        let (weight, count) = (0.75, expected.outputs.count)
        var (outputs, gradient) = (expected.outputs, [Float](repeating: 9, count: expected.outputs.count))
        func loss() -> Double { TaskLoss.loss(outputs, target) }
        let own = TaskLoss.loss(&outputs, count: count, target, weight: weight, gradient: &gradient)
        #expect(abs(own - expected.loss) < 1e-12 * max(1, own) && own == loss())
        for index in 0..<count {
            #expect(abs(Double(gradient[index]) - weight * expected.gradient[index]) < 1e-7)
            let value = outputs[index]
            let step: Float = 0.015625
            outputs[index] = value + step
            let above = loss()
            outputs[index] = value - step
            let slope = weight * (above - loss()) / (2 * Double(step))
            outputs[index] = value
            #expect(abs(slope - Double(gradient[index])) < 1e-4)
        }
    }

    @Test func words() throws {
        let cases = try fixture("losses", Fixture.self).words
        #expect(cases.count == 3)
        for expected in cases { check(expected, .words(expected.truth)) }
    }

    @Test func spans() throws {
        let cases = try fixture("losses", Fixture.self).spans
        #expect(cases.count == 3)
        for expected in cases { check(expected, .span(expected.truth[0], expected.truth[1])) }
    }

    @Test func severalLabels() throws {
        let cases = try fixture("losses", Fixture.self).labels
        #expect(cases.count == 3)
        for expected in cases { check(expected, .labels(expected.truth)) }
    }
}
