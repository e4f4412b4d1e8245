import Analysis
import Foundation
import Testing

@Suite("Curves of runs")
struct RunCurvesTests {
    private static func file(_ text: String) throws -> String {
        let path = NSTemporaryDirectory() + "/metrics-\(UUID().uuidString).jsonl"
        try Data(text.utf8).write(to: URL(fileURLWithPath: path))
        return path
    }

    private static let log = """
        {"step":10,"tokens":640,"loss":9.5,"generator_loss":7.25,"epoch":1}
        {"step":20,"evaluation":{"step":20,"tokens":99,"generator_loss":7.5,"discriminator_auc":0.5,"majority_class":true}}
        {"step":20,"tokens":1280,"loss":8.5,"generator_loss":6.25,"epoch":1}
        {"step":30,"evaluation":{"step":30,"generator_loss":6.5,"discriminator_auc":0.75}}

        """

    @Test("Values of training and of evaluations, a torn last line left out")
    func reads() throws {
        let path = try Self.file(Self.log + "{\"step\":40,\"tok")
        defer { try? FileManager.default.removeItem(atPath: path) }
        let run = try RunCurves(path: path, label: "a")
        #expect(run.training["loss"]?.map(\.value) == [9.5, 8.5])
        #expect(run.training["loss"]?.map(\.tokens) == [640, 1280])
        #expect(run.heldOut.keys.sorted() == ["discriminator_auc", "generator_loss"])
        #expect(run.points("generator_loss").map(\.value) == [7.5, 6.5])
        #expect(run.points("generator_loss").map(\.step) == [20, 30])
        // An evaluation stands where training had come to.
        #expect(run.points("generator_loss").map(\.tokens) == [640, 1280])
        #expect(run.points("loss").map(\.step) == [10, 20] && run.points("nothing").isEmpty)
    }

    @Test("What is not a log is named by file and line")
    func refuses() throws {
        let path = try Self.file("{\"step\":1,\"loss\":2}\nhello\n{\"step\":2,\"loss\":2}\n")
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(throws: RunCurvesError.notMetrics(path: path, line: 2)) { try RunCurves(path: path, label: "a") }
        #expect(throws: RunCurvesError.unreadable(path: "/no/such")) { try RunCurves(path: "/no/such", label: "a") }
    }

    @Test("Of fine-tuning, its loss and what it is judged by")
    func tasks() throws {
        let path = try Self.file(
            "{\"step\":5,\"tokens\":9,\"loss\":1}\n{\"step\":5,\"evaluation\":{\"accuracy\":0.5,\"loss\":2}}\n")
        defer { try? FileManager.default.removeItem(atPath: path) }
        #expect(try CurveFigure([try RunCurves(path: path, label: "a")], metrics: nil).metrics == ["loss", "accuracy"])
    }

    @Test("A panel for each metric, a line for each run that has it")
    func figure() throws {
        let paths = try [Self.log, "{\"step\":1,\"tokens\":5,\"loss\":2,\"corrective_loss\":3}\n"].map(Self.file)
        defer { for path in paths { try? FileManager.default.removeItem(atPath: path) } }
        let runs = [
            try RunCurves(path: paths[0], label: "first <run>"), try RunCurves(path: paths[1], label: "second"),
        ]
        let usual = try CurveFigure(runs, metrics: nil)
        #expect(usual.metrics == ["generator_loss", "corrective_loss", "discriminator_auc"])
        let svg = usual.svg
        #expect(svg.contains("first &lt;run&gt;") && svg.contains("on held-out text") && svg.contains("in training"))
        var options = CurveFigure.Options()
        options.position = .tokens
        let chosen = try CurveFigure(runs, metrics: ["loss"], options: options)
        #expect(chosen.metrics == ["loss"] && chosen.svg.contains("tokens") && chosen.svg != svg)
        #expect(throws: RunCurvesError.self) { try CurveFigure(runs, metrics: ["los"]) }
    }

    @Test("Training beside held-out text, smoothed, by hours, on logarithmic axes, dark")
    func options() throws {
        let log = (1...30).map { step in
            #"{"step":\#(step),"seconds":\#(step * 3600),"tokens":\#(step),"generator_loss":\#(step % 2 == 0 ? 4 : 2)}"#
                + "\n"
                + (step % 10 == 0 ? #"{"step":\#(step),"evaluation":{"generator_loss":3}}"# + "\n" : "")
        }.joined()
        let path = try Self.file(log)
        defer { try? FileManager.default.removeItem(atPath: path) }
        let run = try RunCurves(path: path, label: "a")
        #expect(run.points("generator_loss").map(\.seconds) == [36_000, 72_000, 108_000])
        var options = CurveFigure.Options()
        options.showsTraining = true
        let plain = try CurveFigure([run], metrics: nil, options: options).svg
        #expect(
            plain.contains("a, in training") && plain.contains("(dots)")
                && plain.components(separatedBy: "<circle").count == 3 + 2)
        options.position = .hours
        options.smoothing = 0.9
        options.hasLogarithmicX = true
        options.theme = .dark
        let drawn = try CurveFigure([run], metrics: nil, options: options).svg
        #expect(
            drawn.contains(">hours<") && drawn.contains("smoothed by 0.9") && drawn.contains("#12151a")
                && !drawn.contains("#fff"))
        #expect(drawn != plain)
    }
}
