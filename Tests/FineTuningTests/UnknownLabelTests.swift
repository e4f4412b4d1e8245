import FineTuning
import Foundation
import Runs
import TestSupport
import Testing

/// What is wrong with a file is told with its line before anything is trained.
@Suite("Fine-tuning: lines that do not fit the task")
struct UnknownLabelTests {
    @Test(arguments: [
        (TaskKind.classes, "{\"text\": \"a\", \"label\": \"dull\"}", "the label dull is none of fair, foul"),
        (.number, "{\"text\": \"a\", \"label\": \"fair\"}", "the label fair is no number"),
        (.labels, "{\"text\": \"a\", \"labels\": [\"cold\", \"dull\"]}", "the label dull is none of cold, sunny, warm"),
        (.tokens, "{\"words\": [\"a\"], \"labels\": [\"I-FAIR\"]}", "the label I-FAIR is none of B-FAIR, B-FOUL, O"),
        (
            .choice, "{\"context\": \"a\", \"choices\": [\"x\", \"y\"], \"label\": \"x\"}",
            "the label x is none of 0, 1, 2"
        ),
        (
            .span, "{\"question\": \"a\", \"context\": \"b\", \"answers\": [{\"text\": \"c\", \"start\": 0}]}",
            "the answer c does not stand at 0 of the context, but b"
        ),
    ])
    func lineIsNamed(kind: TaskKind, line: String, problem: String) throws {
        let texts = try WeatherTexts()
        let configuration = try texts.configuration(of: kind)
        let name = kind == .classes ? "test.jsonl" : "\(kind.rawValue)/test.jsonl"
        let lines = try texts.folder.text(name)
        try texts.folder.write(lines + "\n\n" + line, to: name)
        let error = #expect(throws: TaskError.self) {
            _ = try FineTuningRun(
                configuration, pretrained: texts.pretrained, isFromScratch: false, output: texts.folder("run"),
                threads: 1, progress: ProgressLine(quiet: true), report: { _ in }
            ).start()
        }
        #expect("\(try #require(error))".contains("\(name):42: \(problem)"))
        #expect(!texts.folder.exists("run/metrics.jsonl") && !texts.folder.exists("run/checkpoints"))
    }
}
